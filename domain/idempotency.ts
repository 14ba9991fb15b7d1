import { createHash } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { DomainError } from './errors.ts'

/** Whose keys they are: an API client's, those of the reporter of a case, or a source's that signs its messages. */
export type KeyOwner = { clientId: number } | { caseId: number } | { sourceId: number }

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
  whose: KeyOwner,
  { key, operation, body }: Idempotency,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  if (key === undefined) return inTransaction(db, work)

  const owner = ownerOf(whose)
  const fingerprint = createHash('sha256')
    .update(`${operation}\n${JSON.stringify(body)}`)
    .digest()
  return inTransaction(db, async (tx) => {
    const claimed = await row(
      tx,
      `insert into idempotency_records as r (owner, key, operation, fingerprint, result, expires_at)
       values ($1, $2, $3, $4, 'null', now() + $5::interval)
       on conflict (owner, key) do update
         set operation = excluded.operation, fingerprint = excluded.fingerprint, result = excluded.result,
             created_at = now(), expires_at = excluded.expires_at
         where r.expires_at < now()
       returning 1`,
      [owner, key, operation, fingerprint, LIFETIME],
      'idempotency-claim',
    )
    if (claimed === undefined) return replay<T>(tx, owner, key, fingerprint)

    const result = await work(tx)
    await rows(tx, 'update idempotency_records set result = $3 where owner = $1 and key = $2', [
      owner,
      key,
      JSON.stringify(tx.vault.seal(placeOf(owner, key), JSON.stringify(result))),
    ])
    return result
  })
}

/** Forgets what is older than a day; returns how many records that were. */
export async function forgetExpiredIdempotency(db: Db): Promise<number> {
  const result = await db.pool.query('delete from idempotency_records where expires_at < now()')
  return result.rowCount ?? 0
}

async function replay<T extends Kept>(tx: Tx, owner: string, key: string, fingerprint: Buffer): Promise<T> {
  const kept = await row<{ fingerprint: Buffer; result: string }>(
    tx,
    'select fingerprint, result from idempotency_records where owner = $1 and key = $2',
    [owner, key],
  )
  if (kept === undefined || !kept.fingerprint.equals(fingerprint)) {
    throw new DomainError('idempotency_key_reused', {
      detail: 'This Idempotency-Key came before with another request. Use a new one for a new request.',
    })
  }
  return JSON.parse(tx.vault.open(placeOf(owner, key), kept.result)) as T
}

// What a feedback provider calls its items may be anything.
function placeOf(owner: string, key: string): string {
  return `idempotency_records.result:${owner}:${key}`
}

function ownerOf(whose: KeyOwner): string {
  if ('clientId' in whose) return String(whose.clientId)
  return 'caseId' in whose ? `case:${whose.caseId}` : `source:${whose.sourceId}`
}
