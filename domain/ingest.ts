import { type Db, inTransaction, type Tx } from '../prisma/client.ts'
import { erasedAmong } from './erased-hashes.ts'
import { type ItemOutcome, type Taken, takeBatch } from './ingest-batch.ts'
import {
  type Prepared,
  type QuarantineReason,
  type Refused,
  type Sorted,
  sortEntries,
  storableDetail,
  storableId,
} from './ingest-entries.ts'
import { type HeldSource, holdSource } from './ingest-items.ts'
import { noteListed } from './ingest-listing.ts'
import { dismissedAmong, quarantine, release } from './ingest-quarantine.ts'
import type { Entry } from './items.ts'
import { noCounts, type RunCounts } from './runs.ts'

export type { ItemOutcome } from './ingest-batch.ts'
export type { QuarantineReason } from './ingest-entries.ts'

/** What has become of one entry. */
export type ItemResult = {
  /** As it can be stored: what is longer than a key can be is cut. */
  externalId: string | null
  outcome: ItemOutcome
  /** The case it belongs to. */
  caseReference: string | null
  /** Of a changed one, what of its case did. */
  fields: readonly string[]
  /** Why it was quarantined, as a code and in words. */
  reason: QuarantineReason | null
  detail: string | null
}

/** What has become of a batch: each entry in its order, and how many of what. */
export type Ingested = { results: ItemResult[]; counts: RunCounts }

/** How a batch is to be taken. */
export type IngestOptions = {
  now: Date
  /** What reads the raw texts again: a connector's name, or `pushed`. */
  readBy: string
  /** For a source that lists everything: when the walk began that lists these. */
  listedAt?: Date
  /** From an archive (RFC 5005, section 4): what is known already is newer. */
  archived?: boolean
  /** Also what says the same as before is derived again, as its mapping may not be the same. */
  again?: boolean
}

/** Entries taken at a time at most. */
export const LARGEST_BATCH = 500

/**
 * Takes a batch of a source's entries in one transaction: new and changed items become cases and responses, deletions
 * tombstones, an unchanged item writes nothing, and what cannot be taken is quarantined without stopping the others.
 */
export async function ingest(
  db: Db,
  sourceId: number,
  entries: readonly Entry[],
  options: IngestOptions,
): Promise<Ingested> {
  return inTransaction(db, async (tx) => {
    const source = await holdSource(tx, sourceId)
    if (source === undefined) throw new Error(`there is no source with the key ${sourceId}`)
    return ingestInto(tx, source, entries, options)
  })
}

/** The same in the caller's transaction, which holds the source. */
export async function ingestInto(
  tx: Tx,
  source: HeldSource,
  entries: readonly Entry[],
  options: IngestOptions,
): Promise<Ingested> {
  if (entries.length > LARGEST_BATCH) throw new RangeError(`a batch holds at most ${LARGEST_BATCH} entries`)
  const { now, listedAt } = options
  const sorted = sortEntries(entries, source.maxAgeDays, options)
  const { prepared } = sorted
  const erased = await erasedAmong(tx, source, refusedKeys(sorted))
  const order = sorted.order.map((one) =>
    typeof one !== 'string' && erased.has(one.externalId ?? '') ? (one.externalId as string) : one,
  )
  const dismissed = await dismissedAmong(tx, source, [...prepared.values()])
  const takeable = [...prepared.values()].filter(({ item }) => !dismissed.has(item.externalId))
  const taken = new Map<string, Taken>([
    // Not even aside: it would be kept as it was sent.
    ...[...erased].map((key): [string, Taken] => [key, { outcome: 'ignored', caseReference: null }]),
    ...dismissed,
    ...(await takeAll(tx, source, takeable, options)),
  ])
  if (listedAt !== undefined) await noteListed(tx, source.id, keysIn(entries), listedAt)
  const ends = order.map((one) => (typeof one === 'string' ? (taken.get(one) as Taken) : one))
  const each = [...taken.values(), ...order.filter((one) => typeof one !== 'string')]

  const fine = [...taken].flatMap(([key, end]) => (isRefused(end) ? [] : [key]))
  // What is derived again may be older than what stands aside under its key, which waits on.
  await release(tx, source.id, fine, options.again ? fine.map((key) => prepared.get(key)?.raw ?? '') : null)
  await quarantine(tx, source.id, each.filter(isRefused), now)
  return {
    results: ends.map((end, n) => resultOf(end, order[n] as string | Refused)),
    counts: { ...countsOf(each), seen: entries.length },
  }
}

/** Takes all that the store takes: what it refuses is found by halving, and stands alone aside. */
async function takeAll(
  tx: Tx,
  source: HeldSource,
  entries: readonly Prepared[],
  options: IngestOptions,
): Promise<Map<string, Taken>> {
  const [first] = entries
  if (first === undefined) return new Map()
  await tx.query('savepoint batch')
  try {
    const taken = await takeBatch(tx, source, entries, options)
    await tx.query('release savepoint batch')
    return taken
  } catch (error) {
    const code = dataErrorCode(error)
    if (code === null) throw error
    await tx.query('rollback to savepoint batch')
    await tx.query('release savepoint batch')
    if (entries.length === 1) return new Map([[first.item.externalId, rejected(first, code)]])
    const middle = Math.ceil(entries.length / 2)
    const before = await takeAll(tx, source, entries.slice(0, middle), options)
    const after = await takeAll(tx, source, entries.slice(middle), options)
    return new Map([...before, ...after])
  }
}

// Data exceptions, broken constraints and exceeded limits are the entry's fault; everything else is ours or the network's.
function dataErrorCode(error: unknown): string | null {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(22|23|54)[0-9A-Z]{3}$/.test(code) ? code : null
}

function rejected({ raw, item, readBy }: Prepared, code: string): Refused {
  const detail = `The store does not take it (SQLSTATE ${code}).`
  return { raw, readBy, externalId: item.externalId, reason: 'rejected_by_store', detail, place: null }
}

// A listed entry that cannot be taken, or not any more, is still there.
function keysIn(entries: readonly Entry[]): string[] {
  const keys = entries.map((entry) => ('item' in entry ? entry.item.externalId : entry.externalId))
  return keys.filter((key) => key !== null).map(storableId)
}

function refusedKeys({ order }: Sorted): string[] {
  return order.flatMap((one) => (typeof one === 'string' ? [] : (one.externalId ?? [])))
}

function isRefused(end: Taken): end is Refused {
  return 'reason' in end
}

function resultOf(end: Taken, key: string | Refused): ItemResult {
  if (isRefused(end)) {
    const externalId = end.externalId === null ? null : storableId(end.externalId)
    const detail = storableDetail(end.detail)
    return { externalId, outcome: 'quarantined', caseReference: null, fields: [], reason: end.reason, detail }
  }
  const { outcome, caseReference, fields = [] } = end
  return { externalId: storableId(key as string), outcome, caseReference, fields, reason: null, detail: null }
}

/** Each key once; `ignored` is not counted, as nothing has come of it. */
function countsOf(ends: readonly Taken[]): RunCounts {
  const counts = { ...noCounts }
  for (const end of ends) {
    const outcome = isRefused(end) ? 'quarantined' : end.outcome
    if (outcome !== 'ignored') counts[outcome]++
  }
  return counts
}
