import type { Db } from '../prisma/client.ts'
import { type CaseFilter, type ResolvedFilter, resolveFilter } from './case-filter.ts'
import { DomainError } from './errors.ts'
import { type CaseEntry, feedEntries, type GoneCase } from './feed-entries.ts'
import { type FeedLine, type FoundLines, feedEnd, newestCases, selectedLines } from './feed-lines.ts'

/**
 * One document of a feed (RFC 5005, section 4). A case stands in it at the last of its lines that are in the document's part
 * of the log, and is shown as it is now. The last one to be written about a case is in the newest of all documents that have
 * it.
 */
export type FeedPage = {
  /** Null is the newest part. */
  archive: number | null
  /** The archive pages with what is older and newer, where there are any. */
  older: number | null
  newer: number | null
  /** What changed last first. */
  items: FeedItem[]
  /** Of the last line up to its end; null when there is none. */
  at: string | null
}

/** A case with the position of its line: to be shown, or gone. */
export type FeedItem = { position: number; reference: string } & (
  | { case: CaseEntry; gone?: never }
  | { gone: GoneCase; case?: never }
)

/** So many positions of the log are one archive page. What was in one stays in it: it is gone, or shown as it is now. */
export const ARCHIVE_POSITIONS = 200
/** So many cases at least are in the newest part, where there are as many. */
const LEAST = 50

/**
 * The newest part of the feed of a filter, or an archive page. Throws `not_found` for an archive page that is not there (yet),
 * and `validation_failed` as `resolveFilter` does.
 */
export async function readFeed(db: Db, filter: CaseFilter, archive: number | null): Promise<FeedPage> {
  const resolved = await resolveFilter(db, filter)
  const upTo = archive === null ? Number.MAX_SAFE_INTEGER : archive * ARCHIVE_POSITIONS
  const { known, at } = await feedEnd(db, resolved, upTo)
  // Only what is whole is an archive page: the newest part has all that is behind the last of them.
  const archives = Math.floor(known / ARCHIVE_POSITIONS)
  if (archive !== null && archive > archives) {
    throw new DomainError('not_found', { detail: 'There is no such archive page: follow the links.' })
  }
  const asked = { db, resolved }
  const page =
    archive === null ? await newestPart(asked, known, archives) : await archivePage(asked, archive, archives)
  return { archive, older: page.older, newer: page.newer, at, items: await itemsOf(asked, page.lines) }
}

type Asked = { db: Db; resolved: ResolvedFilter }
type Part = Pick<FeedPage, 'older' | 'newer'> & { lines: FeedLine[] }

async function newestPart({ db, resolved }: Asked, known: number, archives: number): Promise<Part> {
  // One more than there are behind the last archive page.
  const limit = ARCHIVE_POSITIONS
  const found = await selectedLines(db, resolved, { from: 1, to: known, first: 'newest', limit })
  const cases = new Set<number>()
  const kept = found.lines.filter(({ position, caseId }) => {
    const keeps = position > archives * ARCHIVE_POSITIONS || cases.size < LEAST || cases.has(caseId)
    if (keeps) cases.add(caseId)
    return keeps
  })
  const left = found.lines.find((line) => !kept.includes(line))
  const full = found.lines.length === limit
  // Where the walk ended nothing is known of what is older; where it found as many as it was to, there may be more.
  const next = left?.position ?? (full ? found.lines.at(-1)?.position : edgeOf(found))
  const rare = found.edge !== null && cases.size < LEAST
  const more = rare ? await newestCases(db, resolved, { limit: LEAST, to: known }) : []
  return { lines: [...kept, ...more], older: archiveOf(next), newer: null }
}

async function archivePage({ db, resolved }: Asked, archive: number, archives: number): Promise<Part> {
  const [before, to, end] = [archive - 1, archive, archives].map((one) => one * ARCHIVE_POSITIONS) as [
    number,
    number,
    number,
  ]
  const limit = ARCHIVE_POSITIONS
  const [{ lines }, older, newer] = await Promise.all([
    selectedLines(db, resolved, { from: before + 1, to, first: 'newest', limit }),
    selectedLines(db, resolved, { from: 1, to: before, first: 'newest', limit: 1 }),
    selectedLines(db, resolved, { from: to + 1, to: end, first: 'oldest', limit: 1 }),
  ])
  const olderThan = older.lines[0]?.position ?? edgeOf(older)
  const newerThan = newer.lines[0]?.position ?? newer.edge ?? undefined
  return { lines, older: archiveOf(olderThan), newer: archiveOf(newerThan) }
}

// What is right below where a walk ended.
function edgeOf({ edge }: FoundLines): number | undefined {
  return edge === null || edge === 1 ? undefined : edge - 1
}

function archiveOf(position: number | undefined): number | null {
  return position === undefined ? null : Math.ceil(position / ARCHIVE_POSITIONS)
}

async function itemsOf({ db, resolved }: Asked, lines: readonly FeedLine[]): Promise<FeedItem[]> {
  const last = new Map<number, FeedLine>()
  for (const line of lines) {
    if (line.position > (last.get(line.caseId)?.position ?? 0)) last.set(line.caseId, line)
  }
  const { cases, gone } = await feedEntries(db, resolved, [...last.keys()])
  return [...last.values()]
    .sort((one, other) => other.position - one.position)
    .flatMap(({ position, reference, caseId }): FeedItem[] => {
      const entry = cases.get(caseId)
      const goneCase = gone.get(caseId)
      if (entry !== undefined) return [{ position, reference, case: entry }]
      return goneCase === undefined ? [] : [{ position, reference, gone: goneCase }]
    })
}
