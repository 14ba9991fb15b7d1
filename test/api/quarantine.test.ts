import t from 'tap'
import { refused } from './answers.ts'
import { workerFor } from './asked.ts'
import { type Answer, type Harness, startHarness } from './harness.ts'

const ACTING = { 'acting-user': 'admin-1' }
const UNKNOWN = 'ZZ999'

function item(externalId: string, own: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    type: 'story',
    externalId,
    organisation: 'T01',
    text: `They were kind. (Invented: ${externalId}.)`,
    publishedAt: '2026-11-20T09:00:00Z',
    ...own,
  }
}

/** What a test asks, in a few words. */
function asker({ call, keys }: Harness) {
  const source = '/v1/sources/pushed'
  const post = (path: string, body?: unknown): Promise<Answer> =>
    call({ method: 'POST', url: `${source}${path}`, key: keys.administrator, headers: ACTING, body })
  return {
    post,
    get: (path: string, key = keys.administrator): Promise<Answer> => call({ url: `${source}${path}`, key }),
    remove: (path: string): Promise<Answer> =>
      call({ method: 'DELETE', url: `${source}${path}`, key: keys.administrator, headers: ACTING }),
    push: (...items: unknown[]): Promise<Answer> =>
      call({ method: 'POST', url: `${source}/items`, key: keys.feed_provider, body: { items } }),
    waiting: async (): Promise<string[]> => {
      const { body } = await call({ url: `${source}/quarantine`, key: keys.administrator })
      return body.items.map(({ externalId }: { externalId: string }) => externalId)
    },
  }
}

t.test('what cannot be taken waits, is mended by an alias, and is taken by a redrive', async (t) => {
  const harness = await startHarness(t)
  const { post, get, push, waiting } = asker(harness)
  const work = workerFor(t, harness.db)
  await push(
    item('lost', { organisation: UNKNOWN }),
    item('answer', { type: 'reply', inReplyTo: 'lost' }),
    item('found'),
  )

  const { body: page } = await get('/quarantine')
  t.match(page.items, [
    {
      externalId: 'lost',
      reason: 'organisation_unknown',
      detail: /ods ZZ999/,
      attempts: 0,
      dismissedAt: null,
    },
  ])
  t.notMatch(JSON.stringify(page), /They were kind/, 'a list shows nobody’s words')
  const entry = await get(`/quarantine/${page.items[0].reference.toLowerCase()}`)
  t.equal(JSON.parse(entry.body.raw).text, 'They were kind. (Invented: lost.)')

  const early = await post('/redrives', { reason: 'organisation_unknown' })
  t.equal(early.status, 202, early.text)
  await work()
  t.match((await get(`/runs/${early.body.reference}`)).body, {
    kind: 'redrive',
    state: 'succeeded',
    total: 1,
    seen: 1,
    quarantined: 1,
  })
  t.match((await get('/quarantine')).body.items, [{ externalId: 'lost', attempts: 1 }])

  t.equal((await post('/organisation-aliases', { code: UNKNOWN, organisation: 'T01' })).status, 201)
  const { body: run } = await post('/redrives', {})
  await work()
  const results = await get(`/runs/${run.reference}/results`)
  t.match(results.body.items, [{ number: 1, externalId: 'lost', outcome: 'created', reason: null }])
  t.same(await waiting(), [])

  const { body: theCase } = await harness.call({
    url: `/v1/cases/${results.body.items[0].reference}/responses`,
    key: harness.keys.case_handler,
  })
  t.equal(theCase.items.length, 1, 'what had waited for it is attached')
  t.match((await push(item('lost', { organisation: UNKNOWN }))).body.items, [{ outcome: 'unchanged' }])
})

t.test(
  'a redrive takes only what was asked for, twice as once, and nothing once it is cancelled',
  async (t) => {
    const harness = await startHarness(t)
    const { post, get, push, waiting } = asker(harness)
    const work = workerFor(t, harness.db)
    await push(...['a', 'b', 'c'].map((id) => item(id, { organisation: UNKNOWN })))
    const { body: page } = await get('/quarantine')
    await post('/organisation-aliases', { code: UNKNOWN, organisation: 'T01' })

    const cancelled = await post('/redrives', {})
    const stopped = await post(`/runs/${cancelled.body.reference}/cancellations`)
    t.match(stopped.body, { state: 'cancelled' })
    refused(t, await post(`/runs/${cancelled.body.reference}/cancellations`), 409, 'run_finished')
    await work()
    t.equal((await waiting()).length, 3)

    await post('/redrives', { entries: [page.items[1].reference] })
    await work()
    t.same(await waiting(), ['a', 'c'])
    await Promise.all([post('/redrives', {}), post('/redrives', {})])
    await Promise.all([work(), work()])
    t.same(await waiting(), [])
    const { rows } = await harness.db.pool.query(
      'select count(*)::int as n from cases where source_id is not null',
    )
    t.equal(rows[0].n, 3)
  },
)

t.test('what is malformed stays until it is pushed right', async (t) => {
  const harness = await startHarness(t)
  const { post, push, waiting } = asker(harness)
  const work = workerFor(t, harness.db)
  await push(item('odd', { visitMonth: 'last May' }))
  await post('/redrives', {})
  await work()
  t.same(await waiting(), ['odd'])
  await push(item('odd', { visitMonth: '2026-05' }))
  t.same(await waiting(), [])
})

t.test('what was set aside for good is known again, and waits for nobody', async (t) => {
  const harness = await startHarness(t)
  const { post, get, push, waiting } = asker(harness)
  const work = workerFor(t, harness.db)
  const lost = item('lost', { organisation: UNKNOWN })
  await push(lost)
  const { reference } = (await get('/quarantine')).body.items[0]
  const dismissed = await post(`/quarantine/${reference}/dismissals`)
  t.equal(dismissed.status, 201, dismissed.text)
  t.ok(dismissed.body.dismissedAt)
  t.same((await post(`/quarantine/${reference}/dismissals`)).body, dismissed.body, 'twice as once')

  await push(lost)
  await post('/redrives', {})
  await work()
  t.same(await waiting(), [])
  t.match((await get('/quarantine?dismissed=true')).body.items, [{ reference, attempts: 0 }])

  await post('/organisation-aliases', { code: UNKNOWN, organisation: 'T01' })
  t.match((await push(lost, item('found'))).body.items, [
    { outcome: 'quarantined', reason: 'organisation_unknown' },
    { outcome: 'created' },
  ])
  t.match((await get('/quarantine?dismissed=true')).body.items, [{ reference }], 'nor when it could be taken')
  const other = item('lost', { organisation: UNKNOWN, text: 'Written anew. (Invented.)' })
  t.match((await push(other)).body.items, [{ outcome: 'created' }], 'other words are another entry')
})

t.test('pages of the quarantine go on where the last one ended, by reason', async (t) => {
  const harness = await startHarness(t)
  const { get, push } = asker(harness)
  await push(
    ...Array.from({ length: 5 }, (_, n) => item(`${n}`, { organisation: UNKNOWN })),
    item('bad', { text: '' }),
  )
  const first = await get('/quarantine?limit=3&reason=organisation_unknown')
  const second = await get(`/quarantine?limit=3&reason=organisation_unknown&after=${first.body.next}`)
  const ids = [first, second].flatMap(({ body }) =>
    body.items.map((entry: { externalId: string }) => entry.externalId),
  )
  t.same(ids, ['0', '1', '2', '3', '4'])
  t.equal(second.body.next, null)
  refused(t, await get('/quarantine?reason=weather'), 400, 'validation_failed')
})

t.test('an alias mends a wrong ODS code as it was sent or as such codes are written', async (t) => {
  const harness = await startHarness(t)
  const { post, push, remove } = asker(harness)
  const odd = () => push(item('odd', { organisation: 'zz 999' }))
  for (const code of ['zz 999', 'ZZ999']) {
    t.match((await odd()).body.items, [{ outcome: 'quarantined', detail: /zz 999/ }])
    await post('/organisation-aliases', { code, organisation: 'T01' })
    const dryRun = await harness.call({
      method: 'POST',
      url: '/v1/sources/pushed/items?dryRun=true',
      key: harness.keys.feed_provider,
      body: { items: [item('odd', { organisation: 'zz 999' })] },
    })
    t.match(dryRun.body.items, [{ outcome: 'created' }], code)
    await remove(`/organisation-aliases?code=${encodeURIComponent(code)}`)
  }
})

t.test('aliases: one code means one organisation, and can be filed twice and forgotten once', async (t) => {
  const harness = await startHarness(t)
  const { post, get, remove } = asker(harness)
  const filed = await post('/organisation-aliases', { code: ' hospitals/70001 ', organisation: 'OLD1' })
  t.same(filed.body, { code: 'hospitals/70001', organisation: { code: 'T01', name: 'Example Trust One' } })
  t.equal((await post('/organisation-aliases', { code: 'hospitals/70001', organisation: 'T01' })).status, 201)
  refused(
    t,
    await post('/organisation-aliases', { code: 'hospitals/70001', organisation: 'T02' }),
    409,
    'name_taken',
  )
  refused(
    t,
    await post('/organisation-aliases', { code: 'x', organisation: UNKNOWN }),
    400,
    'validation_failed',
  )
  refused(
    t,
    await post('/organisation-aliases', { code: '  ', organisation: 'T01' }),
    400,
    'validation_failed',
  )
  t.same((await get('/organisation-aliases')).body.items, [filed.body])
  t.equal((await remove('/organisation-aliases?code=hospitals/70001')).status, 204)
  refused(t, await remove('/organisation-aliases?code=hospitals/70001'), 404, 'not_found')
})

t.test(
  'the versions of an item are shown as they were sent, and who read them is in the access log',
  async (t) => {
    const harness = await startHarness(t)
    const { get, push } = asker(harness)
    const { call, keys } = harness
    await push(item('s', { text: 'First. (Invented.)' }))
    await push(item('s', { text: 'Second. (Invented.)' }))
    const { body } = await call({
      url: '/v1/sources/pushed/item-versions?externalId=s',
      key: keys.administrator,
      headers: ACTING,
    })
    t.same(
      body.items.map(({ version, current, raw }: { version: number; current: boolean; raw: string }) => [
        version,
        current,
        JSON.parse(raw).text,
      ]),
      [
        [2, true, 'Second. (Invented.)'],
        [1, false, 'First. (Invented.)'],
      ],
    )
    const [{ reference }] = (await push(item('s', { text: 'Second. (Invented.)' }))).body.items
    const ofCase = await call({ url: `/v1/accesses?case=${reference}`, key: keys.administrator })
    t.match(ofCase.body.items, [
      { operation: 'listItemVersions', actingUser: 'admin-1', cases: [reference], subject: 'pushed s' },
    ])

    await push({ type: 'deletion', externalId: 's' })
    refused(t, await get('/item-versions?externalId=s'), 404, 'not_found')
    refused(t, await get('/item-versions?externalId=never'), 404, 'not_found')
    refused(t, await get('/item-versions'), 400, 'validation_failed')
  },
)

t.test('who reads an entry in quarantine is in the access log, a feedback provider too', async (t) => {
  const harness = await startHarness(t)
  const { get, push } = asker(harness)
  const { call, keys } = harness
  await push(item('lost', { organisation: UNKNOWN }))
  const [{ reference }] = (await get('/quarantine')).body.items
  await get(`/quarantine/${reference.toLowerCase()}`)
  await get(`/quarantine/${reference}`, keys.feed_provider)
  await get('/quarantine/0000-0000-0000-0')
  const { body, text } = await call({ url: '/v1/accesses', key: keys.administrator })
  const line = { operation: 'getQuarantined', cases: [], subject: `pushed ${reference}` }
  t.match(body.items, [
    { client: 'feed provider', ...line },
    { client: 'administrator', ...line },
  ])
  t.notMatch(text, /They were kind/)
})

t.test('an unknown entry, an unknown source and another’s are told apart only by who may know', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const { get } = asker(harness)
  refused(t, await get('/quarantine/0000-0000-0000-0'), 404, 'not_found')
  refused(t, await get('/quarantine/%00'), 400, 'validation_failed')
  refused(t, await call({ url: '/v1/sources/none/quarantine', key: keys.administrator }), 404, 'not_found')
  refused(
    t,
    await call({ url: '/v1/sources/elsewhere/quarantine', key: keys.feed_provider }),
    403,
    'not_your_source',
  )
  refused(t, await call({ url: '/v1/sources/pushed/quarantine' }), 401, 'key_missing')
})
