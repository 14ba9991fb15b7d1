import t, { type Test } from 'tap'
import { refused } from './answers.ts'
import { workerFor } from './asked.ts'
import { type Answer, type Harness, PUBLIC_URL, startHarness } from './harness.ts'

const ACTING = { 'acting-user': 'admin-1' }
const NO_RUN = '0000-0000-0000-0'

t.test('a run is read by its address while it waits, and when it has ended', async (t) => {
  const { ask, push, read, work } = await setting(t)
  const created = await ask('/normalisations', { dryRun: true })
  t.equal(created.status, 202, created.text)
  const { reference } = created.body
  const path = `/v1/sources/pushed/runs/${reference}`
  t.equal(created.headers.location, PUBLIC_URL + path)
  t.match(created.body, { url: PUBLIC_URL + path, kind: 'normalise', state: 'waiting', dryRun: true })
  t.match((await read(path)).body, { state: 'waiting', startedAt: /Z$/, finishedAt: null, seen: 0 })
  await work()
  const ended = await read(path.toLowerCase())
  t.match(ended.body, { reference, state: 'succeeded', finishedAt: /Z$/ })

  const pushed = await push({ externalId: 's-1' })
  t.match((await read(`/v1/sources/pushed/runs/${pushed.body.run.reference}`)).body, {
    kind: 'push',
    state: 'succeeded',
    created: 1,
  })
  const { body: page } = await read('/v1/sources/pushed/runs?limit=1')
  t.match(page.items, [{ kind: 'push' }], 'the newest first')
  t.match((await read(`/v1/sources/pushed/runs?limit=1&after=${page.next}`)).body, {
    items: [{ reference }],
    next: null,
  })
})

t.test('a run that has not changed is not sent again', async (t) => {
  const { call, keys, push, read } = await setting(t)
  const { body } = await push({ externalId: 's-1' })
  const url = `/v1/sources/pushed/runs/${body.run.reference}`
  const first = await read(url)
  const headers = { 'if-none-match': String(first.headers.etag) }
  t.equal((await call({ url, key: keys.feed_provider, headers })).status, 304)
})

t.test('what became of each entry is listed in their order, page by page', async (t) => {
  const { ask, push, read, work } = await setting(t)
  await push(...['a', 'b', 'c'].map((externalId) => ({ externalId, organisation: 'ZZ999' })))
  const { body: run } = await ask('/redrives', {})
  const url = `/v1/sources/pushed/runs/${run.reference}/results`
  t.same((await read(url)).body, { items: [], next: null }, 'nothing, while it waits')
  await work()
  const first = await read(`${url}?limit=2`)
  t.match(first.body.items, [
    { number: 1, externalId: 'a', outcome: 'quarantined', reason: 'organisation_unknown', reference: null },
    { number: 2, externalId: 'b' },
  ])
  const second = await read(`${url}?limit=2&after=${first.body.next}`)
  t.match(second.body, { items: [{ number: 3, externalId: 'c' }], next: null })
  refused(t, await read(`${url}?after=rubbish`), 400, 'validation_failed', ['query /after unknown_cursor'])
})

t.test('a run that is interrupted ends, whatever it was doing, and only once', async (t) => {
  const { ask, read, work } = await setting(t)
  const { body: run } = await ask('/redrives', {})
  const path = `/runs/${run.reference}/cancellations`
  const cancelled = await ask(path)
  t.equal(cancelled.status, 201, cancelled.text)
  t.match(cancelled.body, { reference: run.reference, state: 'cancelled', finishedAt: /Z$/ })
  refused(t, await ask(path), 409, 'run_finished')
  await work()
  const { body } = await read(`/v1/sources/pushed/runs/${run.reference}`)
  t.same(body, cancelled.body, 'and no worker takes it up')
})

t.test('a look is asked for at a source that is polled, and a repeat is the same one', async (t) => {
  const { call, keys, ask, read, work } = await setting(t)
  refused(t, await ask('/probe'), 409, 'source_not_polled')
  const polled = {
    name: 'polled',
    title: 'Polled (invented)',
    connector: 'feed',
    address: 'https://127.0.0.1:9/feed',
    settings: { organisation: { scheme: 'ods', code: 'T01' } },
  }
  const key = keys.administrator
  const created = await call({ method: 'POST', url: '/v1/sources', key, headers: ACTING, body: polled })
  t.equal(created.status, 201, created.text)
  const look = (headers: Record<string, string> = ACTING) =>
    call({ method: 'POST', url: '/v1/sources/polled/probe', key, headers })
  const once = await look({ ...ACTING, 'idempotency-key': 'look-1' })
  t.equal(once.status, 202, once.text)
  t.equal(once.headers.location, `${PUBLIC_URL}/v1/sources/polled/runs/${once.body.reference}`)
  t.match(once.body, { kind: 'probe', state: 'waiting' })
  const twice = await look({ ...ACTING, 'idempotency-key': 'look-1' })
  t.equal(twice.body.reference, once.body.reference)
  refused(t, await look({}), 400, 'validation_failed')

  await work()
  const { body } = await read(`/v1/sources/polled/runs/${once.body.reference}`, key)
  t.match(
    body,
    { state: 'failed', outcome: 'forbidden-address' },
    'nothing behind a private address is asked',
  )
})

t.test('a run that is not there, a source that is not, and another’s are refused', async (t) => {
  const { call, keys, ask, push, read } = await setting(t)
  const { body } = await push({ externalId: 's-1' })
  const { reference } = body.run
  for (const path of ['', '/results']) {
    const at = (source: string, run: string) => `/v1/sources/${source}/runs/${run}${path}`
    refused(t, await read(at('pushed', NO_RUN)), 404, 'not_found')
    refused(t, await read(at('elsewhere', reference), keys.administrator), 404, 'not_found')
    refused(t, await read(at('none', reference)), 404, 'not_found')
    refused(t, await read(at('elsewhere', reference)), 403, 'not_your_source')
    refused(t, await call({ url: at('pushed', reference) }), 401, 'key_missing')
  }
  refused(t, await ask(`/runs/${NO_RUN}/cancellations`), 404, 'not_found')
  refused(t, await ask(`/runs/${reference}/cancellations`, undefined, 'elsewhere'), 404, 'not_found')
  refused(t, await ask('/probe', undefined, 'none'), 404, 'not_found')
  for (const path of [`/runs/${reference}/cancellations`, '/probe']) {
    const url = `/v1/sources/pushed${path}`
    refused(t, await call({ method: 'POST', url }), 401, 'key_missing')
    refused(t, await call({ method: 'POST', url, key: keys.feed_provider }), 403, 'scope_missing')
  }
})

type Setting = Pick<Harness, 'call' | 'keys'> & {
  /** Posts as the administrator. */
  ask: (path: string, body?: unknown, source?: string) => Promise<Answer>
  /** Pushes stories as the feedback provider. */
  push: (...items: Record<string, unknown>[]) => Promise<Answer>
  /** Reads as the feedback provider, if nobody else is named. */
  read: (url: string, key?: string) => Promise<Answer>
  work: () => Promise<void>
}

async function setting(t: Test): Promise<Setting> {
  const { call, keys, db } = await startHarness(t)
  const story = { type: 'story', organisation: 'T01', text: 'They were kind. (Invented.)' }
  return {
    call,
    keys,
    ask: (path, body, source = 'pushed') => {
      const url = `/v1/sources/${source}${path}`
      return call({ method: 'POST', url, key: keys.administrator, headers: ACTING, body })
    },
    push: (...items) => {
      const body = { items: items.map((item) => ({ ...story, ...item })) }
      return call({ method: 'POST', url: '/v1/sources/pushed/items', key: keys.feed_provider, body })
    },
    read: (url, key = keys.feed_provider) => call({ url, key }),
    work: workerFor(t, db),
  }
}
