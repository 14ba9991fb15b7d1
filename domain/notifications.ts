import { createHmac } from 'node:crypto'
import { type Db, inTransaction, type NotificationKind, row, rows } from '../prisma/client.ts'
import { secretOf } from './secrets.ts'

/** Something to be told that a worker has claimed: it is that worker's own until its lease ends. */
export type ClaimedNotification = {
  id: number
  key: string
  kind: NotificationKind
  caseId: number | null
  organisationId: number | null
  address: number
  /** This attempt counted; it also says whose claim it is. */
  attempts: number
  /** What went wrong the last time, as a code; null the first time. */
  problem: string | null
  createdAt: string
}

/** What became of an attempt; `problem` is a code, never what a server or a person said. */
export type Settlement =
  | { state: 'sent'; providerId: string | null }
  | { state: 'waiting'; problem: string | null; nextAttemptAt: Date }
  | { state: 'failed' | 'dropped'; problem: string }

/** How often something is tried before it counts as failed; the last time about two days after the first. */
export const MOST_ATTEMPTS = 8

/** How far the change log has been read for whom to tell. */
const TAP = 'notifications'
const EVENTS_AT_ONCE = 500

/**
 * Notes whom the events of the change log say is to be told (`NewEvent.tells`), from where it was read last; a worker
 * tells them (workers/tell.ts). The same thing is never noted twice, whoever reads and however often, and nobody is told
 * of a case that is only tried out. May be killed at any moment. Resolves to how many were noted.
 */
export async function noteNotifications(db: Db, eventsAtOnce = EVENTS_AT_ONCE): Promise<number> {
  let all = 0
  for (;;) {
    const { noted, more } = await inTransaction(db, async (tx) => {
      // A statement of its own: whoever waits here sees in the next one what the one before has read.
      await rows(tx, 'select 1 from log_taps where name = $1 for no key update', [TAP], 'hold-tap')
      return (await row<NotedStep>(tx, NOTE, [TAP, eventsAtOnce], 'note-notifications')) as NotedStep
    })
    all += noted
    if (!more) return all
  }
}

type NotedStep = { noted: number; more: boolean }

// A case that moves is new to each organisation that it comes to. What is gone meanwhile must not hold up the rest.
const NOTE = `
  with due as materialized (
    select e.position, e.at, e.case_id, e.organisation_id, e.tells from events e
    where e.position > (select position from log_taps where name = $1) and e.tells is not null
    order by e.position limit $2),
  told as (
    insert into notifications (key, kind, case_id, organisation_id, address, created_at, next_attempt_at)
    select concat_ws(':', t.kind, d.case_id, coalesce(t.once, ''), o.id, a.address), t.kind, d.case_id, o.id, a.address, d.at, d.at
    from due d join cases c on c.id = d.case_id and not c.test
    cross join lateral (
      select (one->>'kind')::notification_kind as kind, one->>'once' as once, (one->>'organisationId')::int as named, n
      from jsonb_array_elements(d.tells) with ordinality as each(one, n)) as t
    cross join lateral (select t.kind::text like any('{%_for_organisation,%_for_commissioner}') as is_one) as of
    left join organisations o on of.is_one and o.id = coalesce(t.named, d.organisation_id)
    cross join lateral unnest(case when of.is_one then array[1, 2] else array[1] end) as a(address)
    where o.id is not null or not of.is_one
    order by d.position, t.n, a.address
    on conflict (key) do nothing returning 1),
  reached as (
    select case when (select count(*) from due) < $2 then (select placed from log_state)
      else (select max(position) from due) end as position),
  moved as (
    update log_taps t set position = r.position from reached r where t.name = $1 and t.position < r.position)
  select (select count(*)::int from told) as noted, (select count(*) from due) = $2 as more`

/**
 * Claims what is to be told now, urgent things first. Two workers never get the same; what is not settled before the
 * lease ends comes again, so that a worker that dies loses nothing, and may at worst have sent it already.
 */
export async function claimNotifications(
  db: Db,
  now: Date,
  { limit, leaseMs }: { limit: number; leaseMs: number },
): Promise<ClaimedNotification[]> {
  // The store rounds to milliseconds, where a Date cuts: what was noted this very moment is due.
  return rows<ClaimedNotification>(
    db.pool,
    `update notifications n set attempts = n.attempts + 1, next_attempt_at = $2
     from (
       select id from notifications where state = 'waiting' and next_attempt_at <= $1::timestamptz + interval '1 millisecond'
       order by kind = 'urgent_for_on_call' desc, next_attempt_at, id limit $3 for update skip locked
     ) due
     where n.id = due.id
     returning n.id, n.key, n.kind, n.case_id as "caseId", n.organisation_id as "organisationId", n.address, n.attempts,
       n.problem, n.created_at as "createdAt"`,
    [now, new Date(now.getTime() + leaseMs), limit],
    'claim-notifications',
  )
}

/** Keeps what became of an attempt; false when the claim was no longer this worker's. */
export async function settleNotification(
  db: Db,
  { id, attempts }: Pick<ClaimedNotification, 'id' | 'attempts'>,
  settlement: Settlement,
  now: Date,
): Promise<boolean> {
  const settled = await row(
    db.pool,
    `update notifications set state = $3::notification_state, problem = $4, next_attempt_at = coalesce($5, next_attempt_at),
       sent_at = case when $3::notification_state = 'sent' then $6::timestamptz end, provider_id = $7
     where id = $1 and attempts = $2 and state = 'waiting' returning 1`,
    [
      id,
      attempts,
      settlement.state,
      'problem' in settlement ? settlement.problem : null,
      settlement.state === 'waiting' ? settlement.nextAttemptAt : null,
      now,
      settlement.state === 'sent' ? settlement.providerId : null,
    ],
    'settle-notification',
  )
  return settled !== undefined
}

/** What was told, or what there was nobody for, is forgotten after so long; what failed is kept for somebody to look at. */
const KEPT_YEARS = 1
const FORGOTTEN_AT_ONCE = 1_000

/** Forgets some of what was told, or had nobody to be told to, more than a year ago; how many that were. */
export async function forgetOldNotifications(db: Db, now: Date): Promise<number> {
  const forgotten = await rows(
    db.pool,
    `delete from notifications where id in (
       select o.id from (values ('sent'::notification_state), ('dropped')) as s(state)
       cross join lateral (
         select id, created_at from notifications where state = s.state order by id limit ${FORGOTTEN_AT_ONCE}) o
       where o.created_at < $1::timestamptz - interval '${KEPT_YEARS} year') returning 1`,
    [now],
    'forget-notifications',
  )
  return forgotten.length
}

/** When to try again after so many attempts: from a minute to a day, a little scattered; null when it was the last. */
export function nextAttempt(attempts: number, now: Date, random: () => number): Date | null {
  if (attempts >= MOST_ATTEMPTS) return null
  const minutes = Math.min(4 ** (attempts - 1), 24 * 60)
  return new Date(now.getTime() + minutes * 60_000 * (1 + 0.1 * random()))
}

/** The same for every attempt of one notification, so that whoever receives it twice can tell; says nothing of the case. */
export async function tokenOf(db: Db, { key }: Pick<ClaimedNotification, 'key'>): Promise<string> {
  const secret = await secretOf(db.pool, db.vault, 'mail')
  return createHmac('sha256', secret).update(key).digest().subarray(0, 16).toString('hex')
}
