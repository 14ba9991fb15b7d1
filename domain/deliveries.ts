import { type Db, type DeliveryState, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { answerPlace } from './delivery-claims.ts'
import { KEPT_DAYS } from './delivery-plan.ts'
import { DomainError, invalid } from './errors.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'
import { holdLiveSubscription, ownSubscription } from './subscription-rows.ts'

/** One event for one subscriber, and how it stands. */
export type DeliveryRow = {
  id: number
  /** The `webhook-id`. */
  reference: string
  /** Of the line of the log; null for a test. */
  position: number | null
  type: string
  caseReference: string | null
  gone: boolean
  state: DeliveryState
  attempts: number
  nextAttemptAt: string
  createdAt: string
  settledAt: string | null
}

/** One attempt to deliver; `problem` is a code, null when the answer counted. */
export type DeliveryAttemptRow = {
  at: string
  milliseconds: number
  status: number | null
  problem: string | null
  /** The beginning of the answer. */
  answer: string | null
}

/** What to deliver again: deliveries by reference, or all in a state that were made in a time. */
export type RedeliveryWish = {
  deliveries?: readonly string[] | undefined
  state?: 'delivered' | 'failed' | undefined
  createdFrom?: string | undefined
  createdTo?: string | undefined
}

/** The type of a delivery that only tries the way. */
export const TEST_TYPE = 'subscription.test'

/** The delivery log of a subscription, newest first; throws as `ownSubscription` does. */
export async function listDeliveries(
  db: Db,
  client: ClientCaller,
  subscription: string,
  wanted: {
    state?: readonly DeliveryState[] | undefined
    case?: string | undefined
    after?: string | undefined
    limit: number
  },
): Promise<Page<DeliveryRow>> {
  const { id } = await ownSubscription(db, client, subscription)
  const cursor = readCursor(wanted.after, ['number'])
  const found = await rows<DeliveryRow>(
    db.pool,
    `${DELIVERY} where d.subscription_id = $1 and ($2::bigint is null or d.id < $2)
       and ($3::delivery_state[] is null or d.state = any($3)) and ($4::text is null or d.case_reference = $4)
     order by d.id desc limit $5`,
    [
      id,
      cursor?.[0] ?? null,
      wanted.state ?? null,
      wanted.case === undefined ? null : (parseReference(wanted.case) ?? ''),
      wanted.limit + 1,
    ],
  )
  return pageOf(found, wanted.limit, (last) => [last.id])
}

/** One delivery with its last hundred attempts, oldest first; throws `not_found`. */
export async function getDelivery(
  db: Db,
  client: ClientCaller,
  subscription: string,
  reference: string,
): Promise<DeliveryRow & { log: DeliveryAttemptRow[] }> {
  const { id } = await ownSubscription(db, client, subscription)
  const delivery = await deliveryOf(db.pool, id, reference)
  const found = await rows<Omit<DeliveryAttemptRow, 'answer'> & { answerSealed: string | null }>(
    db.pool,
    `select * from (
       select id, at, milliseconds, status, problem, answer_sealed as "answerSealed" from delivery_attempts
       where delivery_id = $1 order by id desc limit 100) as last order by id`,
    [delivery.id],
    'delivery-attempts',
  )
  const log = found.map(({ at, milliseconds, status, problem, answerSealed }) => ({
    ...{ at, milliseconds, status, problem },
    answer: answerSealed === null ? null : db.vault.open(answerPlace(delivery.reference), answerSealed),
  }))
  return { ...delivery, log }
}

/** Makes a delivery that only tries the way, sent once, also when paused. Throws `not_found` and `subscription_ended`. */
export async function createTest(
  db: Db,
  client: ClientCaller,
  subscription: string,
  { key, now }: { key: string | undefined; now: Date },
): Promise<DeliveryRow> {
  const request = { key, operation: `createSubscriptionTest ${subscription}`, body: null }
  const { id, reference } = await once(db, { clientId: client.clientId }, request, async (tx) => {
    const held = await holdLiveSubscription(tx, client, subscription)
    const reference = newReference()
    await rows(
      tx,
      `insert into deliveries (reference, subscription_id, type, next_attempt_at, created_at) values ($1, $2, $3, $4, $4)`,
      [reference, held.id, TEST_TYPE, now],
    )
    return { id: held.id, reference }
  })
  return deliveryOf(db.pool, id, reference)
}

/**
 * Has deliveries that were settled sent once more, under the same `webhook-id`, with all their attempts before them; says
 * how many. Throws `validation_failed`, `not_found` and `subscription_ended`.
 */
export async function redeliver(
  db: Db,
  client: ClientCaller,
  subscription: string,
  wish: RedeliveryWish,
  { key, now }: { key: string | undefined; now: Date },
): Promise<number> {
  refuseMixed(wish)
  const request = { key, operation: `createRedeliveries ${subscription}`, body: wish }
  const { count } = await once(db, { clientId: client.clientId }, request, async (tx) => {
    const held = await holdLiveSubscription(tx, client, subscription)
    return { count: await waitAgain(tx, held.id, wish, now) }
  })
  return count
}

/**
 * Forgets some deliveries that were settled long ago, with their attempts; returns how many. Whoever was sent a case
 * stays known, so that its copy can be called back (domain/recalls.ts).
 */
export async function forgetOldDeliveries(db: Db, now: Date, limit = 5_000): Promise<number> {
  const before = new Date(now.getTime() - KEPT_DAYS * 86_400_000)
  const { rowCount } = await db.pool.query(
    `with gone as (
       delete from deliveries where id in (
         select id from deliveries where settled_at < $1 order by settled_at limit $2 for update skip locked)
       returning subscription_id, case_id, gone, state),
     copies as (
       insert into delivered_copies (case_id, client_id)
       select distinct g.case_id, s.client_id from gone g
       join subscriptions s on s.id = g.subscription_id join cases c on c.id = g.case_id
       where not g.gone and g.state in ('delivered', 'failed') on conflict do nothing)
     select from gone`,
    [before, limit],
  )
  return rowCount ?? 0
}

const DELIVERY = `
  select d.id, d.reference, d.position, d.type, d.case_reference as "caseReference", d.gone, d.state, d.attempts,
    d.next_attempt_at as "nextAttemptAt", d.created_at as "createdAt", d.settled_at as "settledAt"
  from deliveries d`

async function deliveryOf(sql: Sql, subscriptionId: number, reference: string): Promise<DeliveryRow> {
  const found = await row<DeliveryRow>(
    sql,
    `${DELIVERY} where d.subscription_id = $1 and d.reference = $2`,
    [subscriptionId, parseReference(reference) ?? ''],
    'delivery',
  )
  if (found === undefined) {
    throw new DomainError('not_found', { detail: 'The subscription has no such delivery (any more).' })
  }
  return found
}

function refuseMixed({ deliveries, createdFrom, createdTo, state }: RedeliveryWish): void {
  if (deliveries === undefined) return
  const others = Object.entries({ createdFrom, createdTo, state }).filter(([, value]) => value !== undefined)
  if (others.length === 0) return
  throw invalid(
    ...others.map(([name]) => ({
      pointer: `/${name}`,
      code: 'not_with_deliveries',
      detail: 'Deliveries are named one by one, or by a time and a state.',
    })),
  )
}

async function waitAgain(tx: Tx, subscriptionId: number, wish: RedeliveryWish, now: Date): Promise<number> {
  const { deliveries, state = 'failed', createdFrom = null, createdTo = null } = wish
  const [chosen, values] =
    deliveries === undefined
      ? [
          `state = $3::delivery_state and position is not null and ($4::timestamptz is null or created_at >= $4)
             and ($5::timestamptz is null or created_at < $5)`,
          [state, createdFrom, createdTo],
        ]
      : [
          `reference = any($3::text[]) and state in ('delivered', 'failed')`,
          [deliveries.map((one) => parseReference(one) ?? '')],
        ]
  const again = await rows<{ n: number }>(
    tx,
    `with again as (
       update deliveries set state = 'waiting', attempts = 0, next_attempt_at = $2, settled_at = null
       where subscription_id = $1 and ${chosen} returning 1)
     select count(*)::int as n from again`,
    [subscriptionId, now, ...values],
  )
  return again[0]?.n ?? 0
}
