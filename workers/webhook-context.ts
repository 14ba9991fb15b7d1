import type { WebhookSender } from '../net/send-webhook.ts'
import type { Context } from './context.ts'

/** What the jobs of webhooks have at hand. */
export type WebhookContext = Pick<Context, 'db' | 'log' | 'now' | 'random' | 'signal' | 'measure'> & {
  sender: WebhookSender
  /** Begins every address that goes out; without a slash at the end. */
  publicUrl: string
}
