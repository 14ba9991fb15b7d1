import {
  type Attempt,
  type ClaimedDelivery,
  cancelDelivery,
  claimDelivery,
  type DeliverySettlement,
  giveBackDelivery,
  settleDelivery,
} from '../domain/delivery-claims.ts'
import { nextDelivery } from '../domain/delivery-plan.ts'
import { readerOf } from '../domain/fan-out.ts'
import type { LogReader } from '../domain/log-lines.ts'
import { noteTold } from '../domain/recalls.ts'
import { endFound, pauseFailing } from '../domain/subscription-ends.ts'
import { signedHeaders } from '../domain/webhook-signatures.ts'
import type { WebhookResult } from '../net/send-webhook.ts'
import type { AddJob } from './queues.ts'
import type { WebhookContext } from './webhook-context.ts'
import { messageOf, type WebhookBody } from './webhook-message.ts'

/** Requests to one receiver at a time; one while it fails, so that it is not buried under what it has missed. */
const LANES = 8
const ONE_JOB_MS = 5_000

/**
 * Sends what is due of a subscription, several at a time and of each case one after the other. A job ends after some
 * seconds, so that a process can stop; what is left is for the next one.
 */
export async function deliver(
  context: WebhookContext,
  subscriptionId: number,
  addJob: AddJob,
): Promise<void> {
  const until = Date.now() + ONE_JOB_MS
  const left = await deliverUntil(context, subscriptionId, until)
  if (left && !context.signal.aborted) await addJob('deliver', { subscriptionId })
}

/** The same without a queue; says whether time ended it. A lane that has found something opens the next one. */
export async function deliverUntil(
  context: WebhookContext,
  subscriptionId: number,
  until: number,
): Promise<boolean> {
  const lanes: Promise<void>[] = []
  const errors: unknown[] = []
  let late = false
  const open = () => lanes.push(lane().catch((error: unknown) => void errors.push(error)))
  const lane = async (): Promise<void> => {
    for (;;) {
      if (context.signal.aborted) return
      if (Date.now() >= until) {
        late = true
        return
      }
      const delivery = await claimDelivery(context.db, subscriptionId, context.now())
      if (delivery === undefined) return
      if (delivery.failingSince === null && lanes.length < LANES) open()
      if (!(await attempt(context, delivery))) return
    }
  }
  open()
  // More lanes may open while these are waited for.
  for (let n = 0; n < lanes.length; n++) await lanes[n]
  if (errors.length > 0) throw errors[0]
  return late
}

// False when there is nothing more to send.
async function attempt(context: WebhookContext, delivery: ClaimedDelivery): Promise<boolean> {
  const { db, now, signal } = context
  const reader = await readerOf(db, delivery)
  if (reader === null) {
    await endFound(db, delivery.subscriptionId, 'client_revoked', now())
    return false
  }
  const body = await made(context, reader, delivery)
  if (body === undefined) {
    await cancelDelivery(db, delivery, now())
    return true
  }
  const began = performance.now()
  const at = now()
  const result = body === 'not_made' ? NOT_MADE : await sendSigned(context, delivery, body.bytes, at)
  if (result.problem === 'aborted' && signal.aborted) {
    await giveBackDelivery(db, delivery, now())
    return false
  }
  const milliseconds = Math.round(performance.now() - began)
  // Before the delivery is settled: what is not noted when this process dies is sent, and noted, once more.
  if (body !== 'not_made' && body.recall !== null && result.problem === null)
    await noteTold(db.pool, delivery.clientId, [body.recall], now())
  const settlement = settlementOf(context, delivery, { at, milliseconds, ...wordsOf(result) }, result)
  if (await settleDelivery(db, delivery, settlement)) note(context, delivery, settlement)
  if (result.problem === null) return true
  return goesOn(context, delivery, result)
}

/** What could not be sent because of something here: tried again like all else, so that it holds up nothing for ever. */
type Result = Omit<WebhookResult, 'problem'> & { problem: WebhookResult['problem'] | 'not_made' }
const NOT_MADE: Result = { status: null, problem: 'not_made', answer: null, retryAfterSeconds: null }

async function made(
  context: WebhookContext,
  reader: LogReader,
  delivery: ClaimedDelivery,
): Promise<WebhookBody | undefined | 'not_made'> {
  try {
    return await messageOf(context, reader, delivery)
  } catch (err) {
    context.log.warn({ delivery: delivery.id, err }, 'a message could not be made')
    return 'not_made'
  }
}

function sendSigned(
  { sender, signal }: WebhookContext,
  { reference, url, secrets }: ClaimedDelivery,
  body: Buffer,
  now: Date,
): Promise<WebhookResult> {
  const headers = {
    'content-type': 'application/json',
    ...signedHeaders({ id: reference, body }, secrets, now),
  }
  return sender.send({ url, headers, body, signal })
}

function wordsOf({ status, problem, answer }: Result): Pick<Attempt, 'status' | 'problem' | 'answer'> {
  return { status, problem, answer }
}

// A test is sent once. Who answers 410 is asked nothing more.
function settlementOf(
  { now, random }: WebhookContext,
  { attempts, position }: ClaimedDelivery,
  attempt: Attempt,
  { problem, retryAfterSeconds }: Result,
): DeliverySettlement {
  if (problem === null) return { state: 'delivered', attempt }
  const last = position === null || problem === 'gone'
  const nextAttemptAt = last ? null : nextDelivery(attempts, retryAfterSeconds, now(), random)
  return nextAttemptAt === null ? { state: 'failed', attempt } : { state: 'waiting', attempt, nextAttemptAt }
}

async function goesOn(
  { db, log, now }: WebhookContext,
  { subscriptionId, position, failingSince }: ClaimedDelivery,
  { problem }: Result,
): Promise<boolean> {
  if (problem === 'gone') {
    await endFound(db, subscriptionId, 'gone', now())
    log.info({ subscriptionId }, 'a subscription has ended: its address is gone')
    return false
  }
  if (position === null || failingSince === null) return true
  const paused = await pauseFailing(db, subscriptionId, now())
  if (paused) log.warn({ subscriptionId }, 'a subscription is paused: it has failed for too long')
  return !paused
}

function note(
  { log, measure }: WebhookContext,
  delivery: ClaimedDelivery,
  { state, attempt }: DeliverySettlement,
): void {
  measure?.counted('delivery', state === 'waiting' ? 'again' : state)
  const { id, subscriptionId, attempts } = delivery
  const { status, problem, milliseconds } = attempt
  const fields = { delivery: id, subscriptionId, attempts, status, ms: milliseconds }
  if (problem === null) log.info(fields, 'delivered')
  else log.warn({ ...fields, state, problem }, 'could not be delivered')
}
