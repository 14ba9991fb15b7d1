import { noteAccess, noteRawAccess, type RawText } from '../domain/accesses.ts'
import { type Caller, type Db, staffRoles } from '../domain/callers.ts'
import type { OperationId, Schemas } from './contract/handler.ts'

/** What an answer is to: the operation, with the path and the query it was asked under. */
export type Asked = {
  operation: string
  path: { reference?: string; source?: string }
  query: { externalId?: string }
}

/**
 * Notes the cases of which an answer shows staff what the public does not read, and who reads what a source sent, before
 * it is sent: what cannot be noted is not shown. Every answer passes here, so that no operation can forget it.
 */
export async function noteAnswer(db: Db, caller: Caller, asked: Asked, body: unknown): Promise<void> {
  if (caller.kind !== 'client') return
  const text = rawTextShown(asked, body)
  if (text !== null) await noteRawAccess(db, caller, asked.operation, text)
  if (staffRoles.includes(caller.role)) await noteAccess(db, caller, asked.operation, casesShown(asked, body))
}

function rawTextShown({ operation, path, query }: Asked, body: unknown): RawText | null {
  const { source = '' } = path
  switch (operation as OperationId) {
    case 'getQuarantined':
      return { source, entry: (body as Schemas['QuarantinedEntryWithRaw']).reference }
    case 'listItemVersions':
      return { source, item: query.externalId ?? '' }
    default:
      return null
  }
}

/** The references of the cases of which an answer shows staff what the public does not read. */
export function casesShown({ operation, path }: Omit<Asked, 'query'>, body: unknown): string[] {
  const remarks = remarksIn[operation as OperationId]
  return remarks === undefined ? staffCasesIn(body) : remarks(body as never, path.reference ?? '')
}

type Remarks = (body: never, reference: string) => string[]

// What is shown of a case without the case itself. A picture does not say who may see it, so every one is noted.
const remarksIn: Partial<Record<OperationId, Remarks>> = {
  listNotes: ({ items }: Schemas['NotePage'], reference) => (items.length > 0 ? [reference] : []),
  listDecisions: ({ items }: Schemas['DecisionPage'], reference) =>
    items.some(({ note, edits }) => note !== undefined || edits !== undefined) ? [reference] : [],
  listReports: ({ items }: Schemas['ObjectionPage']) => items.map(objectionCase),
  listRemovalRequests: ({ items }: Schemas['ObjectionPage']) => items.map(objectionCase),
  listEscalations: ({ items }: Schemas['EscalationPage']) => items.map((escalation) => escalation.case),
  decideRemoval: (objection: Schemas['Objection']) => [objectionCase(objection)],
  getImage: (_picture, reference) => [reference],
}

function objectionCase(objection: Schemas['Objection']): string {
  return objection.case
}

function staffCasesIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  if ('view' in value && value.view === 'staff') return [(value as Schemas['StaffCase']).reference]
  return Object.values(value).flatMap(staffCasesIn)
}
