import { type Db, inTransaction, type NotificationKind, row, rows } from '../prisma/client.ts'
import { nextAttempt } from './notifications.ts'

/** What GOV.UK Notify says became of a message: what it calls it, and a word. */
export type NotifyReceipt = { id: string; status: string }

/** What a receipt has changed: a notification failed, or waits for another attempt. */
export type ReceiptOutcome = { id: number; kind: NotificationKind; state: 'failed' | 'waiting' }

// What is not here changes nothing: it was delivered, or is on its way.
const PROBLEMS: Readonly<Record<string, { problem: string; permanent: boolean }>> = {
  'permanent-failure': { problem: 'notify_permanent_failure', permanent: true },
  'temporary-failure': { problem: 'notify_temporary_failure', permanent: false },
  'technical-failure': { problem: 'notify_technical_failure', permanent: false },
}

/**
 * Keeps what became of a message after it was sent: an address that does not exist has failed; what was full, away or
 * broken there is tried again, as long as there are attempts. Undefined when it changes nothing: it arrived, is not
 * known, or was told before.
 */
export async function noteNotifyReceipt(
  db: Db,
  { id: providerId, status }: NotifyReceipt,
  { now, random }: { now: Date; random: () => number },
): Promise<ReceiptOutcome | undefined> {
  const said = Object.hasOwn(PROBLEMS, status) ? PROBLEMS[status] : undefined
  if (said === undefined) return undefined
  return inTransaction(db, async (tx) => {
    const sent = await row<{ id: number; kind: NotificationKind; attempts: number }>(
      tx,
      `select id, kind, attempts from notifications where provider_id = $1 and state = 'sent' for update`,
      [providerId],
      'told-by-provider',
    )
    if (sent === undefined) return undefined
    const again = said.permanent ? null : nextAttempt(sent.attempts, now, random)
    const state = again === null ? 'failed' : 'waiting'
    // The next attempt is another message there.
    await rows(
      tx,
      `update notifications set state = $2::notification_state, problem = $3, sent_at = null, provider_id = null,
         next_attempt_at = coalesce($4::timestamptz, next_attempt_at) where id = $1`,
      [sent.id, state, said.problem, again],
      'note-receipt',
    )
    return { id: sent.id, kind: sent.kind, state }
  })
}
