import { fanOutAll } from '../domain/fan-out.ts'
import { deliverUntil } from './deliver.ts'
import { type Loop, startLoop } from './loop.ts'
import type { WebhookContext } from './webhook-context.ts'

const SENT_FOR_MS = 5_000
const LOOK_MS = 60_000
// Whoever listens live is told first; what comes close together is sent together.
const GATHER_MS = 5

/**
 * Sends what has just happened without a detour over the queue, in the one process that gave it its position. What it does
 * not get done, or leaves behind when it is killed, the sweep of any process finds within a second.
 */
export function startSendingNow(context: WebhookContext): Loop {
  const { db, log, now } = context
  const sending = new Map<number, Promise<void>>()
  const again = new Set<number>()

  const send = async (subscriptionId: number): Promise<void> => {
    const until = Date.now() + SENT_FOR_MS
    do {
      again.delete(subscriptionId)
      await deliverUntil(context, subscriptionId, until)
    } while (again.has(subscriptionId) && Date.now() < until && !context.signal.aborted)
  }
  const start = (subscriptionId: number): void => {
    again.add(subscriptionId)
    if (sending.has(subscriptionId)) return
    const run = send(subscriptionId)
      .catch((err: Error) => log.warn({ subscriptionId, err }, 'could not be sent at once'))
      .finally(() => sending.delete(subscriptionId))
    sending.set(subscriptionId, run)
  }
  const loop = startLoop(() => fanOutAll(db, now(), start), {
    ...{ everyMs: LOOK_MS, gatherMs: GATHER_MS, log },
    failed: 'what has happened could not be made deliveries of at once',
  })
  return {
    wake: loop.wake,
    async stop() {
      await loop.stop()
      await Promise.all(sending.values())
    },
  }
}
