import { fanOutStep } from '../domain/fan-out.ts'
import type { AddJob } from './queues.ts'
import type { WebhookContext } from './webhook-context.ts'

const STEPS = 100

/** Makes the deliveries of what a subscription has not been told yet; what is left after many steps is for the next job. */
export async function fanOut(
  { db, now, signal }: Pick<WebhookContext, 'db' | 'now' | 'signal'>,
  subscriptionId: number,
  addJob: AddJob,
): Promise<void> {
  for (let step = 0; step < STEPS && !signal.aborted; step++) {
    const { made, more } = await fanOutStep(db, subscriptionId, now())
    if (made > 0) await addJob('deliver', { subscriptionId })
    if (!more) return
  }
  await addJob('fan-out', { subscriptionId })
}
