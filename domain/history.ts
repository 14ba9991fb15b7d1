import { type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { standingFor } from './case-changes.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import type { EventType } from './events.ts'

/** One line of the history of a case: what changed, never from what to what. */
export type CaseEvent = {
  id: number
  type: EventType
  at: string
  /** The name of the API client; null for the service itself, the reporter and the public. */
  client: string | null
  actingUser: string | null
  reason: string | null
  fields: string[]
  version: number | null
}

/**
 * The history of a case, oldest first, for everybody who works on it. It has no content, so that nobody's part of it
 * is kept from the others. Throws `not_found` and `not_your_case` as every operation on a case does.
 */
export async function listCaseEvents(
  db: Db,
  client: ClientCaller,
  reference: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<CaseEvent>> {
  const cursor = readCursor(after, ['number'])
  const { standing } = await standingFor(db.pool, client, reference, 'listCaseEvents')
  const found = await eventsAfter(db, standing.id, cursor?.[0] ?? 0, limit + 1)
  return pageOf(found, limit, (last) => [last.id])
}

/** The history of a case after an event, oldest first: so many lines, or all of them. */
export async function eventsAfter(
  db: Db,
  caseId: number,
  after: number,
  limit: number | null,
): Promise<CaseEvent[]> {
  return rows<CaseEvent>(
    db.pool,
    `select e.id, e.type, e.at, c.name as client, e.acting_user as "actingUser", e.reason, e.fields, e.case_version as version
     from events e left join api_clients c on c.id = e.client_id
     where e.case_id = $1 and e.id > $2 order by e.id limit $3`,
    [caseId, after, limit],
    'case-events',
  )
}
