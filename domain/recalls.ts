import { row, rows, type Sql, type Tx } from '../prisma/client.ts'
import { recordEvents } from './events.ts'
import { newReference } from './references.ts'

/** Why copies of a case have to go. */
export type RecallReason = 'consent_withdrawn' | 'erased' | 'withdrawn' | 'removed'

/** How somebody came by a copy: it was sent to a webhook, or read with a key. */
export type RecallHow = 'webhook' | 'read'

/**
 * Calls back the copies of cases, in the caller's transaction and before the cases' own data go: a recall for each case of
 * which somebody holds one, with an event for each holder. Resolves to the references of the recalls. What only takes a case
 * from the public (`consent_withdrawn`, `removed`) calls nothing back that never was public.
 */
export async function recordRecalls(
  tx: Tx,
  cases: readonly { id: number; reference: string }[],
  { reason, erasureId, now }: { reason: RecallReason; erasureId?: number; now: Date },
): Promise<string[]> {
  if (cases.length === 0) return []
  const ids = cases.map(({ id }) => id)
  const references = cases.map(({ reference }) => reference)
  const publicOnly = reason === 'consent_withdrawn' || reason === 'removed'
  const found = await rows<Holder>(
    tx,
    HOLDERS,
    [ids, references, SERVICE_ROLES, publicOnly, reason === 'erased'],
    'recall-holders',
  )
  if (found.length === 0) return []
  const recalls = new Map(found.map(({ caseReference }) => [caseReference, newReference()]))
  await rows(
    tx,
    WRITE,
    [
      ...[[...recalls.values()], [...recalls.keys()], reason, erasureId ?? null, now],
      ...[found.map((one) => recalls.get(one.caseReference)), found.map((one) => one.clientId)],
      found.map((one) => one.how),
    ],
    'write-recalls',
  )
  await recordEvents(
    tx,
    null,
    found.map(({ caseReference, clientId }) => ({
      type: 'recall.created',
      caseReference,
      aboutClientId: clientId,
      reason,
    })),
  )
  return [...recalls.values()]
}

/** The recall of a case that a client has not confirmed yet, the newest; undefined when there is none. */
export async function waitingRecall(
  sql: Sql,
  clientId: number,
  caseReference: string,
): Promise<string | undefined> {
  const found = await row<{ reference: string }>(
    sql,
    `select r.reference from recalls r join recall_holders h on h.recall_id = r.id
     where r.case_reference = $1 and h.client_id = $2 and h.confirmed_at is null order by r.id desc limit 1`,
    [caseReference, clientId],
    'waiting-recall',
  )
  return found?.reference
}

/** Notes that a holder was told of recalls; the first time counts. */
export async function noteTold(
  sql: Sql,
  clientId: number,
  recalls: readonly string[],
  now: Date,
): Promise<void> {
  await rows(
    sql,
    `update recall_holders h set told_at = $3 from recalls r
     where r.reference = any($2::text[]) and h.recall_id = r.id and h.client_id = $1 and h.told_at is null`,
    [clientId, recalls, now],
    'note-told',
  )
}

type Holder = { caseReference: string; clientId: number; how: RecallHow }

// Their tools read what is here; they keep no copies.
const SERVICE_ROLES = ['case_handler', 'second_tier', 'administrator']

/*
 * Who was sent it: also whoever did not answer, as only the answer may have been lost, and whoever is just being sent it.
 * Who read it: what only staff may read is noted (domain/accesses.ts). What was brought by an integrator lies there too.
 */
const HOLDERS = `
  with wanted as materialized (
    select w.id, w.reference from unnest($1::bigint[], $2::text[]) as w(id, reference)
    where not $4 or exists (select from events e where e.case_id = w.id and e.type = 'case.published')),
  sent as (
    select w.reference, s.client_id from wanted w
    join deliveries d on d.case_id = w.id and not d.gone join subscriptions s on s.id = d.subscription_id
    where d.state = 'delivered' or d.attempts > 0 or (d.state = 'waiting' and s.state = 'active')
      or exists (select from delivery_attempts a where a.delivery_id = d.id)
    union
    select w.reference, k.client_id from wanted w join delivered_copies k on k.case_id = w.id),
  read as (
    select w.reference, a.client_id from wanted w join accesses a on a.cases @> array[w.reference]
    union
    select w.reference, c.client_id from wanted w join cases c on c.id = w.id
    join api_clients k on k.id = c.client_id where $5 and k.role = 'integrator')
  select h.reference as "caseReference", h.client_id as "clientId",
    case when bool_or(h.how = 'webhook') then 'webhook' else 'read' end as how
  from (select *, 'webhook' as how from sent union all select *, 'read' from read) as h
  join api_clients k on k.id = h.client_id
  where k.role <> all($3::role[])
  group by h.reference, h.client_id order by h.reference, h.client_id`

const WRITE = `
  with made as (
    insert into recalls (reference, case_reference, reason, erasure_id, created_at)
    select r.reference, r.case_reference, $3, $4, $5 from unnest($1::text[], $2::text[]) as r(reference, case_reference)
    returning id, reference)
  insert into recall_holders (recall_id, client_id, how)
  select made.id, h.client_id, h.how from unnest($6::text[], $7::int[], $8::text[]) as h(recall, client_id, how)
  join made on made.reference = h.recall`
