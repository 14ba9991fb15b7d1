import t from 'tap'
import type { CaseFilter } from '../../domain/case-filter.ts'
import { indexCases } from '../../domain/case-index.ts'
import { ARCHIVE_POSITIONS, type FeedPage, readFeed } from '../../domain/feed.ts'
import { startHarness } from '../api/harness.ts'
import { type MadeCase, makeCases } from '../api/made-cases.ts'

const OTHERS = 30_000

t.test('a filter that selects a few of a long log', async (t) => {
  const { db } = await startHarness(t)
  const read = (filter: CaseFilter, archive: number | null = null) => readFeed(db, filter, archive)
  const walk = async (filter: CaseFilter): Promise<FeedPage[]> => {
    const pages = [await read(filter)]
    for (let older = pages[0]?.older ?? null; older !== null; older = pages.at(-1)?.older ?? null) {
      t.ok(older < (pages.at(-1)?.archive ?? Number.POSITIVE_INFINITY), 'a walk goes down')
      pages.push(await read(filter, older))
    }
    return pages
  }
  const references = await makeCases(
    db,
    ['T01', 'T02', 'T01', 'T02', 'T02'].map((organisation, n) => food(organisation, n + 1)),
  )
  await indexCases(db)
  const removed = references[3] as string
  await db.pool.query(
    `with gone as (update cases set publication = 'removed' where reference = $1 returning *)
     insert into events (type, case_id, case_reference, organisation_id) select 'case.removed', id, reference, organisation_id from gone`,
    [removed],
  )
  await indexCases(db)
  const moved = references[4] as string
  await db.pool.query(
    `with moved as (update cases set organisation_id = (select id from organisations where code = 'T01') where reference = $1 returning *)
     insert into events (type, case_id, case_reference, organisation_id, fields)
     select 'case.referral_accepted', id, reference, organisation_id, '{organisation}' from moved`,
    [moved],
  )
  await indexCases(db)
  // What else the public has heard since; these cases are not there any more.
  await db.pool.query(
    `insert into public_events (position, type, at, case_id, case_reference, fields, organisation_id, kind, category_code, status, reported_at)
     select s.placed + n, 'case.published', now(), n, 'M' || n, '{}', o.id, 'feedback', 'staff', 'open', now()
     from generate_series(1, $1::int) n, log_state s, organisations o where o.code = 'T0101'`,
    [OTHERS],
  )
  await db.pool.query('update log_state set placed = placed + $1, position = position + $1', [OTHERS])
  await db.pool.query('analyze public_events')

  const there = [...references.slice(0, 3), moved]
  const filters: [string, CaseFilter, string[], string[]][] = [
    ['a rare category', { category: ['food'] }, there, [removed]],
    ['an organisation, by its index', { organisation: ['T02'] }, [there[1] as string], [moved, removed]],
    ['both', { organisation: ['T02', 'T01'], category: ['food'] }, there, [removed]],
    ['words', { q: 'soup' }, there, [removed]],
    [
      'a box',
      { bbox: [-0.13, 51.49, -0.11, 51.505], category: ['food'] },
      [there[0], there[2]] as string[],
      [],
    ],
  ]
  for (const [name, filter, wanted, gone] of filters) {
    await t.test(
      `${name}: the newest part has what there is, and a walk meets the tombstones too`,
      async (t) => {
        const pages = await walk(filter)
        t.same(casesOf(pages.slice(0, 1)), wanted)
        t.same(casesOf(pages), wanted)
        t.same(
          goneOf(pages).filter((one) => references.includes(one)),
          gone,
        )
        t.ok(
          pages.length < 12,
          `${pages.length} pages: what is not selected is not walked through page by page`,
        )
        t.equal(pages.at(-1)?.older, null)
      },
    )
  }

  await t.test('pages lead back up again', async (t) => {
    let page = await read({ category: ['food'] }, 1)
    t.same(casesOf([page]), there)
    for (let n = 0; page.newer !== null; n++) {
      t.ok(n < 12 && page.newer > (page.archive ?? 0))
      page = await read({ category: ['food'] }, page.newer)
    }
    t.ok((page.archive ?? 0) > OTHERS / ARCHIVE_POSITIONS - 60)
  })

  await t.test('an archive page is there once it is whole', async (t) => {
    const { rows } = await db.pool.query<{ placed: number }>('select placed from log_state')
    const whole = Math.floor(Number(rows[0]?.placed) / ARCHIVE_POSITIONS)
    t.equal((await read({}, whole)).archive, whole)
    await t.rejects(read({}, whole + 1), { code: 'not_found' })
  })
})

function casesOf(pages: readonly FeedPage[]): string[] {
  return [
    ...new Set(pages.flatMap(({ items }) => items.flatMap((item) => item.case?.reference ?? []))),
  ].sort()
}

function goneOf(pages: readonly FeedPage[]): string[] {
  return pages.flatMap(({ items }) =>
    items.flatMap((item) => (item.gone === undefined ? [] : item.reference)),
  )
}

function food(organisation: string, day: number): MadeCase {
  return {
    organisation,
    kind: 'feedback',
    category: 'food',
    status: 'open',
    publication: 'published',
    privacy: 'anonymous',
    language: null,
    title: null,
    text: 'The soup was cold. (Invented.)',
    response: null,
    reportedAt: new Date(Date.UTC(2026, 0, day)),
  }
}
