import { readFileSync } from 'node:fs'
import t from 'tap'
import { waitingImports } from '../../domain/import-runs.ts'
import { type ImportContext, importOrganisations } from '../../workers/import-organisations.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, type Harness, PUBLIC_URL, startHarness } from './harness.ts'

const ACTING = { 'acting-user': 'admin-1' }
const IMPORTS = '/v1/organisation-imports'
const NO_IMPORT = '0000-0000-0000-0'
const harness = await startHarness(t)
const setting = settingOf(harness)
const fileOf = (layout: string) => readFileSync(new URL(`../registry/${layout}.csv`, import.meta.url))

t.test('a file of the own layout', async (t) => {
  const { call, keys, db, done, rowsOf, organisation, events, logged } = setting

  const earlier = (await events()).length
  const first = await done('own', fileOf('own'))
  t.match(first, {
    state: 'succeeded',
    rows: 5,
    created: 5,
    changed: 0,
    refused: 0,
    problem: null,
    finishedAt: /Z$/,
  })
  t.same(
    await rowsOf(first),
    [2, 3, 4, 5, 6].map((line, n) => ({
      line,
      code: ['QX101', 'QX1', 'QC1', 'QC2', 'QX0'][n],
      ...{ outcome: 'created', fields: [], problem: null, detail: null },
    })),
  )

  await t.test('registers what it names, in whatever order it does', async (t) => {
    t.match(await organisation('QXOLDER'), {
      code: 'QX1',
      kind: 'trust',
      sector: 'acute',
      region: 'North',
      address: 'Example House',
      postcode: 'ZZ99 3VZ',
      website: 'https://north.example.org',
      position: { latitude: 53, longitude: -1.4 },
      active: true,
      commissioners: [{ code: 'QC1' }, { code: 'QC2' }],
      version: 1,
    })
    t.match(await organisation('QX101'), { parent: { code: 'QX1' }, postcode: 'ZZ99 3VZ' })
    t.match(await organisation('QX0'), { active: false, closedOn: '2020-04-01', successor: { code: 'QX1' } })
    const { body } = await call({ url: '/v1/organisations/QX1/settings', key: keys.administrator })
    t.match(body, {
      notifyEmail: 'pals@north.example.org',
      notifyEmail2: null,
      acceptsCasesFrom: '2026-01-01',
    })
    t.match(await call({ url: '/v1/organisations?q=infirmary%20example' }), {
      body: { items: [{ code: 'QX101' }] },
    })
  })

  await t.test('tells of each in the log, keeps no file, and writes no address into the log', async (t) => {
    const told = (await events()).slice(earlier)
    t.equal(told.filter(({ type }) => type === 'organisation.created').length, 5)
    t.match(told.at(-1), { type: 'organisation.imported', client_id: Number, acting_user: 'admin-1' })
    const kept = await db.pool.query('select document_sealed from organisation_imports')
    t.same(kept.rows, [{ document_sealed: null }])
    t.notMatch(logged(), 'north.example.org')
  })

  await t.test('changes nothing the second time', async (t) => {
    const before = [await organisation('QX1'), (await events()).length]
    for (const update of [false, true])
      t.match(await done('own', fileOf('own'), { update }), { rows: 5, unchanged: 5, changed: 0, skipped: 0 })
    t.same([await organisation('QX1'), (await events()).length - 2], before)
  })

  await t.test('changes what differs when it is to, and names it', async (t) => {
    const file = [
      'code,name,region,latitude,longitude,notifyEmail,commissioners,formerCodes,parent',
      'QX1,Example Trust of the North (invented),,53.5,-1.4,new@north.example.org,QC2|QC1,QXOLD|QXOLDEST,',
      'QX101,Infirmary at Example (invented),,53.1,-1.5,,,,T01',
    ].join('\n')
    const left = await rowsOf(await done('own', file))
    t.match(left, [
      {
        outcome: 'skipped',
        problem: 'exists',
        detail: /update=true would change name, region, position, notifyEmail, commissioners/,
      },
      { outcome: 'skipped', problem: 'exists', detail: /would change parent\.$/ },
    ])
    t.match(await organisation('QX1'), { version: 1 })
    t.match(await rowsOf(await done('own', file, { update: true })), [
      {
        outcome: 'changed',
        fields: ['name', 'region', 'position', 'notifyEmail', 'commissioners', 'formerCodes'],
      },
      { outcome: 'changed', fields: ['parent'] },
    ])
    t.match(await organisation('QXOLDEST'), {
      name: 'Example Trust of the North (invented)',
      region: null,
      commissioners: [{ code: 'QC2' }, { code: 'QC1' }],
      sector: 'acute',
      version: 2,
    })
    t.match(await organisation('QX101'), { parent: { code: 'T01' }, version: 2 })
    t.match(
      (await events())
        .slice(earlier)
        .filter(({ type }) => type === 'organisation.changed')
        .map(({ fields }) => fields),
      [['commissioners', 'formerCodes', 'name', 'notifyEmail', 'position', 'region'], ['parent']],
    )
    const { body } = await call({ url: '/v1/organisations/QX1/settings', key: keys.administrator })
    t.match(body, { notifyEmail: 'new@north.example.org', version: 2 }, 'its settings have moved too')
  })
})

t.test('what cannot be is refused by itself, and the others go on', async (t) => {
  const { call, keys, done, rowsOf, organisation } = setting
  const file = [
    'code,name,kind,parent,commissioners,formerCodes,closedOn,successor',
    ...['QA1,No kind,,,,,,', 'QA2,No parent,site,QZ9,,,,', 'QA3,Below a site,site,T0101,,,,'],
    ...['QA4,Not commissioned,trust,,T02,,,', 'QA5,Taken,trust,,,OLD1,,', 'OLD1,Was another,trust,,,,,'],
    ...['QA6,Not yet,trust,,,,2999-01-01,', 'QA7,When,trust,,,,,T02', 'QA8,Below the refused,site,QA1,,,,'],
    ...['T01,Example Trust One,site,,,,,', 'T09,Example Closed Trust,,,,,2020-01-01,XCM01', 'T02,,,T02,,,,'],
    ...[
      'QA9,Good,trust,,XCM01,,,',
      'QA9,Good again,trust,,,,,',
      'QA10,Round,trust,QA11,,,,',
      'QA11,Round,trust,QA10,,,,',
    ],
  ].join('\n')
  const end = await done('own', file, { update: true })
  t.match(end, { state: 'succeeded', rows: 16, created: 1, skipped: 1, refused: 14 })
  t.same(
    (await rowsOf(end)).map(({ line, problem }: { line: number; problem: string }) => `${line} ${problem}`),
    [
      ...[
        '2 missing',
        '3 unknown_parent',
        '4 tree_conflict',
        '5 unknown_commissioner',
        '6 code_taken',
        '7 code_taken',
      ],
      ...['8 in_the_future', '9 missing', '10 unknown_parent', '11 kind_differs', '12 tree_conflict'],
      ...['13 tree_conflict', '14 null', '15 repeated', '16 tree_conflict', '17 tree_conflict'],
    ],
  )
  t.match(await organisation('QA9'), { name: 'Good' })

  await t.test('page by page, by outcome, and as a table', async (t) => {
    const url = `${IMPORTS}/${end.import}/rows`
    const read = (query: string) => call({ url: `${url}?${query}`, key: keys.administrator })
    t.match((await read('outcome=created,skipped')).body.items, [{ line: 14 }, { line: 15 }])
    const page = await read('limit=2&outcome=refused')
    t.match(page.body.items, [{ line: 2 }, { line: 3 }])
    t.match((await read(`limit=2&outcome=refused&after=${page.body.next}`)).body.items, [
      { line: 4 },
      { line: 5 },
    ])
    const table = await read('format=csv&outcome=created')
    t.match(table.text, /^\uFEFFline,code,outcome,fields,problem,detail\r\n14,QA9,created,"",,\r\n$/)
    refused(t, await read('after=rubbish'), 400, 'validation_failed', ['query /after unknown_cursor'])
    refused(t, await read('outcome=lost'), 400, 'validation_failed')
  })

  await t.test('and all imports, the newest first', async (t) => {
    const other = await done('own', 'nonsense\n')
    t.match(other, { state: 'failed', problem: /does not name "code"/, rows: 0 })
    const { body } = await call({ url: `${IMPORTS}?limit=1`, key: keys.administrator })
    t.same(body.items, [other])
    const { body: second } = await call({
      url: `${IMPORTS}?limit=1&after=${body.next}`,
      key: keys.administrator,
    })
    t.match(second, { items: [{ import: end.import }] })
    t.match(
      (await call({ url: `${IMPORTS}?format=csv`, key: keys.administrator })).text,
      /^\uFEFFimport,layout,/,
    )
  })
})

t.test('an import is asked for by an administrator, once', async (t) => {
  const { call, keys, ask, db } = setting
  const asked = await ask('own', fileOf('own'), 'dryRun=true')
  t.equal(asked.status, 202, asked.text)
  t.equal(asked.headers.location, `${PUBLIC_URL}${IMPORTS}/${asked.body.import}`)
  t.match(asked.body, {
    layout: 'own',
    dryRun: true,
    update: false,
    state: 'waiting',
    rows: 0,
    finishedAt: null,
  })
  const { rows } = await db.pool.query(
    `select document_sealed from organisation_imports where state = 'waiting'`,
  )
  t.match(rows[0].document_sealed, /^v1\.test\.[\w-]+\.[\w-]+\.[\w-]+$/)

  const key = { 'idempotency-key': 'file-1' }
  const once = await ask('own', fileOf('own'), '', key)
  t.equal((await ask('own', fileOf('own'), '', key)).body.import, once.body.import)
  refused(t, await ask('own', fileOf('own'), 'update=true', key), 422, 'idempotency_key_reused')
  refused(t, await ask('own', Buffer.alloc(0)), 400, 'validation_failed', ['body  too_short'])
  refused(t, await ask('theirs', 'x'), 400, 'validation_failed')
  refused(t, await ask('own', 'x', '', { 'content-type': 'application/json' }), 415, 'media_type_unsupported')
  refused(t, await ask('own', 'x', '', { 'acting-user': '' }), 400, 'validation_failed')
  const headers = { ...ACTING, 'content-type': 'text/csv' }
  const post = (key?: string) =>
    call({ method: 'POST', url: IMPORTS, headers, body: 'x', ...(key && { key }) })
  refused(t, await post(), 401, 'key_missing')
  refused(t, await post(keys.case_handler), 403, 'scope_missing')
  for (const url of [`${IMPORTS}/${NO_IMPORT}`, `${IMPORTS}/${NO_IMPORT}/rows`, `${IMPORTS}/x`]) {
    refused(t, await call({ url, key: keys.administrator }), 404, 'not_found')
    refused(t, await call({ url }), 401, 'key_missing')
    refused(t, await call({ url, key: keys.provider }), 403, 'scope_missing')
  }
})

t.test('the files of the first service, one after the other', async (t) => {
  const { db, done, rowsOf, organisation } = setting
  t.match(await done('commissioners', fileOf('commissioners')), { created: 2, skipped: 1, refused: 0 })
  const parents = await done('parents', fileOf('parents'))
  t.match(await rowsOf(parents), [
    { outcome: 'created' },
    { outcome: 'created' },
    { outcome: 'refused', problem: 'unknown_commissioner', detail: /QC99/ },
  ])
  t.match(await organisation('QP1'), { kind: 'trust', commissioners: [{ code: 'QC7' }, { code: 'QC8' }] })
  const organisations = await done('organisations', fileOf('organisations'))
  t.match(
    (await rowsOf(organisations)).map((row: { outcome: string; problem: string }) => [
      row.outcome,
      row.problem,
    ]),
    [
      ...[
        ['created', null],
        ['changed', null],
        ['created', null],
        ['skipped', 'other_kind'],
      ],
      ...[
        ['skipped', 'no_id'],
        ['created', null],
        ['refused', 'unknown_parent'],
      ],
    ],
  )
  t.match(await organisation('QP101'), {
    kind: 'site',
    parent: { code: 'QP1' },
    services: [{ name: 'Accident and emergency' }, { code: 'SRV0062' }],
    website: 'http://riverside.example.org',
  })
  t.match(await organisation('QP502'), { kind: 'gp_practice', services: [], parent: null })
  t.match(await organisation('QP505'), { position: null, website: null })
  const { rows } = await db.pool.query(
    `select x.code from organisation_external_ids x where scheme = 'nhs-choices' order by 1`,
  )
  t.same(
    rows.map(({ code }) => code),
    ['clinics/505', 'gppractices/502', 'hospitals/501'],
  )
  for (const [layout, unchanged] of [
    ['commissioners', 2],
    ['parents', 2],
    ['organisations', 4],
  ] as const)
    t.match(
      await done(layout, fileOf(layout), { update: true }),
      { unchanged, created: 0, changed: 0 },
      layout,
    )

  const renamed = fileOf('organisations').toString().replaceAll('Maternity services', 'Maternity (invented)')
  t.match(await rowsOf(await done('organisations', renamed)), [
    { problem: 'exists', detail: /services/ },
    {},
    {},
    {},
    {},
    {},
    {},
  ])
  t.match(await done('organisations', renamed, { update: true }), { changed: 1, unchanged: 3 })
  t.match(await organisation('QP101'), { services: [{}, { name: 'Maternity (invented)' }], version: 2 })
})

t.test('the national files, with what closes and what comes after it', async (t) => {
  const { done, rowsOf, organisation } = setting
  const problems = async (layout: string, options?: { update: boolean }) =>
    (await rowsOf(await done(layout, fileOf(layout), options))).map(
      ({ outcome, problem }: { outcome: string; problem: string | null }) => `${outcome} ${problem}`,
    )
  t.same(await problems('ods_practices'), [
    ...['created unknown_commissioner', 'skipped other_kind', 'skipped not_active'],
    ...['skipped closed', 'created unknown_commissioner'],
  ])
  t.same(await problems('ods_commissioners'), ['created null', 'skipped closed'])
  t.same(await problems('ods_practices', { update: true }), [
    ...['changed null', 'skipped other_kind', 'skipped not_active'],
    ...['skipped closed', 'unchanged unknown_commissioner'],
  ])
  t.match(await organisation('QG1'), { commissioners: [{ code: 'QC71' }], region: 'London', position: null })
  t.same(await problems('ods_trusts'), ['created null', 'skipped closed', 'created null'])
  t.match(await organisation('QT3'), { active: true, closedOn: null }, 'it closes when the day has come')
  t.same(await problems('ods_sites'), ['created null', 'skipped unknown_parent', 'skipped no_parent'])
  t.match(await organisation('QT101'), { parent: { code: 'QT1' }, region: null })
  t.same(await problems('ods_branches'), ['created null', 'skipped unknown_parent'])

  await t.test('a code that is not registered leads to what came after it', async (t) => {
    t.same(await problems('ods_successors'), [
      ...['created null', 'created null', 'skipped not_registered', 'skipped exists'],
      ...['skipped repeated', 'skipped in_the_future'],
    ])
    t.match(await organisation('QT8'), { code: 'QT1' }, 'also over several steps')
    t.same((await problems('ods_successors', { update: true })).slice(0, 4), [
      ...['unchanged null', 'unchanged null', 'skipped not_registered', 'changed null'],
    ])
    t.match(await organisation('QT3'), { active: false, closedOn: '2026-04-01', successor: { code: 'QT1' } })
    t.match((await problems('ods_successors', { update: true }))[3], 'unchanged null')
  })

  await t.test('a close date closes what was open, and capitals are no other name', async (t) => {
    const file = fileOf('ods_practices').toString()
    const own = 'code,name\nQG1,Invented Surgery\n'
    t.match(await done('own', own, { update: true }), { changed: 1 })
    t.match(await done('ods_practices', file, { update: true }), { changed: 0, unchanged: 2 })
    const closed = file.replace('"20010401","","A"', '"20010401","20260131","C"')
    t.match(await rowsOf(await done('ods_practices', closed, { update: true })), [
      { code: 'QG1', outcome: 'changed', fields: ['closedOn'] },
      ...[{}, {}, {}, {}],
    ])
    t.match(await organisation('QG1'), { name: 'Invented Surgery', active: false, closedOn: '2026-01-31' })
    t.match(await done('ods_practices', file, { update: true }), { changed: 0 }, 'no file opens it again')
  })
})

t.test('an import that is interrupted anywhere ends as if it had not been', async (t) => {
  const { db, ask, done, rowsOf, context, read } = setting
  const lines = Array.from(
    { length: 9 },
    (_, n) => `QD${n},Trust ${n} (invented),${n === 4 ? 'ship' : 'trust'},`,
  )
  const file = ['code,name,kind,parent', 'QD99,Site (invented),site,QD8', ...lines].join('\n')
  const expected = await rowsOf(await done('own', file, { dryRun: true }))
  const { body } = await ask('own', file)
  const [id = 0] = await waitingImports(db, new Date())

  let interruptions = 0
  for (; (await read(body.import)).finishedAt === null; interruptions++) {
    const stop = new AbortController()
    const before = (await rowsOf(body)).length
    const dying = { ...context, batch: 2, signal: stop.signal }
    // The clock is read before each batch: after two of them the process has no more time.
    let looks = 0
    const now = () => {
      looks++
      if (looks === 6) stop.abort()
      return new Date()
    }
    await importOrganisations({ ...dying, now }, id)
    t.ok((await rowsOf(body)).length > before, 'each time it gets further')
    if (interruptions === 0) {
      // As a killed one leaves it: its lease goes on, and then it is anybody's.
      await db.pool.query(
        `update organisation_imports set claimed_until = now() + interval '1 minute', attempts = 1`,
      )
      t.same(await waitingImports(db, new Date()), [])
      await importOrganisations(context, id)
      t.match(await read(body.import), { state: 'running' }, 'nobody else takes it up meanwhile')
      await db.pool.query(
        `update organisation_imports set claimed_until = now() - interval '1 second' where state = 'running'`,
      )
    }
  }
  t.ok(interruptions > 2)
  t.same(await rowsOf(body), expected)
  t.match(await read(body.import), { state: 'succeeded', rows: 10, created: 9, refused: 1 })
  const { rows } = await db.pool.query(
    `select count(*)::int as n from events e join organisations o on o.id = e.organisation_id
     where e.type = 'organisation.created' and o.code like 'QD%'`,
  )
  t.same(rows, [{ n: 9 }], 'each is registered once')

  await ask('own', file)
  await db.pool.query(`update organisation_imports set attempts = 3 where state = 'waiting'`)
  const [again = 0] = await waitingImports(db, new Date())
  await importOrganisations(context, again)
  const ended = await db.pool.query(
    `select state, problem, document_sealed from organisation_imports where id = $1`,
    [again],
  )
  t.match(ended.rows[0], { state: 'failed', problem: /begun 3 times/, document_sealed: null })
})

t.test('a new position moves the cases that stand there', async (t) => {
  const { db, done } = setting
  const { reference } = await createCase(harness, { organisation: 'T0101' })
  await done('own', 'code,latitude,longitude\nT0101,52.25,-0.5\n', { update: true })
  const { rows } = await db.pool.query(
    `select c.latitude, c.longitude, e.type, e.fields from cases c join events e on e.case_id = c.id
     where c.reference = $1 order by e.id desc limit 1`,
    [reference],
  )
  t.same(rows, [{ latitude: 52.25, longitude: -0.5, type: 'case.changed', fields: ['place'] }])
})

t.test('a dry run says what would become of each row, and keeps nothing', async (t) => {
  const { call, db, done, rowsOf, organisation } = setting
  const file = [
    'code,name,kind,parent,address,formerCodes,closedOn,successor',
    ...[
      'QB1,New Trust (invented),trust,,,QBOLD,,',
      'QB101,New Site (invented),site,QB1,,,,',
      'T02,,,,1 New Road,,,',
    ],
    ...['T01,,,,,,2026-01-01,QB1', 'T0101,,,T01,,,,', 'QB9,Wrong,site,QZ9,,,,', 'XCM01,,,,,,2026-01-01,QC9'],
    'QC9,New Commissioner (invented),commissioner,,,,,',
  ].join('\n')
  const state = async () => {
    const { rows } = await db.pool.query(
      `select (select json_agg(o order by id) from organisations o) as organisations, (select count(*) from events) as events,
         (select count(*) from organisation_external_ids) as ids, (select json_agg(m) from commissioning m) as commissioning,
         (select changes from log_state) as changes`,
    )
    return JSON.stringify(rows)
  }
  const before = await state()
  const tried = await done('own', file, { update: true, dryRun: true })
  t.match(tried, {
    state: 'succeeded',
    dryRun: true,
    rows: 8,
    created: 3,
    changed: 3,
    unchanged: 1,
    refused: 1,
  })
  t.equal(await state(), before)
  t.equal((await call({ url: '/v1/organisations/QB1' })).status, 404)

  const real = await done('own', file, { update: true })
  t.match(real, { created: 3, changed: 3, unchanged: 1, refused: 1 })
  t.same(await rowsOf(real), await rowsOf(tried))
  t.match(await organisation('T01'), { active: false, closedOn: '2026-01-01', successor: { code: 'QB1' } })
  t.match(await organisation('T0101'), { parent: { code: 'QB1' } }, 'what belonged to it has moved')
  t.match(await done('own', file, { update: true }), { created: 0, changed: 0, unchanged: 7, refused: 1 })
})

type Options = { update?: boolean; dryRun?: boolean }

function settingOf({ call, keys, db, logged }: Harness) {
  const quiet = () => undefined
  const context: ImportContext = {
    db,
    log: { info: quiet, warn: quiet, error: quiet },
    now: () => new Date(),
    signal: new AbortController().signal,
    settings: { leaseMs: 60_000 },
  }
  const ask = (
    layout: string,
    body: unknown,
    query = '',
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `${IMPORTS}?layout=${layout}&${query}`,
      key: keys.administrator,
      headers: { ...ACTING, 'content-type': 'text/csv', ...headers },
      body,
    })
  const read = async (reference: string) =>
    (await call({ url: `${IMPORTS}/${reference}`, key: keys.administrator })).body
  /** Asks for an import, does it as a worker does, and reads it. */
  const done = async (layout: string, file: unknown, { update = false, dryRun = false }: Options = {}) => {
    const { body } = await ask(layout, file, `update=${update}&dryRun=${dryRun}`)
    for (;;) {
      const [id] = await waitingImports(db, new Date())
      if (id === undefined) break
      await importOrganisations(context, id)
    }
    return read(body.import)
  }
  return {
    ...{ call, keys, db, logged, context, ask, read, done },
    rowsOf: async (of: { import: string }) => {
      const url = `${IMPORTS}/${of.import}/rows?limit=100`
      return (await call({ url, key: keys.administrator })).body.items
    },
    organisation: async (code: string) => (await call({ url: `/v1/organisations/${code}` })).body,
    events: async () =>
      (
        await db.pool.query(
          `select type, fields, client_id, acting_user from events where type like 'organisation.%' order by id`,
        )
      ).rows,
  }
}
