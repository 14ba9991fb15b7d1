import { createHash } from 'node:crypto'
import type { Connector, Reading } from '../connectors/connector.ts'
import { xmlLimits } from '../connectors/xml-reader.ts'
import { ingest, LARGEST_BATCH } from '../domain/ingest.ts'
import type { Entry } from '../domain/items.ts'
import { addCounts, noCounts, type RunCounts } from '../domain/runs.ts'
import { keepPoll, type PollCursor, type PollPlan, type Validators } from '../domain/source-polls.ts'
import type { AnswerFacts, FetchedDocument, FetchResult } from '../net/fetch.ts'
import type { Context } from './context.ts'

/** How far a poll has come, as it comes on. */
export type Progress = { cursor: PollCursor; counts: RunCounts; wishes: Wishes }

/** When source and server would like to be asked again. */
export type Wishes = {
  ttlMinutes: number | null
  maxAgeSeconds: number | null
  expires: Date | null
  retryAfterSeconds: number | null
}

/** How a walk ended; `cut`: a document had no end, but what was in it was taken; `lost`: another poll has taken over. */
export type WalkEnd =
  | {
      outcome: 'changed' | 'unchanged' | 'not-modified' | 'cut'
      detail: string | null
      validators?: Validators
    }
  | { outcome: 'incomplete'; detail: string }
  | { outcome: 'failed' | 'rate-limited'; reason: string; detail: string }
  | { outcome: 'lost' }

/** The progress of a poll that has not begun. */
export function noProgress(plan: PollPlan): Progress {
  return { cursor: plan.cursor, counts: noCounts, wishes: noWishes }
}

/**
 * Walks a source's pages from where the last poll stopped, or from the first, and takes what is in them. It ends where
 * no page follows, at one that it has read, at a failure, or at the most pages of one poll, to go on from there.
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
  progress.cursor = { ...plan.cursor, next: start.resumed ? start.url : null, walkFrom: start.walkFrom }
  for (let url = start.url; ; ) {
    walk.visited.add(url)
    const result = await fetchPage(walk, url)
    const step: WalkEnd | { next: string } =
      result.outcome === 'document' ? await takePage(walk, url, result) : endWithout(walk, result)
    if ('outcome' in step) return step
    url = step.next
  }
}

type Start = {
  url: string
  resumed: boolean
  walkFrom: string
  /** What is known of the answer; null when it is to be read whatever it is. */
  known: Validators | null
}

type Walk = {
  context: Context
  plan: PollPlan
  connector: Connector
  progress: Progress
  start: Start
  visited: Set<string>
  cut: boolean
}

const noWishes: Wishes = { ttlMinutes: null, maxAgeSeconds: null, expires: null, retryAfterSeconds: null }
const noValidators: Validators = { etag: null, lastModified: null, bodySha256: null }

// Entries that arrive late are dated back, and a day's list is by the provider's own day.
const OVERLAP_MS = 7 * 86_400_000
// A validator that lies, and a mapping that was put right, show at last.
const READ_ANYWAY_EVERY = 50
// An address to go on from may have had its time.
const RESUMED_AT_MOST = 3
const MOST_PAGES = 10_000

function startOf({ cursor, ...plan }: PollPlan, connector: Connector, began: Date): Start {
  if (cursor.next !== null && plan.failures < RESUMED_AT_MOST) {
    const walkFrom = cursor.walkFrom ?? began.toISOString()
    return { url: cursor.next, resumed: true, walkFrom, known: null }
  }
  const since = cursor.completeFrom === null ? null : new Date(Date.parse(cursor.completeFrom) - OVERLAP_MS)
  const url = connector.firstRequest(plan.address, plan.settings, since)
  const known = cursor.asked === hashOf(url) && plan.polls % READ_ANYWAY_EVERY !== 0
  return { url, resumed: false, walkFrom: began.toISOString(), known: known ? plan.validators : null }
}

async function fetchPage({ context, start, visited }: Walk, url: string): Promise<FetchResult> {
  const known = visited.size === 1 ? start.known : null
  return context.fetcher.fetchDocument({
    url,
    signal: context.signal,
    ...(known && { validators: { etag: known.etag, lastModified: known.lastModified } }),
  })
}

function endWithout(walk: Walk, result: Exclude<FetchResult, FetchedDocument>): WalkEnd {
  const { progress } = walk
  switch (result.outcome) {
    case 'not-modified':
      progress.wishes = wishesOf(result, null)
      progress.cursor = doneCursor(walk, walk.plan.cursor.asked)
      return { outcome: 'not-modified', detail: null }
    case 'rate-limited':
      progress.wishes = { ...noWishes, retryAfterSeconds: result.retryAfterSeconds }
      return { outcome: 'rate-limited', reason: 'rate-limited', detail: `answered ${result.status}` }
    case 'failed':
      return { outcome: 'failed', reason: result.reason, detail: result.detail }
  }
}

/** Reads one page and takes its entries; what follows, or how the walk ends. */
async function takePage(
  walk: Walk,
  url: string,
  document: FetchedDocument,
): Promise<WalkEnd | { next: string }> {
  const { plan, connector, progress, start, visited } = walk
  if (visited.size === 1 && start.known?.bodySha256 === document.sha256) {
    progress.wishes = wishesOf(document, null)
    progress.cursor = doneCursor(walk, plan.cursor.asked)
    return { outcome: 'unchanged', detail: null }
  }
  const limit = entryLimit(plan)
  const reading = connector.read(document, plan.settings, { limits: { entries: limit } })
  if ('failure' in reading) return { outcome: 'failed', reason: reading.failure, detail: reading.detail }

  if (visited.size === 1) progress.wishes = wishesOf(document, reading.ttlMinutes)
  progress.counts = addCounts(progress.counts, { ...noCounts, pages: 1 })
  progress.cursor = { ...progress.cursor, pages: progress.cursor.pages + 1 }
  const full = !reading.complete && reading.entries.length >= limit
  const stopped = await takeEntries(walk, reading.entries, {
    here: url,
    after: full ? url : (reading.next ?? url),
  })
  if (stopped !== null) return stopped
  if (full) {
    progress.cursor = { ...progress.cursor, next: url, entries: limit + xmlLimits.entries }
    return { outcome: 'incomplete', detail: `It has more than ${limit} entries; the next poll reads on.` }
  }
  walk.cut ||= !reading.complete
  return afterPage(walk, document, reading)
}

function afterPage(walk: Walk, document: FetchedDocument, reading: Reading): WalkEnd | { next: string } {
  const { context, progress, visited } = walk
  const { next } = reading
  if (next === null) return endOfWalk(walk, document, null)
  if (visited.has(next)) return endOfWalk(walk, document, 'The next page had been read before.')
  if (progress.cursor.pages >= MOST_PAGES)
    return endOfWalk(walk, document, `Nobody reads more than ${MOST_PAGES} pages.`)
  progress.cursor = { ...progress.cursor, next, entries: null }
  if (progress.counts.pages < context.settings.pages) return { next }
  return {
    outcome: 'incomplete',
    detail: `${progress.counts.pages} pages were read; the next poll reads on.`,
  }
}

/** Takes entries in batches and keeps where to go on after each; null when all were taken. */
async function takeEntries(
  { plan, progress, context }: Walk,
  entries: readonly Entry[],
  { here, after }: { here: string; after: string },
): Promise<WalkEnd | null> {
  const { db, now, settings, signal } = context
  progress.cursor = { ...progress.cursor, next: here }
  for (let from = 0; from < entries.length; from += LARGEST_BATCH) {
    if (signal.aborted) return { outcome: 'failed', reason: 'aborted', detail: 'The process was stopped.' }
    const batch = entries.slice(from, from + LARGEST_BATCH)
    const { counts } = await ingest(db, plan.sourceId, batch, { now: now() })
    progress.counts = addCounts(progress.counts, counts)
    const isLast = from + LARGEST_BATCH >= entries.length
    progress.cursor = { ...progress.cursor, next: isLast ? after : here }
    const claimedUntil = new Date(now().getTime() + settings.leaseMs)
    if (!(await keepPoll(db, plan, { ...progress, claimedUntil }))) return { outcome: 'lost' }
    if (!isLast || progress.cursor.next !== here) {
      const { pages, seen, created } = progress.counts
      context.log.info(
        { sourceId: plan.sourceId, run: plan.run.reference, pages, seen, created },
        'polling goes on',
      )
    }
  }
  return null
}

function endOfWalk(walk: Walk, document: FetchedDocument, detail: string | null): WalkEnd {
  const { progress, start, cut } = walk
  // Of several pages a later one may change while the first stays the same.
  const one = progress.cursor.pages === 1 && !cut
  const { etag, lastModified, sha256 } = document
  const validators = one ? { etag, lastModified, bodySha256: sha256 } : noValidators
  progress.cursor = doneCursor(walk, one ? hashOf(start.url) : null)
  if (cut)
    return {
      outcome: 'cut',
      detail: detail ?? 'The document has no end; what is in it was taken.',
      validators,
    }
  const { created, changed, deleted, parked } = progress.counts
  return { outcome: created + changed + deleted + parked > 0 ? 'changed' : 'unchanged', detail, validators }
}

function doneCursor({ plan, start, cut }: Walk, asked: string | null): PollCursor {
  const completeFrom = cut ? plan.cursor.completeFrom : start.walkFrom
  return { next: null, walkFrom: null, completeFrom, entries: null, pages: 0, asked }
}

/** A first import reads all there is. */
function entryLimit({ cursor }: PollPlan): number {
  if (cursor.completeFrom === null) return Number.POSITIVE_INFINITY
  return cursor.entries ?? xmlLimits.entries
}

function wishesOf(
  { cacheControl, expires, retryAfterSeconds }: AnswerFacts,
  ttlMinutes: number | null,
): Wishes {
  return { ttlMinutes, maxAgeSeconds: cacheControl?.maxAge ?? null, expires, retryAfterSeconds }
}

// Whole addresses hold keys, so only their hashes are compared.
function hashOf(url: string): string {
  return createHash('sha256').update(url).digest('base64url')
}
