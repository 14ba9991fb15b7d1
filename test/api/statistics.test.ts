import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { arePublicFiguresDue, countPublicFigures } from '../../domain/public-figures.ts'
import { type Db, row } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, type Harness, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

const NOW = new Date('2026-06-15T10:00:00Z')
const DAY = 24 * 3600_000

t.test('figures', async (t) => {
  const harness = await startHarness(t, { now: () => NOW })
  const { call, db, keys } = harness
  await prepareOrganisations(db)
  await makeCases(db, [
    ...many('T01', 30, { ago: 20 }),
    ...many('T01', 12, { ago: 20, status: 'resolved' }),
    ...many('T0101', 8, { ago: 100, kind: 'feedback', status: 'resolved' }),
    ...many('T0101', 3, { ago: 3 }),
    ...many('T02', 12, { ago: 20 }),
    ...many('CLOSED', 25, { ago: 300, status: 'resolved' }),
    ...many('FORMULA', 9, { ago: 20 }),
    ...many('T02', 7, { ago: 20, publication: 'kept_private' }),
    ...many('T01', 2, { ago: 20, publication: 'awaiting_moderation' }),
    ...many('T01', 6, { ago: 20, publication: 'removed' }),
    ...many('T01', 10, { ago: 0 }),
  ])
  await db.pool.query(
    `update cases set acknowledged_at = reported_at + interval '3 hours', resolved_at = reported_at + interval '30 hours',
       outcome_at = now(), outcome_resolved = id % 3 <> 0 where status = 'resolved'`,
  )
  await indexCases(db)
  const mine = (query = '', key = keys.case_handler) => call({ url: `/v1/statistics?view=mine${query}`, key })
  const open = (query = '') => call({ url: `/v1/statistics?view=public${query}` })
  const listed = (query = '', key?: string) =>
    call({ url: `/v1/statistics/organisations?${query}`, ...(key && { key }) })

  await t.test('before anybody has counted, nothing is said', async (t) => {
    t.match((await open()).body, { cases: null, withheld: null, byKind: [], asOf: NOW.toISOString() })
    t.ok(await arePublicFiguresDue(db, NOW))
    t.ok((await countPublicFigures(db, NOW)) > 0)
  })

  await t.test('staff have exact numbers of the nation, each case once', async (t) => {
    const { body } = await mine()
    t.match(body, {
      of: { organisation: null, commissioner: null, region: null },
      view: 'mine',
      window: { name: 'year', from: '2025-06-15', to: '2026-06-14' },
      cases: 108,
      withheld: 9,
      open: 63,
      closed: 45,
      byKind: [
        { value: 'concern', cases: 100 },
        { value: 'feedback', cases: 8 },
      ],
      acknowledge: { cases: 45, meanMinutes: 180, medianMinutes: 180, p90Minutes: 180 },
      resolve: { cases: 45, medianMinutes: 1800 },
    })
    t.same(
      body.acknowledge.distribution.filter(({ cases }: { cases: number }) => cases > 0),
      [{ upToMinutes: 240, cases: 45 }],
    )
    const { answered, yes, no, share, low, high } = body.resolved
    t.equal(answered, 45)
    t.equal(yes + no, 45)
    t.ok(low < share && share < high)
    t.same(body.manner, { answered: 0, yes: 0, no: 0, share: null, low: null, high: null })
  })

  await t.test(
    'of an organisation with what it succeeded, a commissioner, a region, days, kinds',
    async (t) => {
      const cases = async (query: string) => (await mine(query)).body.cases
      t.equal(await cases('&organisation=T01'), 80, 'with its site and what it succeeded')
      t.equal(await cases('&organisation=old1'), 80, 'by a former code')
      t.equal(await cases('&organisation=T0101'), 11)
      t.equal(await cases('&organisation=CLOSED'), 25, 'what was closed keeps its own')
      t.equal(await cases('&commissioner=XCM01'), 80)
      t.equal(await cases('&region=North'), 19)
      t.equal(await cases('&region=Nowhere'), 0)
      t.equal(await cases('&organisation=T01&kind=feedback'), 8)
      t.equal(await cases('&window=week'), 3)
      t.equal(await cases('&window=four_weeks'), 75)
      t.equal(await cases('&window=all&channel=phone'), 0)
      t.equal(await cases('&from=2026-06-15&to=2026-06-15'), 10, 'today')
      t.equal(await cases('&to=2026-06-14'), 108)
      t.equal(await cases('&service=SRV1'), 0)
      refused(t, await mine('&organisation=NONE1'), 400, 'validation_failed', [
        'query /organisation unknown_organisation',
      ])
      refused(t, await mine('&commissioner=NONE1'), 400, 'validation_failed', [
        'query /commissioner unknown_organisation',
      ])
      refused(t, await mine('&from=2026-06-02&to=2026-06-01'), 400, 'validation_failed', [
        'query /to days_turned_round',
      ])
      refused(t, await mine('&window=month'), 400, 'validation_failed', ['query /window unknown_value'])
    },
  )

  await t.test('a provider and a commissioner have their own, others none', async (t) => {
    t.equal((await mine('', keys.provider)).body.cases, 80)
    t.equal((await mine('', keys.other_provider)).body.cases, 19)
    t.equal((await mine('&organisation=T02', keys.provider)).body.cases, 0, 'nothing of somebody else')
    t.equal((await mine('', keys.commissioner)).body.cases, 80)
    t.equal((await mine('', keys.other_commissioner)).body.cases, 0)
    t.equal((await mine('', keys.administrator)).body.cases, 108)
    refused(t, await mine('', keys.integrator), 403, 'not_your_figures')
    refused(t, await mine('', keys.supplier), 403, 'not_your_figures')
    refused(t, await call({ url: '/v1/statistics?view=mine' }), 400, 'validation_failed', [
      'query /view needs_key',
    ])
  })

  await t.test('the public hears no small number, nor what one could be worked out from', async (t) => {
    const { body } = await open('&organisation=T01')
    t.match(body, {
      of: { organisation: { code: 'T01' }, commissioner: null, region: null },
      view: 'public',
      window: { name: 'year', from: '2025-06-15', to: '2026-06-14' },
      cases: 75,
      open: 30,
      closed: 37,
      acknowledge: { cases: 37, medianMinutes: 180 },
      asOf: NOW.toISOString(),
    })
    t.same((await open('&organisation=T01&window=week')).body.cases, null, 'three of its site are not said')
    t.same((await open('&window=week')).body.cases, null)
    t.match((await open('&organisation=NONE')).status, 400)
    t.match((await open('&commissioner=XCM01')).body, { cases: 75, of: { commissioner: { code: 'XCM01' } } })
    t.match((await open('&region=North')).body, { cases: 12, open: 12, closed: null, withheld: 7 })
    t.match((await open('&region=Nowhere')).body, { cases: null, byStatus: [] })
    t.match((await open('&window=all')).body, { window: { from: null }, cases: 96 })
    refused(t, await open('&kind=concern&from=2026-01-01'), 400, 'validation_failed', [
      'query /from needs_own_view',
      'query /kind needs_own_view',
    ])
    refused(t, await open('&organisation=T01&region=London'), 400, 'validation_failed', [
      'query /region one_subject',
    ])
  })

  await t.test('the same as lines, also as CSV', async (t) => {
    const { body } = await call({ url: '/v1/statistics/figures?organisation=T01' })
    const lines = body.items as { figure: string; value: string | null; number: number | null }[]
    t.match(lines[0], { figure: 'cases', value: null, number: 75 })
    t.ok(
      lines.some(({ figure, value, number }) => figure === 'byStatus' && value === 'open' && number === 30),
    )
    const { text } = await call({ url: '/v1/statistics/figures?organisation=T01&format=csv' })
    t.match(text, /figure,value,number\r\ncases,,75\r\n/)
    t.match(text, /byStatus,open,30\r\n/)
    refused(t, await call({ url: '/v1/statistics/figures?organisation=NONE1' }), 400, 'validation_failed')
    t.match((await call({ url: '/v1/statistics/figures?view=mine', key: keys.provider })).body.items[0], {
      number: 80,
    })
  })

  await t.test('rows of what is at the top add up to the nation, by name and not by rank', async (t) => {
    const { body } = await listed('view=mine&minimum=0', keys.case_handler)
    t.same(rowsOf(body), [
      ['=1+1', 9],
      ['Example Trust One', 80],
      ['Example Trust Two', 19],
    ])
    const sum = rowsOf(body).reduce((all, [, cases]) => all + cases, 0)
    t.equal(sum, (await mine()).body.cases)
    t.match(body.items[1], { level: 'parent', region: null, resolveMedianMinutes: 1800, open: 35 })
    const all = await listed('view=mine&level=organisation&minimum=0&order=cases', keys.case_handler)
    t.same(rowsOf(all.body), [
      ['Example Trust One', 80],
      ['Example Closed Branch', 25],
      ['Example Trust Two', 19],
      ['Example Site', 11],
      ['=1+1', 9],
    ])
    const commissioners = await listed('view=mine&level=commissioner', keys.case_handler)
    t.same(rowsOf(commissioners.body), [['Example Commissioner', 80]])
    const regions = await listed('view=mine&level=region', keys.case_handler)
    t.same(
      regions.body.items.map(({ region, cases }: Record<string, unknown>) => [region, cases]),
      [
        ['London', 80],
        ['North', 19],
      ],
    )
    t.same(
      rowsOf((await listed('view=mine&level=organisation&region=London', keys.case_handler)).body).length,
      3,
    )
    t.same(rowsOf((await listed('view=mine&level=organisation', keys.other_provider)).body), [
      ['Example Trust Two', 19],
    ])
  })

  await t.test('pages hold each row once, in either order', async (t) => {
    for (const order of ['name', 'cases'])
      for (const who of ['view=mine', 'view=public']) {
        const query = `${who}&level=organisation&minimum=0&order=${order}`
        const whole = rowsOf((await listed(query, keys.case_handler)).body)
        const found: [string, number][] = []
        for (let after = ''; ; ) {
          const { body } = await listed(`${query}&limit=1${after}`, keys.case_handler)
          found.push(...rowsOf(body))
          if (body.next === null) break
          after = `&after=${body.next}`
        }
        t.same(found, whole, query)
        t.ok(whole.length > 2)
      }
    refused(t, await listed('after=x'), 400, 'validation_failed', ['query /after unknown_cursor'])
    refused(t, await listed('order=rank'), 400, 'validation_failed', ['query /order unknown_value'])
  })

  await t.test(
    'rows for everybody: none below the minimum, and a formula in a name does nothing',
    async (t) => {
      t.same(rowsOf((await listed('level=organisation&order=cases')).body), [
        ['Example Trust One', 75],
        ['Example Closed Branch', 25],
        ['Example Trust Two', 12],
        ['=1+1', 9],
        ['Example Site', 8],
      ])
      t.same(rowsOf((await listed('level=organisation&minimum=10&organisation=T01')).body), [
        ['Example Closed Branch', 25],
        ['Example Trust One', 75],
      ])
      t.same(rowsOf((await listed('level=organisation&commissioner=XCM02')).body), [])
      t.same(
        (await listed('level=region')).body.items.map(({ region }: { region: string }) => region),
        ['London', 'North'],
      )
      refused(t, await listed('level=region&organisation=T01'), 400, 'validation_failed', [
        'query /organisation needs_own_view',
      ])
      refused(t, await listed('channel=web'), 400, 'validation_failed', ['query /channel needs_own_view'])
      const { text } = await listed('format=csv')
      t.match(text, /,'=1\+1,/)
      t.notMatch(text, /,=1/)
    },
  )

  await t.test('withheld by week, small numbers further up', async (t) => {
    const { body } = await call({ url: '/v1/statistics/withheld' })
    t.same(body.items, [
      { organisation: { code: 'T02', name: 'Example Trust Two' }, week: '2026-W22', cases: 7 },
    ])
    const { items } = (await call({ url: '/v1/statistics/withheld?organisation=T01' })).body
    t.same(items, [])
    t.same((await call({ url: '/v1/statistics/withheld?from=2026-06-01' })).body.items, [])
    t.match(
      (await call({ url: '/v1/statistics/withheld?format=csv' })).text,
      /T02,Example Trust Two,2026-W22,7/,
    )
    refused(t, await call({ url: '/v1/statistics/withheld?after=x' }), 400, 'validation_failed', [
      'query /after unknown_cursor',
    ])
  })

  await t.test('counting again changes nothing; what is no longer there goes', async (t) => {
    const later = new Date(NOW.getTime() + 3600_000)
    t.equal(await countPublicFigures(db, later), 0)
    t.equal((await open()).body.asOf, later.toISOString())
    t.equal(await countPublicFigures(db, NOW), 0, 'an older count does not replace a newer one')
    t.equal((await open()).body.asOf, later.toISOString())
    t.notOk(await arePublicFiguresDue(db, later), 'not twice a day')
    t.ok(await arePublicFiguresDue(db, new Date(NOW.getTime() + DAY)))
    const [one] = await Promise.all([countPublicFigures(db, later), countPublicFigures(db, later)])
    t.equal(one, 0, 'two at once count once')
    const changes = await changesOf(db)
    await db.pool.query(
      `update cases set publication = 'removed' where organisation_id = (select id from organisations where code = 'T02')`,
    )
    t.ok((await countPublicFigures(db, later)) > 0)
    t.ok((await changesOf(db)) > changes, 'the version of the data moves')
    t.match((await open('&organisation=T02')).body, { cases: null, withheld: null })
    t.same((await call({ url: '/v1/statistics/withheld' })).body.items, [])
  })

  await t.test('very much that is new is counted on the same day', async (t) => {
    await makeCases(db, many('T02', 60, { ago: 0 }))
    await indexCases(db)
    t.ok(await arePublicFiguresDue(db, new Date(NOW.getTime() + 2 * 3600_000)))
  })
})

t.test('two trusts merge, and every sum before and after is the same', async (t) => {
  const harness = await startHarness(t, { now: () => NOW })
  const { call, db, keys } = harness
  await makeCases(db, [
    ...many('T01', 21, { ago: 5 }),
    ...many('T0101', 4, { ago: 5 }),
    ...many('T02', 16, { ago: 40 }),
  ])
  await indexCases(db)
  const sums = async () => {
    await countPublicFigures(db, NOW)
    const nation = (await call({ url: '/v1/statistics?view=mine', key: keys.case_handler })).body
    const rows = rowsOf(
      (await call({ url: '/v1/statistics/organisations?view=mine&minimum=0', key: keys.case_handler })).body,
    )
    const said = (await call({ url: '/v1/statistics' })).body
    return {
      nation: nation.cases,
      rows: rows.reduce((sum, [, n]) => sum + n, 0),
      said: said.cases,
      ofEach: rows,
    }
  }
  const before = await sums()
  t.match(before, {
    nation: 41,
    rows: 41,
    said: 41,
    ofEach: [
      ['Example Trust One', 25],
      ['Example Trust Two', 16],
    ],
  })
  await db.pool.query(
    `update organisations set active = false, succeeded_by_id = (select id from organisations where code = 'T02') where code = 'T01'`,
  )
  const after = await sums()
  t.match(after, { nation: 41, rows: 41, said: 41, ofEach: [['Example Trust Two', 41]] })
  const of = async (query: string) => (await call({ url: `/v1/statistics?${query}` })).body.cases
  t.equal(await of('organisation=T01'), 25, 'what it was stays')
  t.equal(await of('organisation=T02'), 41, 'what came after has it too')
  t.equal(await of('organisation=T02&window=four_weeks'), 25)
})

type Lot = { ago: number } & Partial<Pick<MadeCase, 'status' | 'publication' | 'kind'>>

function many(organisation: string, count: number, { ago, ...changes }: Lot): MadeCase[] {
  return Array.from({ length: count }, (_, n) => ({
    organisation,
    kind: 'concern',
    category: 'delays',
    status: 'open',
    publication: 'published',
    privacy: 'anonymous',
    language: 'en',
    title: null,
    text: '(Invented.)',
    response: null,
    reportedAt: new Date(NOW.getTime() - ago * DAY + n * 1_000),
    ...changes,
  }))
}

async function prepareOrganisations(db: Db): Promise<void> {
  const t01 = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T01' } })
  await db.prisma.organisation.create({
    data: {
      code: 'CLOSED',
      name: 'Example Closed Branch',
      kind: 'trust',
      active: false,
      succeededById: t01.id,
    },
  })
  await db.prisma.organisation.create({ data: { code: 'FORMULA', name: '=1+1', kind: 'gp_practice' } })
}

function rowsOf(body: Answer['body']): [string, number][] {
  return body.items.map(({ organisation, cases }: { organisation: { name: string }; cases: number }) => [
    organisation.name,
    cases,
  ])
}

async function changesOf(db: Harness['db']): Promise<number> {
  return (await row<{ changes: number }>(db.pool, 'select changes from log_state'))?.changes ?? 0
}
