import { type Db, inTransaction, row, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { noteTold, type RecallHow, type RecallReason } from './recalls.ts'
import { parseReference } from './references.ts'

/** A recall as somebody may see it: an administrator with every holder, a holder with itself. */
export type Recall = {
  id: number
  reference: string
  caseReference: string
  reason: RecallReason
  createdAt: string
  /** When the last of the holders that are shown confirmed; null while one has not. */
  confirmedAt: string | null
  holders: RecallHolder[]
}

/** Who holds a copy, and whether it has been told and has confirmed. */
export type RecallHolder = {
  client: string
  how: RecallHow
  toldAt: string | null
  confirmedAt: string | null
  confirmedBy: string | null
}

/** The recalls that a client may see, newest first; whoever reads its own has been told of them. */
export async function listRecalls(
  db: Db,
  client: ClientCaller,
  {
    open,
    after,
    limit,
    now,
  }: { open?: boolean | undefined; after?: string | undefined; limit: number; now: Date },
): Promise<Page<Recall>> {
  const cursor = readCursor(after, ['number'])
  const wanted = [whose(client), open ?? null, cursor?.[0] ?? null, null, limit + 1]
  const read = () => rows<Recall>(db.pool, RECALLS, wanted, 'list-recalls')
  const page = pageOf(await read(), limit, (last) => [last.id])
  if (!(await tellReader(db.pool, client, page.items, now))) return page
  return pageOf(await read(), limit, (last) => [last.id])
}

/** One recall; who reads its own has been told. Throws the same `not_found` for another's and for one that is not there. */
export async function getRecall(db: Db, client: ClientCaller, recall: string, now: Date): Promise<Recall> {
  const found = await recallFor(db.pool, client, recall)
  return (await tellReader(db.pool, client, [found], now)) ? recallFor(db.pool, client, recall) : found
}

/** Notes that a holder's copies are gone; once more changes nothing. Throws `not_found` to whoever holds none. */
export async function confirmRecall(
  db: Db,
  client: ClientCaller,
  recall: string,
  now: Date,
): Promise<Recall> {
  const { clientId, actingUser } = client
  return inTransaction(db, async (tx) => {
    const held = await row<{ id: number; caseReference: string; confirmed: boolean }>(
      tx,
      `select r.id, r.case_reference as "caseReference", h.confirmed_at is not null as confirmed
       from recall_holders h join recalls r on r.id = h.recall_id
       where r.reference = $1 and h.client_id = $2 for no key update of h`,
      [parseReference(recall) ?? '', clientId],
    )
    if (held === undefined) throw unknownRecall()
    if (!held.confirmed) {
      await rows(
        tx,
        `update recall_holders set confirmed_at = $3, confirmed_by = $4, told_at = coalesce(told_at, $3)
         where recall_id = $1 and client_id = $2`,
        [held.id, clientId, now, actingUser],
      )
      const { caseReference } = held
      await recordEvents(tx, client, [{ type: 'recall.confirmed', caseReference, aboutClientId: clientId }])
    }
    return recallFor(tx, client, recall)
  })
}

const RECALLS = `
  select r.id, r.reference, r.case_reference as "caseReference", r.reason, r.created_at as "createdAt",
    utc(h.confirmed_at) as "confirmedAt", h.holders
  from recalls r cross join lateral (
    select count(*) > 0 as any, bool_and(h.confirmed_at is not null) as confirmed,
      case when bool_and(h.confirmed_at is not null) then max(h.confirmed_at) end as confirmed_at,
      json_agg(json_build_object('client', k.name, 'how', h.how, 'toldAt', utc(h.told_at),
        'confirmedAt', utc(h.confirmed_at), 'confirmedBy', h.confirmed_by) order by k.id) as holders
    from recall_holders h join api_clients k on k.id = h.client_id
    where h.recall_id = r.id and ($1::int is null or h.client_id = $1)) as h
  where h.any and ($2::boolean is null or h.confirmed <> $2) and ($3::bigint is null or r.id < $3)
    and ($4::text is null or r.reference = $4)
    and ($1::int is null or r.id in (select recall_id from recall_holders where client_id = $1))
  order by r.id desc limit $5`

async function recallFor(sql: Sql, client: ClientCaller, recall: string): Promise<Recall> {
  const wanted = [whose(client), null, null, parseReference(recall) ?? '', 1]
  const found = await row<Recall>(sql, RECALLS, wanted, 'get-recall')
  if (found === undefined) throw unknownRecall()
  return found
}

// Null for whoever sees those of all.
function whose({ role, clientId }: ClientCaller): number | null {
  return role === 'administrator' ? null : clientId
}

// Says whether anything was to be noted.
async function tellReader(
  sql: Sql,
  client: ClientCaller,
  recalls: readonly Recall[],
  now: Date,
): Promise<boolean> {
  if (client.role === 'administrator') return false
  const untold = recalls.filter(({ holders }) => holders.some(({ toldAt }) => toldAt === null))
  if (untold.length === 0) return false
  const references = untold.map(({ reference }) => reference)
  await noteTold(sql, client.clientId, references, now)
  return true
}

function unknownRecall(): DomainError {
  return new DomainError('not_found', { detail: 'Your client has no such recall.' })
}
