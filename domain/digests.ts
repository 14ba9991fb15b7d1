import { createHmac } from 'node:crypto'
import {
  type Db,
  type DigestInterval,
  type DigestState,
  inTransaction,
  row,
  rows,
  type Sql,
  type Tx,
  type Vault,
} from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { logEnd } from './change-log.ts'
import { holdClient } from './client-rows.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { londonDay, nextDigestAt } from './digest-times.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'
import { heldQueryNamed, type SavedQuery } from './saved-queries.ts'
import { secretOf } from './secrets.ts'

/** A saved query by mail, without the address that it goes to. */
export type Digest = {
  id: number
  reference: string
  clientId: number
  /** The reference of its saved query. */
  query: string
  every: DigestInterval
  state: DigestState
  /** When the next one is due; null while it is not active. */
  nextAt: string | null
  createdAt: string
  confirmedAt: string | null
}

export type NewDigest = { query: string; email: string; every: DigestInterval }

/** So many that have not ended may a client have. */
const MOST_DIGESTS = 1_000
/** An address that has not confirmed a digest after this time is forgotten. */
export const CONFIRM_WITHIN_MS = 7 * 24 * 3600_000

/**
 * Notes that an address wants a saved query by mail, and that it is to be asked for its confirmation. The same address
 * and query is the same digest, and is asked once a day at most while it is not confirmed. Throws `validation_failed` for a
 * query that is unknown or not public, and `too_many_digests` beyond `MOST_DIGESTS`.
 */
export async function createDigest(
  db: Db,
  client: ClientCaller,
  draft: NewDigest,
  { key, now }: { key: string | undefined; now: Date },
): Promise<Digest> {
  const secret = await secretOf(db.pool, db.vault, 'digest')
  const request = { key, operation: 'createDigest', body: draft }
  return once(db, { clientId: client.clientId }, request, async (tx) => {
    const query = await publicQuery(tx, client, draft.query)
    await holdClient(tx, client.clientId)
    const index = addressIndex(secret, draft.email)
    const there = await row<Digest>(
      tx,
      `select ${DIGEST} ${FROM} where d.client_id = $1 and d.query_id = $2 and d.address_index = $3`,
      [client.clientId, query.id, index],
      'digest-of-address',
    )
    if (there === undefined) await refuseTooMany(tx, client)
    const digest = there ?? (await insertDigest(tx, client, { query, index, draft }, now))
    if (digest.state === 'unconfirmed') await askForConfirmation(tx, digest, now)
    return digest
  })
}

/** The digests of a client, oldest first. */
export async function listDigests(
  db: Db,
  client: ClientCaller,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<Digest>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<Digest>(
    db.pool,
    `select ${DIGEST} ${FROM} where d.client_id = $1 and d.id > $2 order by d.id limit $3`,
    [client.clientId, cursor?.[0] ?? 0, limit + 1],
    'digests',
  )
  return pageOf(found, limit, (last) => [last.id])
}

/** One digest of the client's own; throws `not_found`. */
export async function getDigest(db: Db, client: ClientCaller, reference: string): Promise<Digest> {
  return ownDigest(db.pool, client, reference)
}

/** Ends a digest of the client's own, and forgets its address; a second time changes nothing. Throws `not_found`. */
export async function endDigest(db: Db, client: ClientCaller, reference: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { id } = await ownDigest(tx, client, reference)
    await endDigests(tx, client, 'd.id = $1', [id])
  })
}

/** Ends all digests of a client in the caller's transaction, as it is revoked. */
export async function endDigestsOf(tx: Tx, caller: Caller, clientId: number): Promise<void> {
  await endDigests(tx, caller, 'd.client_id = $1', [clientId])
}

/** Ends the digests `d` of a condition that have not ended, and forgets their addresses; how many those were. */
export async function endDigests(
  tx: Tx,
  caller: Caller | null,
  which: string,
  values: unknown[],
): Promise<number> {
  const ended = await rows<{ clientId: number }>(
    tx,
    `update digests d set state = 'ended', address_sealed = '', address_index = decode(md5(d.reference), 'hex')
     where ${which} and d.state <> 'ended' returning d.client_id as "clientId"`,
    values,
  )
  await recordEvents(
    tx,
    caller,
    ended.map(({ clientId }) => ({ type: 'digest.ended', aboutClientId: clientId })),
  )
  return ended.length
}

/** The digests that have not ended and go to addresses of a kind, by id. */
export async function digestsTo(tx: Tx, isTheirs: (address: string) => boolean): Promise<number[]> {
  const going = await rows<{ id: number; reference: string; sealed: string }>(
    tx,
    `select id, reference, address_sealed as sealed from digests where state <> 'ended' order by id`,
  )
  return going
    .filter(({ reference, sealed }) => isTheirs(tx.vault.open(addressPlace(reference), sealed)))
    .map(({ id }) => id)
}

/** Where the address of a digest is sealed. */
export function addressPlace(reference: string): string {
  return `digests.address_sealed:${reference}`
}

async function publicQuery(tx: Tx, client: ClientCaller, reference: string): Promise<SavedQuery> {
  const query = await heldQueryNamed(tx, client, reference)
  if (query.view === 'mine') {
    const detail =
      'A mail may be read by others: it tells of public cases only. Save the query with view "public".'
    throw invalid({ pointer: '/query', code: 'not_public', detail })
  }
  return query
}

async function refuseTooMany(tx: Tx, { clientId }: ClientCaller): Promise<void> {
  const found = await row<{ n: number }>(
    tx,
    `select count(*)::int as n from digests where client_id = $1 and state <> 'ended'`,
    [clientId],
    'count-digests',
  )
  if ((found?.n ?? 0) < MOST_DIGESTS) return
  throw new DomainError('too_many_digests', {
    detail: `A client has at most ${MOST_DIGESTS} digests that have not ended; end one first.`,
  })
}

async function insertDigest(
  tx: Tx,
  client: ClientCaller,
  { query, index, draft }: { query: SavedQuery; index: Buffer; draft: NewDigest },
  now: Date,
): Promise<Digest> {
  const reference = newReference()
  await rows(
    tx,
    `insert into digests (reference, client_id, query_id, address_sealed, address_index, every, position, next_at, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      reference,
      client.clientId,
      query.id,
      tx.vault.seal(addressPlace(reference), draft.email),
      index,
      draft.every,
      await logEnd(tx),
      nextDigestAt(draft.every, now),
      now,
    ],
    'insert-digest',
  )
  await recordEvents(tx, client, [{ type: 'digest.created', aboutClientId: client.clientId }])
  return ownDigest(tx, client, reference)
}

async function askForConfirmation(tx: Tx, { id }: Digest, now: Date): Promise<void> {
  await rows(
    tx,
    `insert into notifications (key, kind, digest_id, created_at, next_attempt_at) values ($1, 'digest_confirmation', $2, $3, $3)
     on conflict (key) do nothing`,
    [`digest_confirmation:${id}:${londonDay(now)}`, id, now],
    'ask-for-confirmation',
  )
}

async function ownDigest(sql: Sql, client: ClientCaller, reference: string): Promise<Digest> {
  const found = await row<Digest>(
    sql,
    `select ${DIGEST} ${FROM} where d.reference = $1 and d.client_id = $2`,
    [parseReference(reference) ?? '', client.clientId],
    'own-digest',
  )
  if (found === undefined) throw new DomainError('not_found', { detail: 'Your client has no such digest.' })
  return found
}

/** The keyed hash by which the digests to an address are found. */
export async function digestIndex(sql: Sql, vault: Vault, email: string): Promise<Buffer> {
  return addressIndex(await secretOf(sql, vault, 'digest'), email)
}

// In mail addresses nobody tells capitals from small letters in fact (RFC 5321, section 2.4, lets them).
function addressIndex(secret: Buffer, email: string): Buffer {
  return createHmac('sha256', secret).update(`address:${email.trim().toLowerCase()}`).digest()
}

const DIGEST = `d.id, d.reference, d.client_id as "clientId", q.reference as query, d.every, d.state,
  case when d.state = 'active' then d.next_at end as "nextAt", d.created_at as "createdAt", d.confirmed_at as "confirmedAt"`
const FROM = 'from digests d join saved_queries q on q.id = d.query_id'
