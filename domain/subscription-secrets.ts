import { type Db, inTransaction, rows, type Sql, type Tx, type Vault } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { newReference } from './references.ts'
import { holdLiveSubscription, ownSubscription } from './subscription-rows.ts'
import { newWebhookSecret } from './webhook-signatures.ts'

/** A secret of a subscription, without itself; it signs until it expires. */
export type SubscriptionSecret = { reference: string; createdAt: string; expiresAt: string | null }

/** So many sign at a time, so that one can replace the other without a gap. */
export const MOST_SIGNING = 2

/** The secrets of a subscription that sign, oldest first; throws as `ownSubscription` does. */
export async function listSubscriptionSecrets(
  db: Db,
  client: ClientCaller,
  reference: string,
  now: Date,
): Promise<SubscriptionSecret[]> {
  const { id } = await ownSubscription(db, client, reference)
  return signingSecrets(db.pool, id, now)
}

/**
 * Makes a secret that signs at once, which is returned here and never shown again; the one before signs beside it for so
 * many hours, and with 0 no other signs any more. Throws `too_many_keys` while two sign already, `subscription_ended`,
 * and as `ownSubscription` does.
 */
export async function rotateSubscriptionSecret(
  db: Db,
  client: ClientCaller,
  reference: string,
  { oldExpiresInHours = 24 }: { oldExpiresInHours?: number | undefined },
  now: Date,
): Promise<SubscriptionSecret & { secret: string }> {
  return inTransaction(db, async (tx) => {
    const { id, clientId } = await holdLiveSubscription(tx, client, reference)
    const signing = await signingSecrets(tx, id, now)
    if (oldExpiresInHours > 0 && signing.length >= MOST_SIGNING) {
      throw new DomainError('too_many_keys', {
        detail: `${MOST_SIGNING} secrets sign already; wait until one expires, or end both with oldExpiresInHours 0.`,
      })
    }
    const expiresAt = new Date(now.getTime() + oldExpiresInHours * 3_600_000)
    await rows(tx, 'delete from subscription_secrets where subscription_id = $1 and expires_at <= $2', [
      id,
      now,
    ])
    await rows(
      tx,
      `update subscription_secrets set expires_at = least(expires_at, $2::timestamptz) where subscription_id = $1`,
      [id, expiresAt],
    )
    const created = await insertSecret(tx, id, now)
    await recordEvents(tx, client, [{ type: 'subscription.secret_created', aboutClientId: clientId }])
    return created
  })
}

/** Makes a secret in the caller's transaction. */
export async function insertSecret(
  tx: Tx,
  subscriptionId: number,
  now: Date,
): Promise<SubscriptionSecret & { secret: string }> {
  const reference = newReference()
  const secret = newWebhookSecret()
  await rows(
    tx,
    `insert into subscription_secrets (reference, subscription_id, sealed, created_at) values ($1, $2, $3, $4)`,
    [reference, subscriptionId, tx.vault.seal(placeOf(reference), secret), now],
  )
  return { reference, secret, createdAt: now.toISOString(), expiresAt: null }
}

/** SQL for the secrets of the subscription `s` that sign at the time `$n`, as `openSecrets` takes them. */
export function secretsJson(time: string): string {
  return `(select coalesce(json_agg(json_build_object('reference', k.reference, 'sealed', k.sealed) order by k.id desc), '[]')
    from subscription_secrets k where k.subscription_id = s.id and (k.expires_at is null or k.expires_at > ${time}))`
}

/** The secrets themselves, the newest first. */
export function openSecrets(
  vault: Vault,
  secrets: ReadonlyArray<{ reference: string; sealed: string }>,
): string[] {
  return secrets.map(({ reference, sealed }) => vault.open(placeOf(reference), sealed))
}

async function signingSecrets(sql: Sql, subscriptionId: number, now: Date): Promise<SubscriptionSecret[]> {
  return rows(
    sql,
    `select reference, created_at as "createdAt", expires_at as "expiresAt" from subscription_secrets
     where subscription_id = $1 and (expires_at is null or expires_at > $2) order by id`,
    [subscriptionId, now],
    'signing-secrets',
  )
}

function placeOf(reference: string): string {
  return `subscription_secrets.sealed:${reference}`
}
