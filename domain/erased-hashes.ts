import { createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { rows, type Tx } from '../prisma/client.ts'
import { normalisedEmail } from './contact-index.ts'
import type { ErasedThing } from './erasure-ledger.ts'
import { keepSecret, secretOf } from './secrets.ts'

/** A thing of a source, as its source calls it. */
export type SourceThing = { source: string; externalId: string }

/** The ledger's key, made ready once for many hashes: from its bytes each would cost five times as much. */
export function hashKey(key: Buffer): KeyObject {
  return createSecretKey(key)
}

/** What stands in the ledger for a case: HMAC-SHA-256 (RFC 2104) of its reference under the ledger's key. */
export function caseHash(key: KeyObject, reference: string): Buffer {
  return createHmac('sha256', key).update(`case\n${reference}`).digest()
}

/** What stands there for a thing of a source: the same of the source's name and the thing's own. */
export function itemHash(key: KeyObject, { source, externalId }: SourceThing): Buffer {
  return createHmac('sha256', key).update(`item\n${source}\n${externalId}`).digest()
}

/** What stands there for an e-mail address: the same of it as it is compared (domain/contact-index.ts). */
export function addressHash(key: KeyObject, email: string): Buffer {
  return createHmac('sha256', key)
    .update(`address\n${normalisedEmail(email)}`)
    .digest()
}

/** Keeps the ledger's key in the store too, sealed, so that ingest knows what was erased. Throws when there is another. */
export async function keepLedgerKey(tx: Tx, key: Buffer): Promise<void> {
  const kept = await keepSecret(tx, tx.vault, 'erasure', key)
  if (!kept.equals(key)) throw new Error('The store has the key of another ledger of erasures.')
}

/** Keeps what was erased; what is there already stays. */
export async function keepErased(tx: Tx, things: readonly ErasedThing[]): Promise<void> {
  if (things.length === 0) return
  await rows(
    tx,
    `insert into erased_hashes (hash, kind, at)
     select * from unnest($1::bytea[], $2::text[], $3::timestamptz[]) on conflict do nothing`,
    [things.map(({ hash }) => hash), things.map(({ kind }) => kind), things.map(({ at }) => at)],
    'keep-erased',
  )
}

/** Which of these things of a source were erased, by their own names; asked for only while anything at all was. */
export async function erasedAmong(
  tx: Tx,
  { name, hasErased }: { name: string; hasErased: boolean },
  externalIds: readonly string[],
): Promise<Set<string>> {
  if (!hasErased || externalIds.length === 0) return new Set()
  const key = hashKey(await secretOf(tx, tx.vault, 'erasure'))
  const byHash = new Map(
    externalIds.map((externalId) => [
      itemHash(key, { source: name, externalId }).toString('hex'),
      externalId,
    ]),
  )
  const found = await rows<{ hash: string }>(
    tx,
    // One look into the index for each: with `= any` every row would be compared with every hash.
    `select encode(w.hash, 'hex') as hash from unnest($1::bytea[]) as w(hash)
     cross join lateral (select from erased_hashes e where e.hash = w.hash limit 1) e`,
    [[...byHash.keys()].map((hash) => Buffer.from(hash, 'hex'))],
    'erased-among',
  )
  return new Set(found.map(({ hash }) => byHash.get(hash) as string))
}
