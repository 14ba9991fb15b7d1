import { type Db, type EscalationState, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { commissionersBehind } from './commissioners.ts'
import { type Page, pageOf, readCursor, unknownCursor } from './cursors.ts'
import { ESCALATION_FIELDS, type Escalation, type EscalationRow, openEscalation } from './waiting-rows.ts'

/** An escalation with the case that it is of. */
export type ListedEscalation = Escalation & { caseReference: string }

/**
 * A page of escalations, what is due first first: for the central team all, for a commissioner those that went to it, of
 * cases that it sees.
 */
export async function listEscalations(
  db: Db,
  client: ClientCaller,
  {
    state,
    after,
    limit,
  }: {
    state?: readonly EscalationState[] | undefined
    after?: string | undefined
    limit: number
  },
): Promise<Page<ListedEscalation>> {
  const cursor = readCursor(after, ['string', 'number'] as const)
  // As the store writes it: four digits of a year, and milliseconds.
  if (cursor !== undefined && (!/^\d{4}-.{19}$/.test(cursor[0]) || Number.isNaN(Date.parse(cursor[0]))))
    throw unknownCursor()
  const found = await rows<Listed>(
    db.pool,
    `select e.id, c.reference as "caseReference", ${COLUMNS}
     from escalations e join cases c on c.id = e.case_id left join organisations et on et.id = e.to_id
     where c.test = $1 and ($2::text[] is null or e.state = any($2::escalation_state[]))
       and ($3::timestamptz is null or (e.due_at, e.id) > ($3::timestamptz, $4::bigint))
       and ($5::int[] is null or (e.to_id = any($5) and c.organisation_id = any($6::int[]) and (c.kind <> 'question' or c.passed_on)))
     order by e.due_at, e.id limit $7`,
    [
      client.test,
      state?.length ? state : null,
      cursor === undefined ? null : new Date(cursor[0]),
      cursor?.[1] ?? null,
      client.role === 'commissioner' ? await commissionersBehind(db.pool, client) : null,
      client.organisationIds,
      limit + 1,
    ],
    'list-escalations',
  )
  const { items, next } = pageOf(found, limit, (last) => [last.dueAt, last.id])
  return {
    items: items.map(({ id: _, caseReference, ...escalation }) => ({
      ...openEscalation(db.vault, escalation, true),
      caseReference,
    })),
    next,
  }
}

type Listed = EscalationRow & { id: number; caseReference: string }

const COLUMNS = Object.entries(ESCALATION_FIELDS)
  .map(([name, sql]) => `${sql} as "${name}"`)
  .join(', ')
