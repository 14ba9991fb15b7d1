import type { Reading } from '../connectors/connector.ts'
import type { PollCursor } from '../domain/source-polls.ts'

/** Where a walk goes after a page; or that it ends, whether everything was seen, and which archives are known now. */
export type Way =
  | { next: string; cursor: PollCursor }
  | { next: null; whole: boolean; archivedTo: string | null; detail: string | null }

/**
 * Decides where a walk goes after a page that was read: to the next page, and when there is none, along the archive
 * documents (RFC 5005, section 4) from the newest to the one that the last walk knew, or to their end where everything
 * is to be seen. It ends at a document that it has read before.
 */
export function wayOn(
  cursor: PollCursor,
  { next, previousArchive }: Pick<Reading, 'next' | 'previousArchive'>,
  visited: ReadonlySet<string>,
): Way {
  const archive = cursor.inArchive ? cursor.archive : (cursor.archive ?? previousArchive)
  const known = archive ?? cursor.archivedTo
  // What was not read is not known: it is gone to another time.
  const unread = { next: null, whole: false, archivedTo: cursor.archivedTo } as const
  const goTo = (url: string, inArchive: boolean): Way => {
    if (cursor.pages < MOST_PAGES) return { next: url, cursor: { ...cursor, next: url, archive, inArchive } }
    return { ...unread, archivedTo: known, detail: `Nobody reads more than ${MOST_PAGES} pages.` }
  }
  if (!cursor.inArchive && next !== null) {
    if (visited.has(next)) return { ...unread, detail: 'The next page had been read before.' }
    return goTo(next, false)
  }
  const before = cursor.inArchive ? previousArchive : archive
  if (before === null || (before === cursor.archivedTo && !cursor.listing))
    return { next: null, whole: true, archivedTo: known, detail: null }
  if (visited.has(before))
    return {
      ...unread,
      archivedTo: known,
      detail: 'The archives lead to a document that had been read before.',
    }
  return goTo(before, true)
}

const MOST_PAGES = 10_000
