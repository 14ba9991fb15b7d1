import { takeBackGone } from '../domain/ingest-listing.ts'
import { addCounts, noCounts } from '../domain/runs.ts'
import { noCursor, type Validators } from '../domain/source-polls.ts'
import type { FetchedDocument } from '../net/fetch.ts'
import type { Walk, WalkEnd } from './walk.ts'
import { hashOf } from './walk-start.ts'
import type { Way } from './walk-way.ts'

/** Ends a walk whose last document was read; what a whole listing lacked before too is taken back. */
export async function endOfWalk(
  walk: Walk,
  document: FetchedDocument,
  { whole, archivedTo, detail }: Extract<Way, { next: null }>,
): Promise<WalkEnd> {
  const { plan, progress, start, cut } = walk
  const { pages, listing, entries } = progress.cursor
  const listed = whole && listing && !cut
  const missing = listed ? await takeBack(walk, new Date(start.walkFrom)) : null
  // Of several pages a later one may change while the first stays the same.
  const one = pages === 1 && !cut
  const { etag, lastModified, sha256 } = document
  const validators = one ? { etag, lastModified, bodySha256: sha256 } : noValidators
  progress.cursor = {
    ...noCursor,
    completeFrom: cut ? plan.cursor.completeFrom : start.walkFrom,
    entries,
    asked: one ? askedNow(walk) : null,
    archivedTo: cut ? progress.cursor.archivedTo : archivedTo,
    listed,
  }
  const end = cut ? 'The document has no end; what is in it was taken.' : null
  return { outcome: cut ? 'cut' : found(walk), detail: words(start.note, detail, end, missing), validators }
}

/** Ends a walk whose answer was the same as the last one. */
export async function endUnchanged(walk: Walk, outcome: 'not-modified' | 'unchanged'): Promise<WalkEnd> {
  const { plan, progress, start } = walk
  const { archivedTo, listed, entries } = plan.cursor
  const missing = listed ? await takeBack(walk, null) : null
  const known = { asked: askedNow(walk), archivedTo, listed, entries }
  progress.cursor = { ...noCursor, completeFrom: start.walkFrom, ...known }
  return { outcome: found(walk) === 'changed' ? 'changed' : outcome, detail: words(start.note, missing) }
}

const noValidators: Validators = { etag: null, lastModified: null, bodySha256: null }

/** Takes back what is gone; what a person should know of it, in words. */
async function takeBack({ context, plan, progress }: Walk, walkFrom: Date | null): Promise<string | null> {
  const { removed, waiting } = await takeBackGone(context.db, plan.sourceId, { walkFrom, now: context.now() })
  progress.counts = addCounts(progress.counts, { ...noCounts, deleted: removed })
  if (waiting === 0) return null
  return `The listing lacks ${waiting} items, more than may go at once: nothing was taken back, a person is asked.`
}

// After a move the validators describe the answer of the new address.
function askedNow({ connector, plan, start, progress: { movedTo } }: Walk): string {
  return hashOf(movedTo === null ? start.url : connector.firstRequest(movedTo, plan.settings, start.since))
}

function found({ progress: { counts } }: Walk): 'changed' | 'unchanged' {
  const { created, changed, deleted, parked } = counts
  return created + changed + deleted + parked > 0 ? 'changed' : 'unchanged'
}

function words(...sentences: (string | null)[]): string | null {
  return sentences.filter((sentence) => sentence !== null).join(' ') || null
}
