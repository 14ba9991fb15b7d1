import { type Db, inTransaction, row, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import type { QuarantineReason } from './ingest-entries.ts'
import { quarantinePlace } from './ingest-quarantine.ts'
import { parseReference } from './references.ts'
import { visibleSource } from './source-access.ts'

/** An entry that could not be taken, without what it says. */
export type QuarantinedEntry = {
  reference: string
  source: string
  externalId: string | null
  reason: QuarantineReason
  detail: string
  place: string | null
  /** How often it was tried again. */
  attempts: number
  firstSeenAt: string
  lastSeenAt: string
  dismissedAt: string | null
}

export type QuarantineFilter = { reason?: QuarantineReason | undefined; dismissed?: boolean | undefined }

/** A page of what waits, or of what was set aside for good, the oldest first; throws as `getSource` does. */
export async function listQuarantine(
  db: Db,
  client: ClientCaller,
  name: string,
  { reason, dismissed = false }: QuarantineFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<QuarantinedEntry>> {
  const source = await visibleSource(db.pool, client, name)
  const cursor = readCursor(after, ['number'])
  const found = await rows<QuarantinedEntry & { id: number }>(
    db.pool,
    `select q.id, ${ENTRY} from quarantined_items q
     where q.source_id = $2 and (q.dismissed_at is not null) = $3 and ($4::text is null or q.reason = $4)
       and ($5::bigint is null or q.id > $5)
     order by q.id limit $6`,
    [source.name, source.id, dismissed, reason ?? null, cursor?.[0] ?? null, limit + 1],
    'list-quarantine',
  )
  const { items, next } = pageOf(found, limit, (last) => [last.id])
  return { items: items.map(({ id: _, ...entry }) => entry), next }
}

/** One entry with its raw text, as its source sent it; throws `not_found`, and as `getSource` does. */
export async function getQuarantined(
  db: Db,
  client: ClientCaller,
  { name, entry }: { name: string; entry: string },
): Promise<QuarantinedEntry & { raw: string }> {
  const source = await visibleSource(db.pool, client, name)
  const found = await row<QuarantinedEntry & { rawSealed: string; hash: string }>(
    db.pool,
    `select ${ENTRY}, q.raw_sealed as "rawSealed", encode(q.fingerprint, 'hex') as hash
     from quarantined_items q where q.source_id = $2 and q.reference = $3`,
    [source.name, source.id, entryReference(entry)],
    'get-quarantined',
  )
  if (found === undefined) throw noSuchEntry(name)
  const { rawSealed, hash, ...told } = found
  return { ...told, raw: db.vault.open(quarantinePlace(source.id, hash), rawSealed) }
}

/**
 * Sets an entry aside for good: it is known again when its source sends it again, and waits for nobody. Done twice it
 * stays as it was. Throws `not_found`, and as `getSource` does.
 */
export async function dismissEntry(
  db: Db,
  client: ClientCaller,
  { name, entry }: { name: string; entry: string },
  now: Date,
): Promise<QuarantinedEntry> {
  const source = await visibleSource(db.pool, client, name)
  return inTransaction(db, async (tx) => {
    const dismissed = await row(
      tx,
      `update quarantined_items set dismissed_at = $3 where source_id = $1 and reference = $2 and dismissed_at is null
       returning 1`,
      [source.id, entryReference(entry), now],
      'dismiss-entry',
    )
    const found = await row<QuarantinedEntry>(
      tx,
      `select ${ENTRY} from quarantined_items q where q.source_id = $2 and q.reference = $3`,
      [source.name, source.id, entryReference(entry)],
      'dismissed-entry',
    )
    if (found === undefined) throw noSuchEntry(name)
    if (dismissed !== undefined) {
      await recordEvents(tx, client, [{ type: 'source.entry_dismissed', sourceId: source.id }])
    }
    return found
  })
}

/** The reference of an entry as it is kept, of what somebody typed. */
export function entryReference(typed: string): string {
  // What stood in quarantine before entries had references got a UUID.
  return (
    parseReference(typed) ??
    (/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(typed) ? typed.toLowerCase() : '')
  )
}

const ENTRY = `
  q.reference, $1::text as source, q.external_id as "externalId", q.reason, q.detail, q.place, q.attempts,
  q.first_seen_at as "firstSeenAt", q.last_seen_at as "lastSeenAt", q.dismissed_at as "dismissedAt"`

function noSuchEntry(name: string): DomainError {
  const detail = `No such entry is in the quarantine of the source "${name}". What was taken since has left it.`
  return new DomainError('not_found', { detail })
}
