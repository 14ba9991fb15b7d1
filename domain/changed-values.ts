import { type CaseStatus, type Commissioned, type Priority, row, type Tx } from '../prisma/client.ts'
import { type Place, placeFor, serviceOf } from './case-place.ts'
import type { CaseRow } from './case-rows.ts'
import { type Relation, updatableBy } from './case-rules.ts'
import { type FieldError, invalid } from './errors.ts'
import { findOrganisationId } from './organisations.ts'

type Problem = Omit<FieldError, 'in'>

/** What to change of a case; absent means leave, null means clear. */
export type CaseChanges = {
  status?: CaseStatus
  assignee?: string | null
  formalComplaint?: boolean
  organisation?: string
  service?: string | null
  category?: string
  priority?: Priority
  urgent?: boolean
  breach?: boolean
  commissioned?: Commissioned | null
  passedOn?: boolean
  /** Why, as a code for the history. */
  reason?: string
}

/** What of a case an update may change, as it is to be. */
export type Values = Pick<
  CaseRow,
  'assignee' | 'formalComplaint' | 'category' | 'priority' | 'urgent' | 'breach' | 'commissioned' | 'passedOn'
> & { place: Place; service: Service }

/** `id` is undefined when it stays as it is. */
type Service = { id: number | null | undefined; code: string | null }

/** Throws `validation_failed` for every field that others change. */
export function refuseFieldsOfOthers(relation: Relation, changes: CaseChanges): void {
  const problems = (Object.keys(updatableBy) as Array<keyof typeof updatableBy>)
    .filter((field) => changes[field] !== undefined)
    .filter((field) => !(updatableBy[field] as readonly Relation[]).includes(relation))
    .map((field) => ({
      pointer: `/${field}`,
      code: 'not_yours_to_change',
      detail: `Only ${updatableBy[field].map((one) => CHANGERS[one]).join(' or ')} may change this.`,
    }))
  if (problems.length > 0) throw invalid(...problems)
}

const CHANGERS = { handler: 'a case handler', provider: "the case's organisation" } as const

/** The case as it is to be; throws `validation_failed` with everything that cannot be. */
export async function valuesAfter(
  tx: Tx,
  theCase: CaseRow,
  changes: CaseChanges,
  now: Date,
): Promise<Values> {
  const problems: Problem[] = []
  const place = await placeAfter(tx, theCase, changes.organisation, now, problems)
  const stays = place.organisationId === theCase.organisationId
  const keepsService = changes.service === undefined && stays
  const service = keepsService
    ? { id: undefined, code: theCase.service?.code ?? null }
    : await serviceAfter(tx, place, changes.service ?? null, {
        kept: stays ? (theCase.service?.code ?? null) : null,
        problems,
      })
  const category = changes.category ?? theCase.category
  if (category !== theCase.category) await checkCategory(tx, category, problems)
  if (changes.passedOn !== undefined && theCase.kind !== 'question') {
    const detail = `A ${theCase.kind} is with its organisation from the start; only a question is passed on.`
    problems.push({ pointer: '/passedOn', code: 'only_for_questions', detail })
  }
  if (problems.length > 0) throw invalid(...problems)
  return {
    place,
    service,
    category,
    assignee: changes.assignee === undefined ? (stays ? theCase.assignee : null) : changes.assignee,
    formalComplaint: changes.formalComplaint ?? theCase.formalComplaint,
    priority: changes.priority ?? theCase.priority,
    urgent: changes.urgent ?? theCase.urgent,
    breach: changes.breach ?? theCase.breach,
    commissioned: changes.commissioned === undefined ? theCase.commissioned : changes.commissioned,
    passedOn: changes.passedOn ?? theCase.passedOn,
  }
}

async function placeAfter(
  tx: Tx,
  theCase: CaseRow,
  organisation: string | undefined,
  now: Date,
  problems: Problem[],
): Promise<Place> {
  const { organisationId, latitude, longitude } = theCase
  const here = { organisationId, latitude, longitude }
  if (organisation === undefined) return here
  // The code that it has already, also a closed one's, does not mean what came after that.
  if ((await findOrganisationId(tx, organisation)) === organisationId) return here
  const found = await placeFor(tx, organisation, now)
  if (found.place === null) problems.push(found.problem)
  return found.place === null || found.place.organisationId === organisationId ? here : found.place
}

async function serviceAfter(
  tx: Tx,
  { organisationId }: Place,
  code: string | null,
  { kept, problems }: { kept: string | null; problems: Problem[] },
): Promise<Service> {
  if (code === null) return { id: null, code }
  const id = await serviceOf(tx, organisationId, code, kept)
  if (id !== null) return { id, code }
  const detail = `The organisation has no service "${code}"; its page lists them.`
  problems.push({ pointer: '/service', code: 'unknown_service', detail })
  return { id: null, code: null }
}

async function checkCategory(tx: Tx, code: string, problems: Problem[]): Promise<void> {
  if ((await row(tx, 'select 1 from categories where code = $1', [code])) !== undefined) return
  const detail = `There is no category "${code}"; /v1/categories lists them.`
  problems.push({ pointer: '/category', code: 'unknown_category', detail })
}

/** The names of the fields that do change. */
export function changedFields(before: CaseRow, after: Values): string[] {
  const simple = [
    'assignee',
    'formalComplaint',
    'category',
    'priority',
    'urgent',
    'breach',
    'commissioned',
    'passedOn',
  ] as const
  const moves = after.place.organisationId !== before.organisationId
  const service = (before.service?.code ?? null) !== after.service.code
  return [
    ...(moves ? ['organisation'] : []),
    ...(service || (moves && after.service.code !== null) ? ['service'] : []),
    ...simple.filter((field) => before[field] !== after[field]),
  ]
}
