import { type Db, row } from '../prisma/client.ts'
import { fillAddress } from './address-templates.ts'
import type { Addressee } from './addressees.ts'
import { confirmationToken, endToken } from './digest-links.ts'
import { addressPlace } from './digests.ts'
import { DomainError } from './errors.ts'
import type { ClaimedNotification } from './notifications.ts'
import { newsOf, spanOfKey } from './query-digests.ts'
import type { SavedFilter } from './saved-queries.ts'

type Told = {
  id: number
  reference: string
  state: 'unconfirmed' | 'active' | 'ended'
  addressSealed: string
  query: string
  filter: SavedFilter
  followUrl: string | null
  digestUrl: string | null
}

/** Whom to ask whether they want a digest: nobody who has said so, or who wants it no more. */
export async function forDigestConfirmation(db: Db, notification: ClaimedNotification): Promise<Addressee> {
  const digest = await digestOf(db, notification, 'unconfirmed')
  if (digest === undefined) return { nobody: 'no_digest' }
  const token = await confirmationToken(db.pool, db.vault, digest.id, notification.createdAt)
  const link = fillAddress(digest.digestUrl, 'token', token)
  return { to: addressOf(db, digest), facts: { query: digest.query, token, link } }
}

/** Whom to tell what is new about a saved query, and how they get no more of it with one click (RFC 8058). */
export async function forQueryDigest(
  db: Db,
  notification: ClaimedNotification,
  { now, publicUrl }: { now: Date; publicUrl: string },
): Promise<Addressee> {
  const digest = await digestOf(db, notification, 'active')
  if (digest === undefined) return { nobody: 'no_digest' }
  const news = await newsOf(db, digest.filter, spanOfKey(notification.key), now).catch(nothingNew)
  if (news.count === 0) return { nobody: 'no_news' }
  const more = news.count > news.references.length ? [`and ${news.count - news.references.length} more`] : []
  const lines = news.references.map((reference) => {
    const link = fillAddress(digest.followUrl, 'reference', reference)
    return `${reference}  ${link ?? `${publicUrl}/v1/cases/${reference}`}`
  })
  const token = await endToken(db.pool, db.vault, digest.id)
  return {
    to: addressOf(db, digest),
    facts: {
      count: String(news.count),
      query: digest.query,
      references: [...lines, ...more].join('\n'),
      token,
      link: fillAddress(digest.digestUrl, 'token', token),
    },
    unsubscribeUrl: `${publicUrl}/v1/digest-links/${token}/unsubscriptions`,
  }
}

// The name of the query is its client's word, and goes into the head of a mail.
async function digestOf(
  db: Db,
  { id }: ClaimedNotification,
  state: Told['state'],
): Promise<Told | undefined> {
  return row<Told>(
    db.pool,
    `select d.id, d.reference, d.state, d.address_sealed as "addressSealed", q.name as query, q.filter,
       c.follow_url as "followUrl", c.digest_url as "digestUrl"
     from notifications n join digests d on d.id = n.digest_id join saved_queries q on q.id = d.query_id
     join api_clients c on c.id = d.client_id
     where n.id = $1 and d.state = $2`,
    [id, state],
    'told-digest',
  )
}

function addressOf(db: Db, { reference, addressSealed }: Told): string {
  return db.vault.open(addressPlace(reference), addressSealed)
}

// The query names what is not there any more.
function nothingNew(error: unknown): { count: number; references: string[] } {
  if (error instanceof DomainError) return { count: 0, references: [] }
  throw error
}
