import { type Db, inTransaction, row } from '../prisma/client.ts'
import { holdAskedRun, keepAskedRun, type TakenUpRun } from './asked-runs.ts'
import { ingestInto } from './ingest.ts'
import { holdSource } from './ingest-items.ts'
import type { Entry } from './items.ts'
import { notePush } from './push-items.ts'
import { keepRunResults } from './run-results.ts'
import { addCounts, type RunCounts } from './runs.ts'
import type { SourceSettings } from './source-rows.ts'

/** How a source's documents are read. */
export type DocumentReader = { connector: string | null; settings: SourceSettings; siteUrl: string | null }

/** How documents of a source are read that are sent to it. */
export async function readerOfDocuments(db: Db, sourceId: number): Promise<DocumentReader> {
  const source = await row<DocumentReader>(
    db.pool,
    'select connector, settings, site_url as "siteUrl" from sources where id = $1',
    [sourceId],
    'reader-of-documents',
  )
  if (source === undefined) throw new Error(`there is no source with the key ${sourceId}`)
  return source
}

/** Entries of a document, behind those that `counts` has seen already, and so many there are in all. */
export type DocumentBatch = { entries: readonly Entry[]; readBy: string; counts: RunCounts; total: number }

/**
 * Takes a batch of a pushed document's entries in one transaction with what became of each and how far the run has come;
 * what it has done in all. Null, and nothing written, when the run is somebody else's by now.
 */
export async function takeDocumentBatch(
  db: Db,
  run: Pick<TakenUpRun, 'id' | 'attempts' | 'sourceId'>,
  { entries, readBy, counts, total }: DocumentBatch,
  { now, until }: { now: Date; until: Date },
): Promise<RunCounts | null> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return null
    const source = await holdSource(tx, run.sourceId)
    if (source === undefined) throw new Error(`there is no source with the key ${run.sourceId}`)
    const taken = await ingestInto(tx, source, entries, { now, readBy })
    const results = taken.results.map((result, n) => ({ ...result, number: counts.seen + n + 1 }))
    await keepRunResults(tx, run.id, results)
    const all = addCounts(counts, taken.counts)
    await keepAskedRun(tx, run, { counts: all, total, until })
    await notePush(tx, source.id, { counts: taken.counts, now })
    return all
  })
}
