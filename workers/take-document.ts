import type { AskedRunEnd, TakenUpRun } from '../domain/asked-runs.ts'
import type { Entry } from '../domain/items.ts'
import { openDocument } from '../domain/run-documents.ts'
import type { RunCounts } from '../domain/runs.ts'
import { readerOfDocuments, takeDocumentBatch } from '../domain/take-document.ts'
import type { Context } from './context.ts'

/**
 * Reads a document that was sent, and takes its entries batch by batch; after a kill it goes on behind the last batch
 * that was kept.
 */
export async function document(context: Context, run: TakenUpRun): Promise<AskedRunEnd | 'lost'> {
  const { db, reader, now, settings, signal } = context
  const sent = await openDocument(db, run.id)
  if (sent === null) return failed(run, 'no-document', 'The document is not there any more.')
  const { connector, settings: sourceSettings, siteUrl } = await readerOfDocuments(db, run.sourceId)
  const readBy = connector ?? 'feed'
  const fetched = { ...sent, status: 200, url: siteUrl ?? NOWHERE }
  const limits = { entries: MOST_ENTRIES }
  const reading = await reader.read(readBy, fetched, sourceSettings, { limits })
  if ('failure' in reading) return failed(run, reading.failure, reading.detail)

  const { count: total } = reading
  const take = (counts: RunCounts, entries: readonly Entry[]) => {
    const until = new Date(now().getTime() + settings.leaseMs)
    return takeDocumentBatch(db, run, { entries, readBy, counts, total }, { now: now(), until })
  }
  let counts: RunCounts = { ...run.counts, pages: 1 }
  let passed = 0
  for await (const batch of reading.batches()) {
    if (signal.aborted) return 'lost'
    const entries = batch.slice(Math.max(0, counts.seen - passed))
    passed += batch.length
    if (entries.length === 0) continue
    const taken = await take(counts, entries)
    if (taken === null) return 'lost'
    counts = taken
  }
  // That a document came counts, also when nothing is in it.
  if (total === 0 && (await take(counts, [])) === null) return 'lost'
  if (reading.complete) return { state: 'succeeded', outcome: 'taken', detail: null, counts }
  const detail = `The document has no end, or more than ${MOST_ENTRIES} entries; what was read of it was taken.`
  return { state: 'succeeded', outcome: 'cut', detail, counts }
}

// What its links are relative to when nobody says where the document would stand.
const NOWHERE = 'https://source.invalid/'
const MOST_ENTRIES = 100_000

function failed({ counts }: TakenUpRun, reason: string, detail: string): AskedRunEnd {
  return { state: 'failed', outcome: reason, detail, counts }
}
