import { type Db, type QueryView, row, rows } from '../prisma/client.ts'
import { LEASE_MS } from './delivery-plan.ts'
import { urlPlace } from './subscription-rows.ts'
import { openSecrets, secretsJson } from './subscription-secrets.ts'

/** A delivery that a worker has claimed, with where and how to send it as that stands now. */
export type ClaimedDelivery = {
  id: number
  /** The `webhook-id`. */
  reference: string
  subscriptionId: number
  clientId: number
  /** Its client was, so that nothing is to be sent any more. */
  revoked: boolean
  view: QueryView
  /** Of the line of the log; null for a test. */
  position: number | null
  caseReference: string | null
  /** The case had left the selection with this line. */
  gone: boolean
  /** This attempt counted; it also says whose claim it is. */
  attempts: number
  createdAt: string
  failingSince: string | null
  url: string
  /** All of them sign, the newest first. */
  secrets: string[]
}

/** What an attempt was answered; `problem` is a code, null when the answer counts. */
export type Attempt = {
  at: Date
  milliseconds: number
  status: number | null
  problem: string | null
  /** The beginning of the answer. */
  answer: string | null
}

/** What becomes of a delivery after an attempt. */
export type DeliverySettlement =
  | { state: 'delivered' | 'failed'; attempt: Attempt }
  | { state: 'waiting'; attempt: Attempt; nextAttemptAt: Date }

/**
 * Claims the delivery of a subscription that has been due the longest. Of one case only the oldest that waits can be
 * claimed, so its events go out one after the other, in the order of the log. Two workers never get the same; what is not
 * settled before the lease ends comes again, so that a worker that dies loses nothing, and may at worst have sent it already.
 */
export async function claimDelivery(
  db: Db,
  subscriptionId: number,
  now: Date,
): Promise<ClaimedDelivery | undefined> {
  const claimed = await row<ClaimedRow>(
    db.pool,
    CLAIM,
    [subscriptionId, now, new Date(now.getTime() + LEASE_MS)],
    'claim-delivery',
  )
  if (claimed === undefined) return undefined
  const { urlSealed, subscription, sealedSecrets, ...delivery } = claimed
  return {
    ...delivery,
    url: db.vault.open(urlPlace(subscription), urlSealed),
    secrets: openSecrets(db.vault, sealedSecrets),
  }
}

/**
 * Keeps what became of an attempt, and since when its subscription fails; false when the claim was no longer this
 * worker's. Tests say nothing about whether a subscription fails.
 */
export async function settleDelivery(
  db: Db,
  { id, attempts, reference }: Pick<ClaimedDelivery, 'id' | 'attempts' | 'reference'>,
  settlement: DeliverySettlement,
): Promise<boolean> {
  const { state, attempt } = settlement
  const settled = await row(
    db.pool,
    SETTLE,
    [
      id,
      attempts,
      state,
      settlement.state === 'waiting' ? settlement.nextAttemptAt : null,
      new Date(attempt.at.getTime() + attempt.milliseconds),
      attempt.at,
      attempt.milliseconds,
      attempt.status,
      attempt.problem,
      attempt.answer === null ? null : db.vault.seal(answerPlace(reference), attempt.answer),
    ],
    'settle-delivery',
  )
  return settled !== undefined
}

/** Gives a claim back as if it had not been made, for a worker that stops. */
export async function giveBackDelivery(
  db: Db,
  { id, attempts }: Pick<ClaimedDelivery, 'id' | 'attempts'>,
  now: Date,
): Promise<void> {
  await rows(
    db.pool,
    `update deliveries set attempts = attempts - 1, next_attempt_at = $3 where id = $1 and attempts = $2 and state = 'waiting'`,
    [id, attempts, now],
    'give-back-delivery',
  )
}

/** Cancels a delivery of what its subscriber may not hear any more. */
export async function cancelDelivery(
  db: Db,
  { id, attempts }: Pick<ClaimedDelivery, 'id' | 'attempts'>,
  now: Date,
): Promise<void> {
  await rows(
    db.pool,
    `update deliveries set state = 'cancelled', settled_at = $3 where id = $1 and attempts = $2 and state = 'waiting'`,
    [id, attempts, now],
    'cancel-delivery',
  )
}

/** What there is to do for subscriptions: lines of the log to look at, and deliveries that are due. */
export type WebhookWork = { subscriptionId: number; behind: boolean; due: boolean }

/** All that there is to do now; as much as was due before the queue forgot it. */
export async function webhookWork(db: Db, now: Date): Promise<WebhookWork[]> {
  return rows<WebhookWork>(db.pool, WORK, [now], 'webhook-work')
}

/** Where the beginning of an answer is sealed. */
export function answerPlace(reference: string): string {
  return `delivery_attempts.answer_sealed:${reference}`
}

type ClaimedRow = Omit<ClaimedDelivery, 'url' | 'secrets'> & {
  subscription: string
  urlSealed: string
  sealedSecrets: Array<{ reference: string; sealed: string }>
}

// The store rounds to milliseconds, where a Date cuts: what was noted this very moment is due. Tests go out of what is paused too.
const dueAt = (time: string): string => `
  d.state = 'waiting' and d.next_attempt_at <= ${time}::timestamptz + interval '1 millisecond'
  and (s.state = 'active' or s.state = 'paused' and d.position is null)
  and (d.case_id is null or d.id = (select b.id from deliveries b where b.subscription_id = d.subscription_id
    and b.case_id = d.case_id and b.state = 'waiting' order by b.id limit 1))`

const CLAIM = `
  with due as (
    select d.id, s.reference as subscription, s.client_id, c.revoked_at is not null as revoked, s.view, s.failing_since, s.url_sealed, ${secretsJson('$2::timestamptz')} as secrets
    from deliveries d join subscriptions s on s.id = d.subscription_id join api_clients c on c.id = s.client_id
    where d.subscription_id = $1 and ${dueAt('$2')}
    order by d.next_attempt_at, d.id limit 1 for no key update of d skip locked)
  update deliveries d set attempts = d.attempts + 1, next_attempt_at = $3
  from due where d.id = due.id
  returning d.id, d.reference, d.subscription_id as "subscriptionId", due.client_id as "clientId", due.revoked, due.view, d.position,
    d.case_reference as "caseReference", d.gone, d.attempts, d.created_at as "createdAt", due.failing_since as "failingSince",
    due.subscription, due.url_sealed as "urlSealed", due.secrets as "sealedSecrets"`

const SETTLE = `
  with settled as (
    update deliveries set state = $3::delivery_state, next_attempt_at = coalesce($4::timestamptz, next_attempt_at),
      settled_at = case when $3::delivery_state <> 'waiting' then $5::timestamptz end
    where id = $1 and attempts = $2 and state = 'waiting' returning id, subscription_id, position),
  noted as (
    insert into delivery_attempts (delivery_id, at, milliseconds, status, problem, answer_sealed)
    select id, $6, $7, $8, $9, $10 from settled),
  stands as (
    update subscriptions s set failing_since = case when $3::delivery_state <> 'delivered' then $6::timestamptz end
    from settled where s.id = settled.subscription_id and settled.position is not null
      and (s.failing_since is null) = ($3::delivery_state <> 'delivered'))
  select 1 from settled`

const WORK = `
  select w.* from (
    select s.id as "subscriptionId", s.state = 'active' and s.position < l.placed as behind,
      exists (select from deliveries d where d.subscription_id = s.id and ${dueAt('$1')}) as due
    from subscriptions s cross join log_state l where s.state <> 'ended') w
  where w.behind or w.due order by w."subscriptionId"`
