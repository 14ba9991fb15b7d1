import type { Connector } from '../connectors/connector.ts'
import type { BatchedReading } from '../connectors/reader.ts'
import { xmlLimits } from '../connectors/xml-reader.ts'
import { type IngestOptions, ingest } from '../domain/ingest.ts'
import { addCounts, noCounts } from '../domain/runs.ts'
import { keepPoll, type PollCursor, type PollPlan } from '../domain/source-polls.ts'
import type { FetchedDocument, FetchResult } from '../net/fetch.ts'
import { movedAddress } from '../net/moved-address.ts'
import type { Context } from './context.ts'
import { documentLimits } from './document-limits.ts'
import { noting, sampleOf } from './sample-poll.ts'
import { noWishes, type Progress, type Walk, type WalkEnd, wishesOf } from './walk.ts'
import { endOfWalk, endUnchanged } from './walk-end.ts'
import { startOf } from './walk-start.ts'
import { wayOn } from './walk-way.ts'

export { noProgress, type Progress, type WalkEnd, type Wishes } from './walk.ts'

/**
 * Walks a source's pages and archives from where the last poll stopped, or from the first page, and takes what is in
 * them. It ends where none follows, at one that it has read, at a failure, or at the most pages of one poll, to go on
 * from there.
 */
export async function walkPages(
  context: Context,
  plan: PollPlan,
  connector: Connector,
  began: Date,
  progress: Progress,
): Promise<WalkEnd> {
  const start = startOf(plan, connector, began)
  const walk: Walk = { context, plan, connector, progress, start, visited: new Set(), cut: false }
  progress.cursor = start.cursor
  for (let url = start.url; ; ) {
    walk.visited.add(url)
    const result = await fetchPage(walk, url)
    const step =
      result.outcome === 'document' ? await takePage(walk, url, result) : await endWithout(walk, result)
    if ('outcome' in step) return step
    url = step.next
  }
}

async function fetchPage({ context, plan, start, visited }: Walk, url: string): Promise<FetchResult> {
  const known = visited.size === 1 ? start.known : null
  return context.fetcher.fetchDocument({
    url,
    signal: context.signal,
    limits: documentLimits(plan.maxDocumentBytes),
    ...(known && { validators: { etag: known.etag, lastModified: known.lastModified } }),
  })
}

async function endWithout(walk: Walk, result: Exclude<FetchResult, FetchedDocument>): Promise<WalkEnd> {
  const { progress } = walk
  switch (result.outcome) {
    case 'not-modified':
      progress.wishes = wishesOf(result, null)
      noteMove(walk, result.movedTo)
      return endUnchanged(walk, 'not-modified')
    case 'rate-limited':
      progress.wishes = { ...noWishes, retryAfterSeconds: result.retryAfterSeconds }
      return { outcome: 'rate-limited', reason: 'rate-limited', detail: `answered ${result.status}` }
    case 'failed':
      return { outcome: 'failed', reason: result.reason, detail: result.detail }
  }
}

/** Reads one document and takes its entries; what follows, or how the walk ends. */
async function takePage(
  walk: Walk,
  url: string,
  document: FetchedDocument,
): Promise<WalkEnd | { next: string }> {
  const { context, plan, progress, start, visited } = walk
  const isFirst = visited.size === 1
  if (isFirst && start.known?.bodySha256 === document.sha256) {
    progress.wishes = wishesOf(document, null)
    noteMove(walk, document.movedTo)
    return endUnchanged(walk, 'unchanged')
  }
  if (progress.cursor.inArchive && document.status >= 300) return endOfArchive(walk, document)

  const limit = entryLimit(plan)
  // Before it is read, as its bytes move away.
  const sample = isFirst && !start.resumed ? sampleOf(plan, document) : null
  const reading = await context.reader.read(plan.connector, document, plan.settings, {
    limits: { entries: limit },
  })
  if ('failure' in reading) return { outcome: 'failed', reason: reading.failure, detail: reading.detail }
  if (isFirst) {
    progress.wishes = wishesOf(document, reading.ttlMinutes)
    noteMove(walk, document.movedTo)
  }
  progress.sample ??= sample
  return takeReading(walk, url, document, sample === null ? reading : noting(reading, sample), limit)
}

async function takeReading(
  walk: Walk,
  url: string,
  document: FetchedDocument,
  reading: BatchedReading,
  limit: number,
): Promise<WalkEnd | { next: string }> {
  const { context, progress, start, visited } = walk
  const full = !reading.complete && reading.count >= limit
  progress.counts = addCounts(progress.counts, { ...noCounts, pages: 1 })
  const here = cursorHere(walk, url, reading, full)
  const way = wayOn(here, reading, visited)
  const again = { ...here, pages: here.pages - 1, entries: limit + xmlLimits.entries }
  const after = full ? again : way.next === null ? here : way.cursor
  if (!start.resumed && visited.size === 1 && way.next === null && !full) progress.total = reading.count
  const stopped = await takeEntries(walk, reading, { here, after })
  if (stopped !== null) return stopped

  if (full) return incomplete(walk, `It has more than ${limit} entries; the next poll reads on.`)
  walk.cut ||= !reading.complete
  if (way.next === null) return endOfWalk(walk, document, way)
  const { pages } = progress.counts
  if (pages < context.settings.pages) return { next: way.next }
  return incomplete(walk, `${pages} pages were read; the next poll reads on.`)
}

function incomplete({ start: { note } }: Walk, detail: string): WalkEnd {
  return { outcome: 'incomplete', detail: note === null ? detail : `${note} ${detail}` }
}

// What is cut lists nothing whole, nor does the walk that it belongs to, also where the next poll goes on with it.
function cursorHere(
  { progress, visited, start }: Walk,
  url: string,
  reading: BatchedReading,
  full: boolean,
): PollCursor {
  const { cursor } = progress
  const saysSo = !start.resumed && visited.size === 1 && reading.listsAll
  const listing = (cursor.listing || saysSo) && (reading.complete || full)
  // From here on the answer to the first request no longer tells whether all of it was read.
  return {
    ...cursor,
    next: url,
    pages: cursor.pages + 1,
    listing,
    entries: entriesAfter(cursor.entries, reading.count),
    asked: null,
    listed: false,
  }
}

/** Takes entries in batches and keeps where to go on after each; null when all were taken. */
async function takeEntries(
  walk: Walk,
  reading: BatchedReading,
  { here, after }: { here: PollCursor; after: PollCursor },
): Promise<WalkEnd | null> {
  const { plan, progress, context } = walk
  const { db, now, signal } = context
  const goesOn = after.next !== here.next
  progress.cursor = here
  let taken = 0
  for await (const batch of reading.batches()) {
    if (signal.aborted) return { outcome: 'failed', reason: 'aborted', detail: 'The process was stopped.' }
    const { counts } = await ingest(db, plan.sourceId, batch, optionsFor(walk, now()))
    progress.counts = addCounts(progress.counts, counts)
    taken += batch.length
    const isLast = taken >= reading.count
    const stopped = await keep(walk, isLast ? after : here, !isLast || goesOn)
    if (stopped !== null) return stopped
  }
  // A page without entries is a sign of life too.
  return reading.count === 0 && goesOn ? keep(walk, after, goesOn) : null
}

function optionsFor({ plan, progress, start }: Walk, now: Date): IngestOptions {
  const { listing, inArchive } = progress.cursor
  return {
    now,
    readBy: plan.connector,
    ...(listing && { listedAt: new Date(start.walkFrom) }),
    ...(inArchive && { archived: true }),
  }
}

async function keep(
  { context, plan, progress }: Walk,
  cursor: PollCursor,
  goesOn: boolean,
): Promise<WalkEnd | null> {
  const { db, now, settings, log } = context
  progress.cursor = cursor
  const { counts, total } = progress
  const { pages, seen, created } = counts
  const claimedUntil = new Date(now().getTime() + settings.leaseMs)
  const stands = await keepPoll(db, plan, { cursor, counts, total, now: now(), claimedUntil })
  if (stands === 'lost') return { outcome: 'lost' }
  if (stands === 'paused') return { outcome: 'paused' }
  if (goesOn)
    log.info({ sourceId: plan.sourceId, run: plan.run.reference, pages, seen, created }, 'polling goes on')
  return null
}

/** An old archive document may have gone for good; what is new comes all the same. */
async function endOfArchive(walk: Walk, document: FetchedDocument): Promise<WalkEnd> {
  return endOfWalk(walk, document, {
    next: null,
    whole: false,
    archivedTo: walk.progress.cursor.archive,
    detail: `An archive document answered ${document.status}; it and those before it were not read.`,
  })
}

function noteMove({ plan, start, progress }: Walk, movedTo: string | null): void {
  if (start.resumed) return
  progress.movedTo = movedAddress({ address: plan.address, asked: start.url, movedTo })
}

// Empty entries take a thousand times their size to read.
const FIRST_IMPORT_ENTRIES = 100_000

// What has been so long before may be so long again.
function entriesAfter(before: number | null, count: number): number | null {
  return count <= xmlLimits.entries ? before : Math.max(before ?? 0, count + xmlLimits.entries)
}

/** A first import reads all there is, an endless document in parts as well. */
function entryLimit({ cursor }: PollPlan): number {
  const usual = cursor.completeFrom === null ? FIRST_IMPORT_ENTRIES : xmlLimits.entries
  return Math.max(cursor.entries ?? 0, usual)
}
