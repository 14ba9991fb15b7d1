import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { claimDelivery, settleDelivery } from '../../domain/delivery-claims.ts'
import { fanOutStep } from '../../domain/fan-out.ts'
import { rows } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, publishedCase, staff, startHarness } from './harness.ts'

const ENTRY = 'https://receiver.example.org/care-connect?token=HIDDEN'

t.test('subscriptions', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys, addClient } = harness
  const create = (body: object = {}, key = keys.supplier, headers = {}): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/subscriptions', key, body: { url: ENTRY, ...body }, headers })
  const made = async (body: object = {}, key = keys.supplier): Promise<string> =>
    (await create(body, key)).body.id
  const read = (id: string, key = keys.supplier): Promise<Answer> =>
    call({ url: `/v1/subscriptions/${id}`, key })
  const change = (id: string, version: number, body: object, key = keys.supplier): Promise<Answer> =>
    call({ method: 'PATCH', url: `/v1/subscriptions/${id}`, key, body, headers: staff(version) })
  const end = (id: string, key = keys.supplier): Promise<Answer> =>
    call({ method: 'DELETE', url: `/v1/subscriptions/${id}`, key })
  const events = async (key: string): Promise<object[]> =>
    rows(
      db.pool,
      `select e.type, e.reason, e.fields from events e join api_keys k on k.client_id = e.about_client_id
       where e.type like 'subscription.%' and k.prefix = $1 order by e.id`,
      [key.split('_')[2]],
    )
  const keyOf = async (id: string): Promise<number> =>
    Number((await rows(db.pool, 'select id from subscriptions where reference = $1', [id]))[0]?.id)

  await t.test(
    'one is made with a secret that is shown once, and begins at the end of the log',
    async (t) => {
      await publishedCase(harness)
      await indexCases(db)
      const { status, body, headers } = await create({ description: 'Our copy', types: ['case.published'] })
      t.equal(status, 201)
      t.equal(headers.location, `https://api.test.example/v1/subscriptions/${body.id}`)
      t.match(body, {
        ...{ url: 'https://receiver.example.org/care-connect?…', description: 'Our copy', view: 'public' },
        ...{ query: null, types: ['case.published'], notice: false, state: 'active', stateReason: null },
        ...{ waiting: 0, failingSince: null, version: 1, secret: /^whsec_[A-Za-z0-9+/]{43}=$/ },
      })
      const [end] = await rows<{ placed: number }>(db.pool, 'select placed from log_state')
      t.equal(body.after, String(end?.placed))
      t.ok(Number(body.after) > 0)
      const { secret: _, ...rest } = body
      const again = await read(body.id)
      t.same(again.body, rest)
      t.match(again.headers.etag, /^"1-?/)
      const kept = await rows(
        db.pool,
        `select s.url_sealed, k.sealed from subscriptions s join subscription_secrets k on k.subscription_id = s.id`,
      )
      t.ok(
        kept.every((one) => String(one.url_sealed).startsWith('v1.') && String(one.sealed).startsWith('v1.')),
      )
      t.notMatch(harness.logged(), /HIDDEN|whsec_/)
    },
  )

  await t.test('an address is https, without credentials', async (t) => {
    for (const [url, code] of [
      ['http://receiver.example.org/', 'not_https'],
      ['http://192.0.2.1/', 'not_https'],
      ['https://user:word@receiver.example.org/', 'has_credentials'],
      ['https://receiver.example.org/#part', 'has_fragment'],
      ['https://[::1', 'not_valid'],
    ] as const) {
      const answer = await create({ url })
      refused(t, answer, 400, 'validation_failed')
      t.match(answer.body.errors, [{ pointer: '/url', code }], url)
    }
    refused(t, await create({ url: 'ftp://receiver.example.org/' }), 400, 'validation_failed')
    t.equal((await create({ url: 'http://127.0.0.1:4010/' })).status, 201, 'the guard decides at sending')
  })

  await t.test('types are those that the view has, and a query is one that it can use', async (t) => {
    const answer = await create({ types: ['case.published', 'case.claimed'] })
    t.match(answer.body.errors, [{ pointer: '/types/1', code: 'needs_own_view' }])
    t.equal((await create({ view: 'mine', types: ['case.claimed'] }, keys.provider, staff(1))).status, 201)
    refused(t, await create({ types: ['case.exploded'] }), 400, 'validation_failed')

    const save = async (body: object, key: string): Promise<string> =>
      (await call({ method: 'POST', url: '/v1/queries', key, body, headers: staff(1) })).body.id
    const filter = { organisation: ['T01'] }
    const open = await save({ name: 'Open to all', filter }, keys.provider)
    const own = await save({ name: 'Mine', view: 'mine', filter: { overdue: true } }, keys.provider)
    t.equal((await create({ query: open })).body.query, open)
    t.match((await create({ query: own })).body.errors, [{ pointer: '/query', code: 'unknown_query' }])
    t.match((await create({ query: own }, keys.provider, staff(1))).body.errors, [
      { pointer: '/query', code: 'needs_own_view' },
    ])
    t.equal((await create({ view: 'mine', query: own }, keys.provider, staff(1))).body.query, own)
    t.match((await create({ query: '0000-0000-0000-0' })).body.errors, [{ pointer: '/query' }])
  })

  await t.test('a key that may not read its own cases cannot have them sent', async (t) => {
    const narrow = await call({
      method: 'POST',
      url: `/v1/clients/${(await rows(db.pool, `select id from api_clients where role = 'integrator' limit 1`))[0]?.id}/keys`,
      key: keys.administrator,
      headers: staff(1),
      body: { scopes: ['subscriptions:manage'] },
    })
    t.equal(narrow.status, 201)
    const { key } = narrow.body
    t.match((await create({ view: 'mine' }, key)).body.errors, [{ pointer: '/view', code: 'no_own_cases' }])
    t.equal((await create({}, key)).status, 201)
    const id = await made({ view: 'mine' }, keys.integrator)
    const moved = await change(id, 1, { url: 'https://elsewhere.example.org/' }, key)
    t.match(moved.body.errors, [{ pointer: '/url', code: 'no_own_cases' }])
    t.equal((await change(id, 1, { state: 'paused' }, key)).status, 200)
  })

  await t.test('one of another client is not there, whatever is asked', async (t) => {
    const id = await made()
    const other = await addClient({ name: 'another supplier', role: 'supplier' })
    const at = `/v1/subscriptions/${id}`
    const post = (url: string, body?: object) => call({ method: 'POST', url, key: other, body })
    for (const answer of [
      await read(id, other),
      await change(id, 1, { state: 'paused' }, other),
      await end(id, other),
      await call({ url: `${at}/secrets`, key: other }),
      await post(`${at}/secrets`, {}),
      await post(`${at}/tests`),
      await call({ url: `${at}/deliveries`, key: other }),
      await call({ url: `${at}/deliveries/0000-0000-0000-0`, key: other }),
      await post(`${at}/redeliveries`, { state: 'failed' }),
      await read('0000-0000-0000-0'),
    ])
      refused(t, answer, 404, 'not_found')
    refused(t, await call({ url: at }), 401, 'key_missing')
    t.same((await call({ url: '/v1/subscriptions', key: other })).body, { items: [], next: null })
  })

  await t.test('a change needs the version, and leaves what it does not name', async (t) => {
    const key = await addClient({ name: 'who changes', role: 'supplier' })
    const id = await made({ description: 'One', noticeEmail: 'notice@example.org' }, key)
    refused(
      t,
      await call({ method: 'PATCH', url: `/v1/subscriptions/${id}`, key, body: { state: 'paused' } }),
      ...([428, 'version_required'] as const),
    )
    const stale = await change(id, 7, { state: 'paused' }, key)
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 1)
    refused(t, await change(id, 1, {}, key), 400, 'validation_failed')
    refused(t, await change(id, 1, { url: 'http://receiver.example.org/' }, key), 400, 'validation_failed')

    const paused = await change(id, 1, { state: 'paused', description: null }, key)
    t.match(paused.body, {
      state: 'paused',
      stateReason: 'asked',
      description: null,
      notice: true,
      version: 2,
    })
    const resumed = await change(id, 2, { state: 'active', noticeEmail: null, types: ['case.removed'] }, key)
    t.match(resumed.body, { state: 'active', stateReason: null, notice: false, types: ['case.removed'] })
    const moved = await change(id, 3, { url: 'https://elsewhere.example.org/in' }, key)
    t.match(moved.body, { url: 'https://elsewhere.example.org/in', types: ['case.removed'], version: 4 })
    t.same(await events(key), [
      { type: 'subscription.created', reason: null, fields: [] },
      { type: 'subscription.changed', reason: null, fields: ['state', 'description'] },
      { type: 'subscription.paused', reason: 'asked', fields: [] },
      { type: 'subscription.changed', reason: null, fields: ['state', 'noticeEmail', 'types'] },
      { type: 'subscription.changed', reason: null, fields: ['url'] },
    ])
  })

  await t.test('one that has ended stays so, and what waited is cancelled', async (t) => {
    const key = await addClient({ name: 'who ends', role: 'supplier' })
    const id = await made({}, key)
    const at = `/v1/subscriptions/${id}`
    const test = await call({ method: 'POST', url: `${at}/tests`, key })
    t.equal(test.status, 202)
    t.equal((await end(id, key)).status, 204)
    t.equal((await end(id, key)).status, 204, 'a second time changes nothing')
    t.match((await read(id, key)).body, { state: 'ended', stateReason: 'asked', waiting: 0, version: 2 })
    t.match((await call({ url: `${at}/deliveries`, key })).body.items, [{ state: 'cancelled' }])
    for (const answer of [
      await change(id, 2, { state: 'active' }, key),
      await call({ method: 'POST', url: `${at}/secrets`, key, body: {} }),
      await call({ method: 'POST', url: `${at}/tests`, key }),
      await call({ method: 'POST', url: `${at}/redeliveries`, key, body: { state: 'failed' } }),
    ])
      refused(t, answer, 409, 'subscription_ended')
    t.equal((await events(key)).length, 2)
  })

  await t.test('fifty at most, also when many ask at once; an ended one makes room', async (t) => {
    const key = await addClient({ name: 'who has many', role: 'supplier' })
    const answers = await Promise.all(Array.from({ length: 52 }, () => create({}, key)))
    t.equal(answers.filter(({ status }) => status === 201).length, 50)
    refused(t, await create({}, key), 409, 'too_many_subscriptions')
    const page = await call({ url: '/v1/subscriptions?limit=30', key })
    t.equal(page.body.items.length, 30)
    const rest = await call({ url: `/v1/subscriptions?limit=30&after=${page.body.next}`, key })
    t.equal(rest.body.items.length, 20)
    t.equal(rest.body.next, null)
    const csv = await call({ url: '/v1/subscriptions?format=csv', key })
    t.equal(csv.text.trim().split('\r\n').length, 51)
    t.notMatch(csv.text, /HIDDEN/)
    await end(page.body.items[0].id, key)
    t.equal((await create({}, key)).status, 201)
  })

  await t.test('a secret is rotated: two sign until the old one expires', async (t) => {
    const id = await made()
    const url = `/v1/subscriptions/${id}/secrets`
    const rotate = (body: object = {}) => call({ method: 'POST', url, key: keys.supplier, body })
    const list = async () => (await call({ url, key: keys.supplier })).body.items
    t.match(await list(), [{ expiresAt: null }])
    const { status, body } = await rotate({ oldExpiresInHours: 1 })
    t.equal(status, 201)
    t.match(body, { secret: /^whsec_/, expiresAt: null })
    const two = await list()
    t.equal(two.length, 2)
    const hours = (Date.parse(two[0].expiresAt) - Date.now()) / 3_600_000
    t.ok(hours > 0.9 && hours <= 1)
    t.same(two[1], { id: body.id, createdAt: body.createdAt, expiresAt: null })
    refused(t, await rotate(), 409, 'too_many_keys')
    const only = await rotate({ oldExpiresInHours: 0 })
    t.equal(only.status, 201, 'a secret that got out is ended at once')
    t.same(
      (await list()).map((one: { id: string }) => one.id),
      [only.body.id],
    )
    refused(t, await rotate({ oldExpiresInHours: 1_000 }), 400, 'validation_failed')
    t.notMatch((await call({ url, key: keys.supplier })).text, /whsec_/)
  })

  await t.test('a test is made once for one key, and can be followed', async (t) => {
    const id = await made()
    const url = `/v1/subscriptions/${id}/tests`
    const ask = (key?: string) =>
      call({ method: 'POST', url, key: keys.supplier, headers: key ? { 'idempotency-key': key } : {} })
    const first = await ask('once')
    t.equal(first.status, 202)
    t.match(first.body, { event: null, type: 'subscription.test', case: null, state: 'waiting', attempts: 0 })
    t.equal((await ask('once')).body.id, first.body.id)
    t.not((await ask()).body.id, first.body.id)
    const at = String(first.headers.location).replace('https://api.test.example', '')
    t.match((await call({ url: at, key: keys.supplier })).body, { id: first.body.id, log: [] })
    refused(
      t,
      await call({ url: `${at.slice(0, -16)}0000-0000-0000-0`, key: keys.supplier }),
      404,
      'not_found',
    )
  })

  await t.test('the delivery log: newest first, by state and case, with what was answered', async (t) => {
    const { id, keyNumber, references } = await delivered(t)
    const url = `/v1/subscriptions/${id}/deliveries`
    const list = async (query: string) => (await call({ url: `${url}?${query}`, key: keys.supplier })).body
    const all = await list('limit=2')
    t.same(
      all.items.map((one: { case: string }) => one.case),
      references.slice(1).reverse(),
    )
    const rest = await list(`limit=2&after=${all.next}`)
    t.same([rest.items.length, rest.items[0].case, rest.next], [1, references[0], null])
    t.equal((await list('state=delivered')).items.length, 1)
    t.equal((await list('state=failed&state=waiting')).items.length, 2)
    t.match((await list(`case=${references[1]?.toLowerCase()}`)).items, [{ case: references[1] }])
    t.same((await list('case=nobody')).items, [])
    const [failed] = (await list('state=failed')).items
    const { body } = await call({ url: `${url}/${failed.id}`, key: keys.supplier })
    t.match(body.log, [{ status: 500, problem: 'http_status', answer: 'Out of order. (Invented.)' }])
    t.match(body, { state: 'failed', attempts: 1, nextAttemptAt: null, settledAt: /Z$/ })
    const [kept] = await rows(db.pool, 'select answer_sealed from delivery_attempts where status = 500')
    t.match(kept?.answer_sealed, /^v1\./)
    t.equal((await read(id)).body.waiting, 1)
    t.ok(keyNumber > 0)
  })

  await t.test('what was settled is delivered again: by id, or by state and time', async (t) => {
    const { id } = await delivered(t)
    const url = `/v1/subscriptions/${id}`
    const again = (body: object, headers = {}) =>
      call({ method: 'POST', url: `${url}/redeliveries`, key: keys.supplier, body, headers })
    const states = async () =>
      (await call({ url: `${url}/deliveries`, key: keys.supplier })).body.items.map(
        ({ state, attempts }: { state: string; attempts: number }) => `${state} ${attempts}`,
      )
    t.same(await states(), ['waiting 0', 'failed 1', 'delivered 1'])
    t.same((await again({ createdFrom: '2099-01-01T00:00:00Z' })).body, { count: 0 })
    t.same((await again({ state: 'failed', createdTo: '2099-01-01T00:00:00Z' })).body, { count: 1 })
    t.same(await states(), ['waiting 0', 'waiting 0', 'delivered 1'])
    const [, , first] = (await call({ url: `${url}/deliveries`, key: keys.supplier })).body.items
    const headers = { 'idempotency-key': 'again' }
    t.same((await again({ deliveries: [first.id] }, headers)).body, { count: 1 })
    t.same(
      (await again({ deliveries: [first.id] }, headers)).body,
      { count: 1 },
      'a repeat is answered alike',
    )
    refused(t, await again({ state: 'failed' }, headers), 422, 'idempotency_key_reused')
    t.same(await states(), ['waiting 0', 'waiting 0', 'waiting 0'])
    t.same((await again({ deliveries: [first.id] })).body, { count: 0 }, 'what waits waits')
    const mixed = await again({ deliveries: [first.id], createdFrom: '2026-01-01T00:00:00Z' })
    t.match(mixed.body.errors, [{ pointer: '/createdFrom', code: 'not_with_deliveries' }])
    refused(t, await again({}), 400, 'validation_failed')
  })

  // Three deliveries about three cases: one delivered, one failed, one waiting.
  async function delivered(t: Test): Promise<{ id: string; keyNumber: number; references: string[] }> {
    const id = await made({ types: ['case.published'] })
    const keyNumber = await keyOf(id)
    const references: string[] = []
    for (let n = 0; n < 3; n++) references.push((await publishedCase(harness)).reference)
    await indexCases(db)
    const now = new Date()
    t.same(await fanOutStep(db, keyNumber, now), { made: 3, more: false })
    for (const state of ['delivered', 'failed'] as const) {
      const claimed = await claimDelivery(db, keyNumber, now)
      if (claimed === undefined) throw new Error('nothing is due')
      const failed = { status: 500, problem: 'http_status', answer: 'Out of order. (Invented.)' }
      const attempt = state === 'failed' ? failed : { status: 204, problem: null, answer: '' }
      t.ok(await settleDelivery(db, claimed, { state, attempt: { at: now, milliseconds: 3, ...attempt } }))
    }
    return { id, keyNumber, references }
  }
})
