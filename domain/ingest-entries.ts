import { createHash } from 'node:crypto'
import type { Entry, Item } from './items.ts'

/** Why an entry could not be taken, as an administrator reads it. */
export type QuarantineReason =
  | 'malformed'
  | 'organisation_unknown'
  | 'type_changed'
  | 'reply_moved'
  | 'rejected_by_store'

/** An entry that can be taken. */
export type Prepared<I extends Item = Item> = {
  item: I
  raw: string
  /** What reads the raw text again. */
  readBy: string
  /** SHA-256 of the item without its warnings: an equal one says the same. */
  fingerprint: Buffer
  /** Older than the source's age rule. */
  expired: boolean
}

/** An entry that cannot. */
export type Refused = {
  raw: string
  readBy: string
  externalId: string | null
  reason: QuarantineReason
  /** In words, without a value of the entry. */
  detail: string
  place: string | null
}

/** What to do with a batch: each key once, and for each entry in its order the key, or why it is refused. */
export type Sorted = { prepared: Map<string, Prepared>; order: (string | Refused)[] }

/** Sorts a batch by key; of several entries with one key a deletion wins, then the newest, then the last. */
export function sortEntries(
  entries: readonly Entry[],
  maxAgeDays: number | null,
  { now, readBy }: { now: Date; readBy: string },
): Sorted {
  const prepared = new Map<string, Prepared>()
  const order = entries.map((entry) => {
    const refused = refusalOf(entry, readBy)
    if (refused !== null || !('item' in entry)) return refused as Refused
    const key = entry.item.externalId
    const rival = prepared.get(key)
    if (rival === undefined || !outranks(rival.item, entry.item)) {
      prepared.set(key, { ...prepare(entry.item, maxAgeDays, now), raw: entry.raw, readBy })
    }
    return key
  })
  return { prepared, order }
}

/** When an item was published, as far as its time can be true; its first sight otherwise. */
export function publishedTime(publishedAt: string | null, now: Date): string {
  const published = publishedAt === null ? Number.NaN : Date.parse(publishedAt)
  // What is dated ahead would stand before everything else until then.
  return published <= now.getTime() ? new Date(published).toISOString() : now.toISOString()
}

/** The moment before which a source's items are too old. */
export function ageLimit(maxAgeDays: number, now: Date): Date {
  return new Date(now.getTime() - maxAgeDays * DAY)
}

/** JSON with sorted names, so that equal values are equal texts; for plain JSON values. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map((one) => canonicalJson(one ?? null)).join(',')}]`
  const named = value as Record<string, unknown>
  const names = Object.keys(named).sort()
  const pairs = names.flatMap((name) =>
    named[name] === undefined ? [] : `${JSON.stringify(name)}:${canonicalJson(named[name])}`,
  )
  return `{${pairs.join(',')}}`
}

/** An entry's key as it can be stored, indexed and told, also where it is too bad to be taken. */
export function storableId(externalId: string): string {
  return storable(externalId, LONGEST_ID)
}

/** What is said of an entry, as it can be stored and told. */
export function storableDetail(detail: string): string {
  return storable(detail, LONGEST_DETAIL)
}

/** SHA-256 of a text. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

const DAY = 86_400_000
const LONGEST_ID = 400
const LONGEST_DETAIL = 1_000

function refusalOf(entry: Entry, readBy: string): Refused | null {
  const { raw } = entry
  if (!('item' in entry)) {
    const { externalId, problem, place } = entry
    return { raw, readBy, externalId, reason: 'malformed', detail: problem, place }
  }
  const { externalId } = entry.item
  const problem = problemOf(entry.item)
  if (problem === null) return null
  return { raw, readBy, externalId, reason: 'malformed', detail: problem, place: null }
}

function problemOf(item: Item): string | null {
  if (item.externalId.trim() === '') return 'externalId: empty'
  if (item.externalId.length > LONGEST_ID) return `externalId: longer than ${LONGEST_ID} characters`
  if (item.type === 'reply' && item.inReplyTo === item.externalId) return 'inReplyTo: answers itself'
  if (item.type !== 'deletion' && item.publishedAt !== null && Number.isNaN(Date.parse(item.publishedAt))) {
    return 'publishedAt: not a time'
  }
  return null
}

function prepare(item: Item, maxAgeDays: number | null, now: Date): Omit<Prepared, 'raw' | 'readBy'> {
  const { warnings: _, ...said } = item
  const published = item.type === 'deletion' || item.publishedAt === null ? now : new Date(item.publishedAt)
  const expired = maxAgeDays !== null && published <= ageLimit(maxAgeDays, now)
  return { item, fingerprint: sha256(canonicalJson(said)), expired }
}

function outranks(rival: Item, item: Item): boolean {
  if (rival.type === 'deletion' || item.type === 'deletion') return rival.type === 'deletion'
  return timeOf(rival) > timeOf(item)
}

function timeOf({ updatedAt, publishedAt }: Exclude<Item, { type: 'deletion' }>): number {
  return Date.parse(updatedAt ?? publishedAt ?? '') || 0
}

// Neither a text nor a JSON of PostgreSQL holds U+0000 or a lone surrogate, and a bad id is to be seen.
function storable(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed().replaceAll('\0', '\ufffd')
}
