import { randomBytes } from 'node:crypto'
import { type Db, inTransaction, row, rows, type Tx, type Vault } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { publicView } from './case-rules.ts'
import { lookAt } from './cases.ts'
import { DomainError, invalid } from './errors.ts'
import { encodeAnew, type Picture } from './image-files.ts'

/** A picture that waits for the case it belongs to. */
export type WaitingImage = {
  token: string
  mediaType: Picture['mediaType']
  width: number
  height: number
  bytes: number
  expiresAt: string
}

/** A picture of a case, as it is sent. */
export type SentImage = { mediaType: Picture['mediaType']; bytes: Buffer }

/** As many pictures as a case can have. */
export const MOST_IMAGES = 3

const WAITS = '24 hours'
const CHUNK = 256 * 1024

/**
 * Keeps a picture, encoded anew and sealed, until a case of the same client names it; throws `validation_failed` for
 * what cannot be kept.
 */
export async function uploadImage(db: Db, client: ClientCaller, file: Buffer): Promise<WaitingImage> {
  const picture = await encodeAnew(file)
  const { mediaType, width, height, bytes } = picture
  const token = randomBytes(16).toString('base64url')
  const chunks = sealChunks(db.vault, token, bytes)
  const expiresAt = await inTransaction(db, async (tx) => {
    const kept = await row<{ id: number; expiresAt: string }>(
      tx,
      `insert into images (token, client_id, media_type, width, height, bytes, expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + $7::interval) returning id, expires_at as "expiresAt"`,
      [token, client.clientId, mediaType, width, height, bytes.length, WAITS],
      'insert-image',
    )
    const { id, expiresAt } = kept as { id: number; expiresAt: string }
    await rows(
      tx,
      `insert into image_chunks (image_id, n, sealed)
       select $1, n - 1, sealed from unnest($2::text[]) with ordinality as c(sealed, n)`,
      [id, chunks],
      'insert-image-chunks',
    )
    return expiresAt
  })
  return { token, mediaType, width, height, bytes: bytes.length, expiresAt }
}

/**
 * A picture of a case, for whoever sees the text of the case; throws the same `not_found` for one that is not there, not
 * of this case, hidden from whoever asks, and for a case that is.
 */
export async function readImage(
  db: Db,
  caller: Caller,
  reference: string,
  token: string,
): Promise<SentImage> {
  const { standing, view } = await lookAt(db, caller, reference)
  const seesAll = view === 'staff' || view === 'staff_without_contact' || view === 'reporter'
  if (!seesAll && publicView(standing) !== 'public') throw new DomainError('not_found')

  const found = await row<{ mediaType: Picture['mediaType']; sealed: string[] }>(
    db.pool,
    `select i.media_type as "mediaType",
            array(select c.sealed from image_chunks c where c.image_id = i.id order by c.n) as sealed
     from images i where i.token = $1 and i.case_id = $2 and ($3 or not i.hidden)`,
    [token, standing.id, seesAll],
    'read-image',
  )
  if (found === undefined) throw new DomainError('not_found')
  return { mediaType: found.mediaType, bytes: openChunks(db.vault, token, found.sealed) }
}

/** Every picture of a case, hidden ones too. */
export async function picturesOf(db: Db, caseId: number): Promise<SentImage[]> {
  const found = await rows<{ token: string; mediaType: Picture['mediaType']; sealed: string[] }>(
    db.pool,
    `select i.token, i.media_type as "mediaType",
            array(select c.sealed from image_chunks c where c.image_id = i.id order by c.n) as sealed
     from images i where i.case_id = $1 order by i.id`,
    [caseId],
    'pictures-of-case',
  )
  return found.map(({ token, mediaType, sealed }) => ({
    mediaType,
    bytes: openChunks(db.vault, token, sealed),
  }))
}

/**
 * Gives a case the pictures that wait under `tokens`. Each must have been uploaded by the same client, still wait, and
 * be named once; throws `unknown_image` at every one that is not so, and `too_many` for more than three.
 */
export async function attachImages(
  tx: Tx,
  client: ClientCaller,
  caseId: number,
  tokens: readonly string[],
): Promise<void> {
  if (tokens.length === 0) return
  if (tokens.length > MOST_IMAGES) {
    throw invalid({
      pointer: '/images',
      code: 'too_many',
      detail: `A case has at most ${MOST_IMAGES} pictures; these are ${tokens.length}.`,
    })
  }
  const attached = await rows<{ token: string }>(
    tx,
    `with waiting as (
       select id from images
       where token = any($1::text[]) and client_id = $2 and case_id is null and expires_at > now()
       order by id for update
     )
     update images i set case_id = $3, expires_at = null from waiting w where i.id = w.id returning i.token`,
    [tokens, client.clientId, caseId],
    'attach-images',
  )
  const wrong = tokens.flatMap((token, n) =>
    attached.some((one) => one.token === token) && tokens.indexOf(token) === n ? [] : [n],
  )
  if (wrong.length === 0) return
  throw invalid(
    ...wrong.map((n) => ({
      pointer: `/images/${n}`,
      code: 'unknown_image',
      detail: 'No picture of yours waits under this name; upload it with POST /v1/images, and name it once.',
    })),
  )
}

/** Forgets the pictures that no case has named in time; returns how many those were. */
export async function forgetWaitingImages(db: Db): Promise<number> {
  const result = await db.pool.query('delete from images where case_id is null and expires_at < now()')
  return result.rowCount ?? 0
}

function sealChunks(vault: Vault, token: string, bytes: Buffer): string[] {
  return Array.from({ length: Math.ceil(bytes.length / CHUNK) }, (_, n) =>
    vault.seal(placeOf(token, n), bytes.toString('base64', n * CHUNK, (n + 1) * CHUNK)),
  )
}

function openChunks(vault: Vault, token: string, sealed: readonly string[]): Buffer {
  return Buffer.concat(sealed.map((one, n) => Buffer.from(vault.open(placeOf(token, n), one), 'base64')))
}

function placeOf(token: string, n: number): string {
  return `image_chunks.sealed:${token}:${n}`
}
