import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, PUBLIC_URL, startHarness } from './harness.ts'

t.test('sources, items and runs', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const admin = { key: keys.administrator }
  const acting = { 'acting-user': 'admin-1' }
  const feed = {
    title: 'Invented stories',
    connector: 'feed',
    address: 'https://feedback.example.org/stories.rss?key=SECRETKEY#part',
    settings: { organisation: { scheme: 'ods', code: 'T01' } },
  }
  const create = (body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/sources', ...admin, headers: { ...acting, ...headers }, body })
  const update = (name: string, version: number, body: unknown): Promise<Answer> =>
    call({
      method: 'PATCH',
      url: `/v1/sources/${name}`,
      ...admin,
      headers: { ...acting, 'if-match': `"${version}"` },
      body,
    })
  const push = (items: unknown[], headers: Record<string, string> = {}, name = 'pushed'): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/sources/${name}/items`,
      key: keys.feed_provider,
      headers,
      body: { items },
    })
  const story = (externalId: string, changes: object = {}): object => ({
    type: 'story',
    externalId,
    organisation: 'T01',
    title: 'Kind staff',
    text: 'Everyone explained things. (Invented.)',
    publishedAt: new Date().toISOString(),
    ...changes,
  })

  await t.test(
    'an administrator registers a source; its address is shown without what may be a key',
    async (t) => {
      const { body, status, headers } = await create({ name: 'new-feed', ...feed })
      t.equal(status, 201)
      t.match(body, {
        name: 'new-feed',
        state: 'probing',
        trusted: false,
        address: 'https://feedback.example.org/stories.rss',
        version: 1,
      })
      t.equal(headers.location, `${PUBLIC_URL}/v1/sources/new-feed`)
      const read = await call({ url: '/v1/sources/new-feed', ...admin })
      t.same(read.body, body)
      t.match(read.headers.etag, /^"1-/)
      t.notMatch(read.text + harness.logged(), /SECRETKEY/)
      refused(t, await create({ name: 'new-feed', ...feed }), 409, 'name_taken')
    },
  )

  await t.test('a source has the age rule of its connector, unless it says its own', async (t) => {
    const choices = { ...feed, connector: 'nhs-choices', settings: {} }
    const rules = [
      [{ ...choices, name: 'choices' }, 730],
      [{ ...choices, name: 'choices-short', maxAgeDays: 90 }, 90],
      [{ ...feed, name: 'ageless' }, null],
    ] as const
    for (const [body, maxAgeDays] of rules) t.match((await create(body)).body, { maxAgeDays })
  })

  await t.test('what cannot be a source is refused at its field', async (t) => {
    for (const [body, fields] of [
      [{}, ['body /name missing', 'body /title missing']],
      [{ ...feed, name: 'Bad Name' }, ['body /name wrong_format']],
      [{ ...feed, name: 'x1', connector: 'telepathy' }, ['body /connector unknown_value']],
      [{ ...feed, name: 'x1', address: 'ftp://example.org/' }, ['body /address wrong_format']],
      [
        { ...feed, name: 'x1', address: 'stories.rss' },
        ['body /address wrong_format', 'body /address wrong_format'],
      ],
      [{ ...feed, name: 'x1', intervalMinutes: 0 }, ['body /intervalMinutes too_small']],
      [{ ...feed, name: 'x1', intervalMinutes: 1441 }, ['body /intervalMinutes too_large']],
      [{ ...feed, name: 'x1', intervalMinutes: '15' }, ['body /intervalMinutes wrong_type']],
      [{ ...feed, name: 'x1', trusted: true }, ['body /trusted unknown_field']],
      [{ ...feed, name: 'x1', settings: { colour: 'blue' } }, ['body /settings/colour unknown_field']],
      [
        { ...feed, name: 'x1', settings: { organisation: { scheme: 'ods', code: 'NONE1' } } },
        ['body /settings/organisation/code unknown_organisation'],
      ],
      [
        { ...feed, name: 'x1', settings: { organisation: { scheme: 'ods', code: 'a\u0000' } } },
        ['body /settings/organisation/code wrong_format'],
      ],
    ] as Array<[object, string[]]>)
      refused(t, await create(body), 400, 'validation_failed', fields)
    refused(t, await create({ name: 'x1', title: 'x', connector: 'feed' }), 400, 'validation_failed')
    refused(t, await create({ name: 'x1', title: 'x', address: feed.address }), 400, 'validation_failed')
    const nobody = await call({ method: 'POST', url: '/v1/sources', ...admin, body: { name: 'x1', ...feed } })
    refused(t, nobody, 400, 'validation_failed', ['header /Acting-User missing'])
  })

  await t.test('a repeat of a registration answers alike', async (t) => {
    const key = { 'idempotency-key': 'source-1' }
    const one = await create({ name: 'once', ...feed }, key)
    const two = await create({ name: 'once', ...feed }, key)
    t.equal(two.status, 201)
    t.same(two.body, one.body)
    refused(t, await create({ name: 'twice', ...feed }, key), 422, 'idempotency_key_reused')
  })

  await t.test('a change names the version, leaves what is absent and clears what is null', async (t) => {
    await create({ name: 'changing', ...feed, attribution: 'By example' })
    const one = await update('changing', 1, { trusted: true, intervalMinutes: 30 })
    t.match(one.body, { trusted: true, intervalMinutes: 30, attribution: 'By example', version: 2 })
    const stale = await update('changing', 1, { trusted: false })
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
    t.match((await update('changing', 2, { attribution: null })).body, { attribution: null, trusted: true })
    refused(t, await update('changing', 3, {}), 400, 'validation_failed', ['body  too_few'])
    refused(t, await update('changing', 3, { title: null }), 400, 'validation_failed', [
      'body /title wrong_type',
    ])
    refused(t, await update('changing', 3, { name: 'other' }), 400, 'validation_failed', [
      'body /name unknown_field',
    ])
    refused(t, await update('nothing', 1, { trusted: true }), 404, 'not_found')
    const without = await call({
      method: 'PATCH',
      url: '/v1/sources/changing',
      ...admin,
      headers: acting,
      body: { trusted: true },
    })
    refused(t, without, 428, 'version_required')
  })

  await t.test('an administrator sees all sources, a feedback provider its own', async (t) => {
    const all = (await call({ url: '/v1/sources?limit=100', ...admin })).body.items
    t.ok(all.length > 2)
    const own = (await call({ url: '/v1/sources', key: keys.feed_provider })).body.items
    t.same(
      own.map(({ name }: { name: string }) => name),
      ['pushed'],
    )
    for (const path of ['', '/runs']) {
      refused(
        t,
        await call({ url: `/v1/sources/elsewhere${path}`, key: keys.feed_provider }),
        403,
        'not_your_source',
      )
      refused(t, await call({ url: `/v1/sources/nothing${path}`, key: keys.feed_provider }), 404, 'not_found')
      refused(
        t,
        await call({ url: `/v1/sources/NOT%20ONE${path}`, key: keys.feed_provider }),
        400,
        'validation_failed',
      )
    }
    refused(t, await push([story('x')], {}, 'elsewhere'), 403, 'not_your_source')
    refused(t, await push([story('x')], {}, 'nothing'), 404, 'not_found')
    const one = await call({ url: '/v1/sources?limit=1', ...admin })
    const two = await call({ url: `/v1/sources?limit=100&after=${one.body.next}`, ...admin })
    t.same([...one.body.items, ...two.body.items], all)
  })

  await t.test('pushed items are answered one by one, in their order', async (t) => {
    const { body, status } = await push([
      story('story-1'),
      { type: 'reply', externalId: 'reply-1', inReplyTo: 'story-1', text: 'Thank you. (Invented.)' },
      { type: 'reply', externalId: 'reply-2', inReplyTo: 'story-9', text: 'Early. (Invented.)' },
      story('story-2', { organisation: 'NONE1' }),
      { type: 'poem' },
      { type: 'deletion', externalId: 'story-7' },
      story('story-3', { text: 12 }),
    ])
    t.equal(status, 200)
    t.same(
      body.items.map(({ outcome }: { outcome: string }) => outcome),
      ['created', 'created', 'parked', 'quarantined', 'quarantined', body.items[5].outcome, 'quarantined'],
    )
    t.match(body.run, { kind: 'push', state: 'succeeded', seen: 7, created: 2, quarantined: 3, parked: 1 })
    t.equal(body.items[3].externalId, 'story-2')
    const again = await push([story('story-1', { publishedAt: undefined })])
    t.ok(['changed', 'unchanged'].includes(again.body.items[0].outcome))
  })

  await t.test('what the store cannot hold is quarantined and stops nobody', async (t) => {
    const { body, status, text } = await push([
      story('nul-1', { text: 'a\u0000b' }),
      story('nul-2', { title: '\ud800' }),
      story('nul-3', { service: 'a\u0000' }),
      story('nul-4', { tags: ['a\u0000'] }),
      story('nul-5', { visitMonth: '2026-99' }),
      story('nul-6', {
        ratings: [{ question: 'How?', value: 1e308, scale: { min: 1, max: 5, best: 'max' } }],
      }),
      story('fine-1'),
    ])
    t.equal(status, 200, text)
    t.same(
      body.items.map(({ outcome }: { outcome: string }) => outcome),
      ['quarantined', 'quarantined', 'quarantined', 'quarantined', 'quarantined', 'created', 'created'],
    )
  })

  await t.test('an id that the store cannot hold is quarantined too', async (t) => {
    const { body, status, text } = await push([story('a\u0000b'), story('\ud800'), story('fine-2')])
    t.equal(status, 200, text)
    t.match(body.items, [{ outcome: 'quarantined' }, { outcome: 'quarantined' }, { outcome: 'created' }])
  })

  await t.test('a repeat of a push answers alike, and another body with its key is refused', async (t) => {
    const key = { 'idempotency-key': 'push-1' }
    const items = [story('repeat-1', { publishedAt: '2026-11-20T09:00:00Z' })]
    const one = await push(items, key)
    const two = await push(items, key)
    t.same(two.body, one.body)
    refused(t, await push([story('repeat-2')], key), 422, 'idempotency_key_reused')
  })

  await t.test('a paused source takes nothing', async (t) => {
    await db.prisma.source.create({
      data: { name: 'paused', title: 'Paused', organisationScheme: 'paused', state: 'paused' },
    })
    const { id } = await db.prisma.source.findUniqueOrThrow({ where: { name: 'paused' } })
    const key = await harness.addClient({ name: 'paused provider', role: 'feed_provider', sourceId: id })
    const answer = await call({
      method: 'POST',
      url: '/v1/sources/paused/items',
      key,
      body: { items: [story('p-1')] },
    })
    refused(t, answer, 409, 'source_paused')
  })

  await t.test('the runs of a source, newest first, in pages', async (t) => {
    const whole = (await call({ url: '/v1/sources/pushed/runs?limit=100', key: keys.feed_provider })).body
      .items
    t.ok(whole.length >= 4)
    const starts = whole.map(({ startedAt }: { startedAt: string }) => startedAt)
    t.same(starts, [...starts].sort().reverse())
    const one = await call({ url: '/v1/sources/pushed/runs?limit=1', ...admin })
    const two = await call({ url: `/v1/sources/pushed/runs?limit=100&after=${one.body.next}`, ...admin })
    t.same([...one.body.items, ...two.body.items], whole)
    const etag = one.headers.etag as string
    const same = await call({
      url: '/v1/sources/pushed/runs?limit=1',
      ...admin,
      headers: { 'if-none-match': etag },
    })
    t.equal(same.status, 304)
    refused(t, await call({ url: '/v1/sources/pushed/runs?after=abc', ...admin }), 400, 'validation_failed')
  })

  await t.test('what an untrusted source says waits for moderation, with its attribution', async (t) => {
    const { body } = await push([story('waiting-1')])
    const { reference } = body.items[0]
    t.equal((await call({ url: `/v1/cases/${reference}` })).body.view, 'stub')
    const seen = (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
    t.match(seen, { channel: 'feed', kind: 'feedback', source: { name: 'pushed', title: 'Example Source' } })
  })
})
