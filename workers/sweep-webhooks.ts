import { webhookWork } from '../domain/delivery-claims.ts'
import type { AddJob } from './queues.ts'
import type { WebhookContext } from './webhook-context.ts'

/**
 * Adds a job for each subscription that the log has something for, or that has deliveries due. All that the queue holds
 * comes from here, so that an emptied one loses nothing.
 */
export async function sweepWebhooks(
  { db, now }: Pick<WebhookContext, 'db' | 'now'>,
  addJob: AddJob,
): Promise<void> {
  for (const { subscriptionId, behind, due } of await webhookWork(db, now())) {
    if (behind) await addJob('fan-out', { subscriptionId })
    if (due) await addJob('deliver', { subscriptionId })
  }
}
