import { type Db, row } from '../prisma/client.ts'
import type { Addressee } from './addressees.ts'
import type { ClaimedNotification } from './notifications.ts'
import { noticePlace } from './subscription-rows.ts'

/** Whom to tell that a subscription is paused: nobody who has resumed it, or who wants it no more. */
export async function forPausedSubscription(
  db: Db,
  { id }: Pick<ClaimedNotification, 'id'>,
): Promise<Addressee> {
  const found = await row<{ reference: string; reason: string | null; noticeSealed: string | null }>(
    db.pool,
    `select s.reference, s.state_reason as reason, s.notice_sealed as "noticeSealed"
     from notifications n join subscriptions s on s.id = n.subscription_id where n.id = $1 and s.state = 'paused'`,
    [id],
    'paused-subscription',
  )
  if (found === undefined) return { nobody: 'resumed' }
  const { reference, reason, noticeSealed } = found
  if (noticeSealed === null) return { nobody: 'no_address' }
  return {
    to: db.vault.open(noticePlace(reference), noticeSealed),
    facts: { subscription: reference, reason: REASONS[reason ?? ''] ?? 'somebody has paused it' },
  }
}

const REASONS: Readonly<Record<string, string>> = {
  failing: 'its address has not taken anything for three days',
  query_invalid: 'its saved query names what is not there any more',
}
