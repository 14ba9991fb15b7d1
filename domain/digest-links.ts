import { createHmac, timingSafeEqual } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Sql, type Tx, type Vault } from '../prisma/client.ts'
import { logEnd } from './change-log.ts'
import { nextDigestAt } from './digest-times.ts'
import { CONFIRM_WITHIN_MS, type Digest, endDigests } from './digests.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { secretOf } from './secrets.ts'

/** What a link of a digest is for; it opens nothing else. */
type Purpose = 'confirm' | 'end'

const MAC_BYTES = 16

/** What stands in the link that confirms a digest: which, until when, and a signature. */
export async function confirmationToken(
  sql: Sql,
  vault: Vault,
  digestId: number,
  askedAt: string,
): Promise<string> {
  const expires = Math.floor((Date.parse(askedAt) + CONFIRM_WITHIN_MS) / 1_000)
  return tokenOf(sql, vault, 'confirm', `${digestId.toString(36)}.${expires}`)
}

/** What stands in the link that ends a digest; it works for ever. */
export async function endToken(sql: Sql, vault: Vault, digestId: number): Promise<string> {
  return tokenOf(sql, vault, 'end', digestId.toString(36))
}

/**
 * Confirms a digest: what happens from now on is told. A second time changes nothing. Throws the same `not_found` for a
 * token that is forged, has expired, is for something else, or is of a digest that has ended.
 */
export async function confirmDigest(db: Db, token: string, now: Date): Promise<void> {
  const [id, expires] = await readToken(db, 'confirm', token)
  if (id === undefined || Number(expires) * 1_000 <= now.getTime()) throw new DomainError('not_found')
  await inTransaction(db, async (tx) => {
    const digest = await heldDigest(tx, id)
    if (digest === undefined || digest.state === 'ended') throw new DomainError('not_found')
    if (digest.state === 'active') return
    await rows(
      tx,
      `update digests set state = 'active', confirmed_at = $2, position = $3, next_at = $4 where id = $1`,
      [id, now, await logEnd(tx), nextDigestAt(digest.every, now)],
      'confirm-digest',
    )
    await recordEvents(tx, null, [{ type: 'digest.confirmed', aboutClientId: digest.clientId }])
  })
}

/** Ends a digest by the token of one of its mails; a second time changes nothing, nor when the digest is forgotten. Throws `not_found` for a token that is none. */
export async function unsubscribe(db: Db, token: string): Promise<void> {
  const [id] = await readToken(db, 'end', token)
  if (id === undefined) throw new DomainError('not_found')
  await inTransaction(db, (tx) => endDigests(tx, null, 'd.id = $1', [id]))
}

async function heldDigest(
  tx: Tx,
  id: number,
): Promise<Pick<Digest, 'clientId' | 'every' | 'state'> | undefined> {
  return row(
    tx,
    'select client_id as "clientId", every, state from digests where id = $1 for update',
    [id],
    'hold-digest',
  )
}

async function tokenOf(sql: Sql, vault: Vault, purpose: Purpose, signed: string): Promise<string> {
  return `${signed}.${signature(await secretOf(sql, vault, 'digest'), purpose, signed)}`
}

/** The key of the digest that a token of ours for this purpose names, and what stands behind it; nothing when it is none. */
async function readToken(
  { pool, vault }: Db,
  purpose: Purpose,
  token: string,
): Promise<[id?: number, rest?: string]> {
  const form = purpose === 'confirm' ? CONFIRMS : ENDS
  const [, signed = '', id = '', rest, mac = ''] = form.exec(token) ?? []
  const right = Buffer.from(signature(await secretOf(pool, vault, 'digest'), purpose, signed))
  const given = Buffer.alloc(right.length)
  given.write(mac)
  return timingSafeEqual(right, given) && mac !== '' ? [Number.parseInt(id, 36), rest] : []
}

// A key is an int: at most six of these digits.
const CONFIRMS = /^(([0-9a-z]{1,6})\.(\d{1,10}))\.([\w-]{22})$/
const ENDS = /^(([0-9a-z]{1,6})())\.([\w-]{22})$/

function signature(secret: Buffer, purpose: Purpose, signed: string): string {
  const mac = createHmac('sha256', secret).update(`${purpose}:${signed}`).digest()
  return mac.subarray(0, MAC_BYTES).toString('base64url')
}
