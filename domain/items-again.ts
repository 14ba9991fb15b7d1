import { type Db, row, rows, type Tx } from '../prisma/client.ts'
import { type ItemResult, ingestInto, LARGEST_BATCH } from './ingest.ts'
import { holdSource, openRaw } from './ingest-items.ts'
import type { Entry } from './items.ts'
import { addCounts, noCounts, type RunCounts } from './runs.ts'

const DERIVED = `state in ('live', 'parked') and read_by <> 'text'`

/**
 * SQL for the items that cases are derived from again. A text message is its case, and nothing of it is derived; of an item
 * without raw text, which retention forgets, nothing can be.
 */
export const NORMALISED = `${DERIVED} and raw_sealed is not null`

/** How many items of a source would be derived again, had their raw text not been forgotten. */
export async function countForgotten(db: Db, sourceId: number): Promise<number> {
  const counted = await row<{ n: number }>(
    db.pool,
    `select count(*)::int as n from items where source_id = $1 and ${DERIVED} and raw_sealed is null`,
    [sourceId],
    'count-forgotten-items',
  )
  return (counted as { n: number }).n
}

/** An item as its source sent it, and as it lies: `mark` is another one as soon as something newer was sent. */
export type KeptItem = { externalId: string; raw: string; readBy: string; mark: string }

/** The next items of a source behind that one; none when there are no more. */
export async function itemsToReadAgain(db: Db, sourceId: number, after: string): Promise<KeptItem[]> {
  const found = await rows<Omit<KeptItem, 'raw'> & { rawSealed: string }>(
    db.pool,
    `select external_id as "externalId", raw_sealed as "rawSealed", read_by as "readBy", md5(raw_sealed) as mark from items
     where source_id = $1 and external_id > $2 and ${NORMALISED} order by external_id limit $3`,
    [sourceId, after, LARGEST_BATCH],
    'items-to-read-again',
  )
  return found.map(({ rawSealed, ...item }) => ({
    ...item,
    raw: openRaw(db.vault, { sourceId, externalId: item.externalId, rawSealed }),
  }))
}

/** An item, and what is read in it now. */
export type ReadAgain = { kept: KeptItem; entry: Entry }

/** What becomes of items as they are read now, in their order; what was sent anew since they were read is left alone. */
export async function takeItemsAgain(
  tx: Tx,
  sourceId: number,
  batch: readonly ReadAgain[],
  now: Date,
): Promise<{ results: ItemResult[]; counts: RunCounts }> {
  const source = await holdSource(tx, sourceId)
  if (source === undefined) throw new Error(`there is no source with the key ${sourceId}`)
  const marks = await marksOf(tx, sourceId, batch)
  // What has come meanwhile was taken by the mapping of now.
  const same = batch.filter(({ kept }) => marks.get(kept.externalId) === kept.mark)
  const ends = new Map<string, ItemResult>()
  let counts: RunCounts = { ...noCounts, seen: batch.length - same.length }
  for (const [readBy, read] of Map.groupBy(same, ({ kept }) => kept.readBy)) {
    const [own, others] = apart(read)
    const entries = own.map(entryOf)
    const taken = await ingestInto(tx, source, entries, { now, readBy, again: true })
    taken.results.forEach((result, n) => {
      ends.set((own[n] as ReadAgain).kept.externalId, result)
    })
    for (const { kept } of others) ends.set(kept.externalId, anotherNow(kept))
    const refused = { ...noCounts, seen: others.length, quarantined: others.length }
    counts = addCounts(addCounts(counts, taken.counts), refused)
  }
  return { results: batch.flatMap(({ kept }) => ends.get(kept.externalId) ?? []), counts }
}

async function marksOf(tx: Tx, sourceId: number, batch: readonly ReadAgain[]): Promise<Map<string, string>> {
  const found = await rows<{ externalId: string; mark: string }>(
    tx,
    `select external_id as "externalId", md5(raw_sealed) as mark from items
     where source_id = $1 and external_id = any($2::text[]) and ${NORMALISED}`,
    [sourceId, batch.map(({ kept }) => kept.externalId)],
    'marks-of-items',
  )
  return new Map(found.map(({ externalId, mark }) => [externalId, mark]))
}

/** Those that are still themselves, and those that are read as another item now: they would be taken a second time. */
function apart(read: readonly ReadAgain[]): [own: ReadAgain[], others: ReadAgain[]] {
  const isAnother = ({ kept, entry }: ReadAgain) =>
    'item' in entry && entry.item.externalId !== kept.externalId
  return [read.filter((one) => !isAnother(one)), read.filter(isAnother)]
}

/** What an item is now, by the text and under the key that are kept of it. */
function entryOf({ kept: { raw, externalId }, entry }: ReadAgain): Entry {
  return 'item' in entry ? { ...entry, raw } : { ...entry, raw, externalId }
}

function anotherNow({ externalId }: KeptItem): ItemResult {
  return {
    externalId,
    outcome: 'quarantined',
    caseReference: null,
    fields: [],
    reason: 'malformed',
    detail: 'It is read as an item with another id now, and would become a second case: it stays as it was.',
  }
}
