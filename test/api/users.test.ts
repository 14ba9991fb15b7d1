import t from 'tap'
import { canaryDraft, holdsNone, references } from './answers.ts'
import {
  type Call,
  draft,
  type Harness,
  ORIGIN,
  PUBLIC_URL,
  publishedCase,
  staff,
  startHarness,
} from './harness.ts'

t.test(
  "a form's page tells us about care, from a browser, with nothing but its publishable key",
  async (t) => {
    const { app, call, keys } = await startHarness(t)
    const browser = { origin: ORIGIN, authorization: `Bearer ${keys.form}` }
    const asked = await app.inject({
      method: 'OPTIONS',
      url: '/v1/cases',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    })
    t.equal(asked.statusCode, 204)

    const categories = (await call({ url: '/v1/categories', headers: { origin: ORIGIN } })).body.items
    const trusts = await call({
      url: '/v1/organisations?active=true&kind=trust',
      headers: { origin: ORIGIN },
    })
    t.equal(trusts.headers['access-control-allow-origin'], '*')
    const wrong = await call({
      method: 'POST',
      url: '/v1/cases',
      headers: browser,
      body: { kind: 'concern' },
    })
    t.equal(wrong.status, 400)
    t.ok(wrong.body.errors.every(({ pointer, detail }: Record<string, string>) => pointer && detail))
    const right = draft({ organisation: trusts.body.items[0].code, category: categories[0].code })
    const sent: Call = {
      method: 'POST',
      url: '/v1/cases',
      headers: { ...browser, 'idempotency-key': 'form-1' },
      body: right,
    }
    const first = await call(sent)
    t.equal(first.status, 201)
    t.match(first.body.notice, /999/)
    t.equal((await call(sent)).body.reference, first.body.reference, 'a second click is the same case')
    t.equal(
      (await call({ url: `/v1/cases/${first.body.reference}` })).body.view,
      'stub',
      'followed without a key',
    )
  },
)

t.test('an integrator sends from its server and follows its own cases to the end', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const created = await call({ method: 'POST', url: '/v1/cases', key: keys.integrator, body: draft() })
  const url = (created.headers.location as string).slice(PUBLIC_URL.length)
  const read = async (headers = {}) => call({ url, key: keys.integrator, headers })
  const first = await read()
  t.match(first.body, { view: 'own', status: 'open', publication: 'awaiting_moderation', responses: [] })
  t.equal((await read({ 'if-none-match': first.headers.etag as string })).status, 304)
  const decided = await call({
    method: 'POST',
    url: `${url}/decisions`,
    key: keys.case_handler,
    headers: staff(1),
    body: {
      action: 'publish',
      reason: 'fit_to_publish',
      commissioned: 'locally',
      moderatedText: 'Fit. (Invented.)',
    },
  })
  await call({
    method: 'POST',
    url: `${url}/responses`,
    key: keys.provider,
    headers: staff(decided.body.version),
    body: { text: 'We have changed it. (Invented.)', status: 'resolved' },
  })
  const last = await read({ 'if-none-match': first.headers.etag as string })
  t.match(last.body, {
    status: 'resolved',
    publication: 'published',
    responses: [{ text: 'We have changed it. (Invented.)' }],
  })
  t.same(references(await call({ url: '/v1/cases?view=mine&status=resolved', key: keys.integrator })), [
    created.body.reference,
  ])
})

t.test('a feedback provider pushes, corrects, answers and takes back, and reads its runs', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  await db.prisma.source.update({
    where: { name: 'pushed' },
    data: { trusted: true, attribution: 'By Example' },
  })
  const push = async (items: object[]) => {
    const { body, status, text } = await call({
      method: 'POST',
      url: '/v1/sources/pushed/items',
      key: keys.feed_provider,
      body: { items },
    })
    t.equal(status, 200, text)
    return body
  }
  const story = {
    type: 'story',
    externalId: 'story-1',
    organisation: 'T01',
    title: 'Kind staff',
    text: 'They explained everything. (Invented.)',
    publishedAt: '2026-11-01T09:00:00Z',
    link: 'https://feedback.example.org/stories/1',
  }
  const { reference } = (await push([story])).items[0]
  const read = async () => (await call({ url: `/v1/cases/${reference}` })).body
  t.match(await read(), {
    view: 'public',
    kind: 'feedback',
    status: 'no_action_needed',
    text: story.text,
    source: { name: 'pushed', link: story.link, attribution: 'By Example' },
  })
  t.equal((await push([story])).items[0].outcome, 'unchanged')
  t.equal((await push([{ ...story, title: 'Very kind staff' }])).items[0].outcome, 'changed')
  t.equal((await read()).title, 'Very kind staff')
  await push([{ type: 'reply', externalId: 'reply-1', inReplyTo: 'story-1', text: 'Thank you. (Invented.)' }])
  t.match((await read()).responses, [{ text: 'Thank you. (Invented.)' }])
  t.equal((await push([{ type: 'deletion', externalId: 'story-1' }])).items[0].outcome, 'deleted')
  t.equal((await call({ url: `/v1/cases/${reference}` })).status, 404)
  t.equal((await push([story])).items[0].outcome, 'ignored', 'what was taken back does not come again')
  const runs = (await call({ url: '/v1/sources/pushed/runs', key: keys.feed_provider })).body.items
  t.equal(runs.length, 6)
  t.match((await call({ url: '/v1/sources/pushed', key: keys.feed_provider })).body, {
    name: 'pushed',
    trusted: true,
  })
})

t.test('a supplier reads everything that is public, and nothing else', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const shown = await seed(harness)
  const read = (url: string) => call({ url, key: keys.supplier })
  const found: string[] = []
  let url: string | null = '/v1/cases?limit=2'
  while (url !== null) {
    const page = await read(url)
    holdsNone(t, page.text, url)
    found.push(...references(page))
    url = page.body.next === null ? null : `/v1/cases?limit=2&after=${page.body.next}`
  }
  t.same(found, [...shown].reverse())
  t.equal((await read('/v1/geo-feed?limit=1000')).body.features.length, shown.length)
  for (const reference of shown) t.equal((await read(`/v1/cases/${reference}/responses`)).status, 200)
  const trust = (await read('/v1/organisations/T01')).body
  t.same(references(await read(`/v1/cases?organisation=${trust.code}`)).length, shown.length)
  t.equal((await read('/v1/cases?view=mine')).status, 400)
  t.equal((await read('/v1/sources')).status, 403)
  t.equal((await call({ method: 'POST', url: '/v1/cases', key: keys.supplier, body: draft() })).status, 403)
})

async function seed(harness: Harness): Promise<string[]> {
  const shown: string[] = []
  for (let n = 0; n < 5; n++) shown.push((await publishedCase(harness, canaryDraft)).reference)
  await publishedCase(harness, canaryDraft).then(({ reference }) =>
    harness.db.pool.query(`update cases set publication = 'removed' where reference = $1`, [reference]),
  )
  await harness.call({
    method: 'POST',
    url: '/v1/cases',
    key: harness.keys.integrator,
    body: draft(canaryDraft),
  })
  return shown
}
