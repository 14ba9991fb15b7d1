import t from 'tap'
import { noCursor, type PollCursor } from '../../domain/source-polls.ts'
import { type Way, wayOn } from '../../workers/walk-way.ts'

const FEED = 'https://stories.example/feed'
const PAGE = 'https://stories.example/feed?page=2'
const NEWEST = 'https://stories.example/archive/3'
const OLDER = 'https://stories.example/archive/2'

t.test('pages come before archives, and the newest archive is that of the first page', async (t) => {
  const first = way({}, { next: PAGE, previousArchive: NEWEST })
  t.match(first, { next: PAGE, cursor: { next: PAGE, archive: NEWEST, inArchive: false } })
  const second = way({ archive: NEWEST }, { next: null, previousArchive: OLDER })
  t.match(second, { next: NEWEST, cursor: { archive: NEWEST, inArchive: true } })
  const third = way({ archive: NEWEST, inArchive: true }, { next: PAGE, previousArchive: OLDER })
  t.match(third, { next: OLDER, cursor: { archive: NEWEST, inArchive: true } })
  const last = way({ archive: NEWEST, inArchive: true }, { next: null, previousArchive: null })
  t.same(last, { next: null, whole: true, archivedTo: NEWEST, detail: null })
})

t.test('archives that are known are not read again, unless everything is to be seen', async (t) => {
  const known = { archivedTo: NEWEST }
  t.match(way(known, { next: null, previousArchive: NEWEST }), {
    next: null,
    whole: true,
    archivedTo: NEWEST,
  })
  t.match(way({ ...known, listing: true }, { next: null, previousArchive: NEWEST }), { next: NEWEST })
  t.match(way({ archivedTo: OLDER }, { next: null, previousArchive: NEWEST }), { next: NEWEST })
  t.match(
    way({ archivedTo: OLDER, archive: NEWEST, inArchive: true }, { next: null, previousArchive: OLDER }),
    { next: null, whole: true, archivedTo: NEWEST },
  )
  t.match(way(known, { next: null, previousArchive: null }), { next: null, whole: true, archivedTo: NEWEST })
})

t.test('a circle ends, and what ends so is not everything', async (t) => {
  t.match(way({}, { next: FEED, previousArchive: null }), { next: null, whole: false, detail: /read before/ })
  t.match(way({ archive: NEWEST, inArchive: true }, { next: null, previousArchive: FEED }), {
    next: null,
    whole: false,
    archivedTo: NEWEST,
    detail: /read before/,
  })
  t.match(way({ pages: 10_000 }, { next: PAGE, previousArchive: null }), { next: null, whole: false })
  t.match(way({ pages: 10_000 }, { next: null, previousArchive: null }), { next: null, whole: true })
})

function way(
  cursor: Partial<PollCursor>,
  reading: { next: string | null; previousArchive: string | null },
): Way {
  return wayOn({ ...noCursor, next: FEED, pages: 1, ...cursor }, reading, new Set([FEED]))
}
