import { createHash } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'

/** What makes a repeat the same request: the key, the operation with its target, and the body. */
export type Idempotency = { key: string | undefined; operation: string; body: unknown }

/** What is kept of an answer: ids and outcomes, sealed; the door renders it again. */
export type Kept = Record<string, unknown>

const LIFETIME = '24 hours'

/**
 * Runs `work` in one transaction, once per key: a repeat gets what the first one got, also one that arrives while the
 * first still runs (it waits for the row of the first). The same key with another request throws `idempotency_key_reused`.
 */
export async function once<T extends Kept>(
  db: Db,
  client: ClientCaller,
  { key, operation, body }: Idempotency,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  if (key === undefined) return inTransaction(db, work)

  const fingerprint = createHash('sha256')
    .update(`${operation}\n${JSON.stringify(body)}`)
    .digest()
  return inTransaction(db, async (tx) => {
    const claimed = await row(
      tx,
      `insert into idempotency_records as r (client_id, key, operation, fingerprint, result, expires_at)
       values ($1, $2, $3, $4, 'null', now() + $5::interval)
       on conflict (client_id, key) do update
         set operation = excluded.operation, fingerprint = excluded.fingerprint, result = excluded.result,
             created_at = now(), expires_at = excluded.expires_at
         where r.expires_at < now()
       returning 1`,
      [client.clientId, key, operation, fingerprint, LIFETIME],
      'idempotency-claim',
    )
    if (claimed === undefined) return replay<T>(tx, client, key, fingerprint)

    const result = await work(tx)
    await rows(tx, 'update idempotency_records set result = $3 where client_id = $1 and key = $2', [
      client.clientId,
      key,
      JSON.stringify(tx.vault.seal(placeOf(client, key), JSON.stringify(result))),
    ])
    return result
  })
}

/** Forgets what is older than a day; returns how many records that were. */
export async function forgetExpiredIdempotency(db: Db): Promise<number> {
  const result = await db.pool.query('delete from idempotency_records where expires_at < now()')
  return result.rowCount ?? 0
}

async function replay<T extends Kept>(
  tx: Tx,
  client: ClientCaller,
  key: string,
  fingerprint: Buffer,
): Promise<T> {
  const kept = await row<{ fingerprint: Buffer; result: string }>(
    tx,
    'select fingerprint, result from idempotency_records where client_id = $1 and key = $2',
    [client.clientId, key],
  )
  if (kept === undefined || !kept.fingerprint.equals(fingerprint)) {
    throw new DomainError('idempotency_key_reused', {
      detail: 'This Idempotency-Key came before with another request. Use a new one for a new request.',
    })
  }
  return JSON.parse(tx.vault.open(placeOf(client, key), kept.result)) as T
}

// What a feedback provider calls its items may be anything.
function placeOf(client: ClientCaller, key: string): string {
  return `idempotency_records.result:${client.clientId}:${key}`
}
