import { createHmac } from 'node:crypto'
import { type Db, type NotificationKind, row, rows, type Tx } from '../prisma/client.ts'
import { secretOf } from './secrets.ts'

/** What decides whether anybody is told about a case. */
export type Tellable = { id: number; organisationId: number; test: boolean }

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
  createdAt: string
}

/** What became of an attempt; `problem` is a code, never what a server or a person said. */
export type Settlement =
  | { state: 'sent' }
  | { state: 'waiting'; problem: string | null; nextAttemptAt: Date }
  | { state: 'failed' | 'dropped'; problem: string }

/** How often something is tried before it counts as failed; the last time about two days after the first. */
export const MOST_ATTEMPTS = 8

/**
 * Notes in the caller's transaction that somebody is to be told about a case; a worker sends it (workers/send-mail.ts).
 * `once` tells apart what may happen to a case several times; the same thing is never told twice. Nobody is told of a
 * case that is only tried out.
 */
export async function notify(
  tx: Tx,
  theCase: Tellable,
  kind: NotificationKind,
  once: string | number = '',
): Promise<void> {
  if (theCase.test) return
  const forOrganisation = kind.endsWith('_for_organisation')
  await rows(
    tx,
    `insert into notifications (key, kind, case_id, organisation_id, address)
     select $1 || ':' || address, $2::notification_kind, $3, $4, address from unnest($5::int[]) as address
     on conflict (key) do nothing`,
    [
      // A case that moves is new to each organisation that it comes to.
      [kind, theCase.id, once, ...(forOrganisation ? [theCase.organisationId] : [])].join(':'),
      kind,
      theCase.id,
      forOrganisation ? theCase.organisationId : null,
      forOrganisation ? [1, 2] : [1],
    ],
    'notify',
  )
}

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
       n.created_at as "createdAt"`,
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
       sent_at = case when $3::notification_state = 'sent' then $6::timestamptz end
     where id = $1 and attempts = $2 and state = 'waiting' returning 1`,
    [
      id,
      attempts,
      settlement.state,
      'problem' in settlement ? settlement.problem : null,
      settlement.state === 'waiting' ? settlement.nextAttemptAt : null,
      now,
    ],
    'settle-notification',
  )
  return settled !== undefined
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
