import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { FAILING_TOO_LONG_MS } from './delivery-plan.ts'
import { recordEvents } from './events.ts'
import { type HeldSubscription, holdSubscription } from './subscription-rows.ts'

/** Why a subscription has ended. */
export type EndReason = 'asked' | 'gone' | 'client_revoked'

/** Ends a subscription that is held, with its event; what waits is cancelled. A second time changes nothing. */
export async function endHeld(
  tx: Tx,
  client: ClientCaller | null,
  { id, clientId, state }: HeldSubscription,
  reason: EndReason,
  now: Date,
): Promise<void> {
  if (state === 'ended') return
  await rows(
    tx,
    `update subscriptions set state = 'ended', state_reason = $2, version = version + 1, updated_at = $3 where id = $1`,
    [id, reason, now],
  )
  await rows(
    tx,
    `update deliveries set state = 'cancelled', settled_at = $2 where subscription_id = $1 and state = 'waiting'`,
    [id, now],
  )
  await recordEvents(tx, client, [{ type: 'subscription.ended', aboutClientId: clientId, reason }])
}

/** Ends a subscription because of what was found while sending. */
export async function endFound(
  db: Db,
  id: number,
  reason: Exclude<EndReason, 'asked'>,
  now: Date,
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdSubscription(tx, id)
    if (held !== undefined) await endHeld(tx, null, held, reason, now)
  })
}

/**
 * Pauses a subscription that has failed for too long without one success, and notes that its owner is told; says whether
 * it did. What happens meanwhile waits.
 */
export async function pauseFailing(db: Db, id: number, now: Date): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const held = await holdSubscription(tx, id)
    const { state, failingSince = null } = held ?? {}
    if (held === undefined || state !== 'active' || failingSince === null) return false
    if (now.getTime() - Date.parse(failingSince) < FAILING_TOO_LONG_MS) return false
    await pauseHeld(tx, held, 'failing', now)
    return true
  })
}

/** Pauses a subscription whose saved query cannot be asked any more, as when an organisation in it has gone. */
export async function pauseUnaskable(db: Db, id: number, now: Date): Promise<void> {
  await inTransaction(db, async (tx) => {
    const held = await holdSubscription(tx, id)
    if (held?.state === 'active') await pauseHeld(tx, held, 'query_invalid', now)
  })
}

async function pauseHeld(
  tx: Tx,
  { id, clientId, notice, version }: HeldSubscription,
  reason: 'failing' | 'query_invalid',
  now: Date,
): Promise<void> {
  await rows(
    tx,
    `update subscriptions set state = 'paused', state_reason = $2, version = version + 1, updated_at = $3 where id = $1`,
    [id, reason, now],
  )
  await recordEvents(tx, null, [{ type: 'subscription.paused', aboutClientId: clientId, reason }])
  if (!notice) return
  await rows(
    tx,
    `insert into notifications (key, kind, subscription_id) values ($1, 'subscription_paused', $2) on conflict (key) do nothing`,
    [`subscription_paused:${id}:${version}`, id],
  )
}
