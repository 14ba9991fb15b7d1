import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { noteHubTopics } from '../../domain/hub.ts'
import { createWebhookSender } from '../../net/send-webhook.ts'
import { nextPing, pingHub } from '../../workers/ping-hub.ts'
import { startWorkers } from '../../workers/start.ts'
import type { WebhookContext } from '../../workers/webhook-context.ts'
import { linkIn } from '../api/feed-reading.ts'
import { type Harness, PUBLIC_URL, publishedCase, staff, startHarness } from '../api/harness.ts'
import { until } from './poll-setting.ts'

type Told = { method: string; type: string; mode: string | null; url: string }

/** A hub that notes what it is told, and answers as it is set to. */
async function startHub(tap: { teardown(work: () => Promise<void>): unknown }) {
  const told: Told[] = []
  const hub = { told, status: 204, retryAfter: undefined as string | undefined, url: '', host: '' }
  const server = createServer(async (message, answer) => {
    const parts: Buffer[] = []
    for await (const part of message) parts.push(part)
    const form = new URLSearchParams(Buffer.concat(parts).toString())
    told.push({
      method: String(message.method),
      type: String(message.headers['content-type']),
      mode: form.get('hub.mode'),
      url: String(form.get('hub.url')),
    })
    const headers = hub.retryAfter === undefined ? {} : { 'retry-after': hub.retryAfter }
    answer.writeHead(hub.status, { ...headers, location: `${hub.url}elsewhere` }).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  tap.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  hub.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  hub.url = `http://${hub.host}/`
  return hub
}

t.test('the hub is told of feeds that have changed', async (t) => {
  const hub = await startHub(t)
  const harness = await startHarness(t, { hub: hub.url })
  const { db, call, keys } = harness
  let now = new Date('2026-11-20T09:00:00Z')
  const later = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1_000)
  }
  const sender = createWebhookSender({ allowPrivate: [hub.host], userAgent: 'test' })
  t.teardown(() => sender.close())
  const lines: string[] = []
  const log = Object.fromEntries(
    ['info', 'warn', 'error', 'debug'].map((level) => [level, (_: object, line: string) => lines.push(line)]),
  ) as unknown as WebhookContext['log']
  const context = {
    db,
    log,
    now: () => now,
    random: () => 0.5,
    signal: new AbortController().signal,
    sender,
    publicUrl: PUBLIC_URL,
  }
  const ping = async (others: Partial<WebhookContext> = {}): Promise<string[]> => {
    await indexCases(db)
    const before = hub.told.length
    await pingHub({ ...context, ...others } as WebhookContext, hub.url)
    return hub.told
      .slice(before)
      .map(({ url }) => url.slice(PUBLIC_URL.length))
      .sort()
  }
  const feedsOf = (...queries: string[]) =>
    queries
      .flatMap((query) => ['atom', 'json', 'rss'].map((format) => `/v1/feeds/cases.${format}${query}`))
      .sort()

  await t.test('feeds name the hub and themselves', async (t) => {
    for (const format of ['atom', 'json', 'rss']) {
      const { headers, text, body } = await call({ url: `/v1/feeds/cases.${format}?kind=concern` })
      const self = `${PUBLIC_URL}/v1/feeds/cases.${format}?kind=concern`
      t.equal(headers.link, `<${self}>; rel="self", <${hub.url}>; rel="hub"`)
      if (format === 'json') t.match(body, { feed_url: self, hubs: [{ type: 'WebSub', url: hub.url }] })
      else t.same([linkIn(text, 'self'), linkIn(text, 'hub')], [self, hub.url])
    }
  })

  await t.test('not of what was before, nor of what the public does not hear', async (t) => {
    t.same(await ping(), [])
    await harness.call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: {
        kind: 'feedback',
        organisation: 'T01',
        text: 'Kind. (Invented.)',
        privacy: 'anonymous',
        acceptsTerms: true,
      },
    })
    t.same(await ping(), [])
  })

  const food = await saved(harness, { category: ['food'] })
  const concerns = await saved(harness, { kind: ['concern'], organisation: ['T01'], q: 'hours' })
  await saved(harness, { kind: ['concern'] }, 'mine')
  let changed: { reference: string; version: number }

  await t.test('of everything, of the organisation and those above it, and of saved queries', async (t) => {
    changed = await publishedCase(harness, { organisation: 'T0101' })
    t.same(await ping(), feedsOf('', '?organisation=T01', '?organisation=T0101', `?query=${concerns}`))
    t.match(hub.told.at(-1), { method: 'POST', type: 'application/x-www-form-urlencoded', mode: 'publish' })
    for (const { url } of hub.told) {
      const { text, body, status } = await call({ url: url.slice(PUBLIC_URL.length) })
      t.equal(status, 200)
      t.equal(body?.feed_url ?? linkIn(text, 'self'), url, 'as the feed calls itself')
    }
    t.same(await ping(), [], 'once')
  })

  await t.test('of each feed once a minute, whatever happens', async (t) => {
    changed.version = await change(harness, changed, { category: 'food' })
    later(10)
    t.same(await ping(), feedsOf(`?query=${food}`), 'what was not told is told at once')
    changed.version = await change(harness, changed, { category: 'staff' })
    t.same(await ping(), [])
    later(50)
    t.same(await ping(), feedsOf('', '?organisation=T01', '?organisation=T0101', `?query=${concerns}`))
    later(10)
    t.same(await ping(), feedsOf(`?query=${food}`), 'which it has left')
    later(300)
    t.same(await ping(), [])
  })

  await t.test('of the organisation before, when another takes a case over', async (t) => {
    const { status, text } = await call({
      method: 'POST',
      url: `/v1/cases/${changed.reference}/referrals`,
      key: keys.provider,
      headers: staff(changed.version),
      body: { organisation: 'T02' },
    })
    t.equal(status, 201, text)
    t.same(
      await ping(),
      feedsOf('', '?organisation=T01', '?organisation=T0101', '?organisation=T02', `?query=${concerns}`),
    )
    later(300)
  })

  await t.test('a hub that fails is told again, later each time', async (t) => {
    hub.status = 500
    await publishedCase(harness, { organisation: 'T02' })
    t.same(await ping(), feedsOf('', '?organisation=T02'))
    t.same(await ping(), [])
    later(15)
    t.same(await ping(), feedsOf('', '?organisation=T02'))
    later(15)
    t.same(await ping(), [])
    later(15)
    hub.status = 302
    t.same(await ping(), feedsOf('', '?organisation=T02'), 'it is not followed elsewhere')
    hub.status = 503
    hub.retryAfter = '600'
    later(60)
    t.same(await ping(), feedsOf('', '?organisation=T02'))
    later(599)
    t.same(await ping(), [], 'it has said how long')
    later(1)
    hub.status = 202
    hub.retryAfter = undefined
    t.same(await ping(), feedsOf('', '?organisation=T02'))
    later(4_000)
    t.same(await ping(), [])
    t.notMatch(lines.join('\n'), hub.host)
  })

  await t.test('who claimed and died leaves it to others after a while', async (t) => {
    await publishedCase(harness, { organisation: 'T02' })
    await indexCases(db)
    const died = { send: () => Promise.reject(new Error('died')), close: async () => undefined }
    await t.rejects(pingHub({ ...context, sender: died } as WebhookContext, hub.url), { message: 'died' })
    t.same(await ping(), [])
    later(120)
    t.same(await ping(), feedsOf('', '?organisation=T02'))
    later(300)
  })

  await t.test('several at once tell it once', async (t) => {
    await publishedCase(harness, { organisation: 'T02' })
    await indexCases(db)
    const before = hub.told.length
    await Promise.all([1, 2, 3].map(() => noteHubTopics(db, now)))
    await Promise.all([1, 2, 3].map(() => pingHub(context as WebhookContext, hub.url)))
    t.same(
      hub.told
        .slice(before)
        .map(({ url }) => url.slice(PUBLIC_URL.length))
        .sort(),
      feedsOf('', '?organisation=T02'),
    )
    later(300)
  })

  await t.test('never at a private address that is not allowed', async (t) => {
    await publishedCase(harness, { organisation: 'T02' })
    const guarded = createWebhookSender({ allowPrivate: [], userAgent: 'test' })
    t.same(await ping({ sender: guarded }), [])
    await guarded.close()
    const { rows } = await db.pool.query<{ problem: string }>(
      'select distinct problem from hub_topics where problem is not null',
    )
    t.same(rows, [{ problem: 'forbidden_address' }])
    later(300)
    t.same(await ping(), feedsOf('', '?organisation=T02'))
  })

  await t.test('a worker does it, by its setting alone, whatever becomes of the queue', async (t) => {
    const url = String(
      (db.pool as unknown as { options: { connectionString: string } }).options.connectionString,
    )
    await publishedCase(harness, { organisation: 'T01' })
    const before = hub.told.length
    const workers = await startWorkers({
      db,
      queue: { kind: 'postgres', url, max: 4 },
      log,
      userAgent: 'test',
      allowPrivate: [hub.host],
      publicUrl: PUBLIC_URL,
      hub: hub.url,
      now: () => now,
    })
    t.teardown(() => workers.stop())
    await until('the hub is told', async () => hub.told.length >= before + 6)
    t.ok(
      hub.told.slice(before).some((one) => one.url === `${PUBLIC_URL}/v1/feeds/cases.atom?organisation=T01`),
    )
  })
})

t.test('waits double, within bounds', async (t) => {
  t.equal(nextPing(1, null, 0.5), 15_000)
  t.equal(nextPing(2, null, 0.5), 30_000)
  t.equal(nextPing(1, null, 0), 12_000)
  t.equal(nextPing(1, null, 1), 18_000)
  t.equal(nextPing(11, null, 0.5), 3_600_000)
  t.equal(nextPing(12, null, 0.5), null)
  t.equal(nextPing(1, 60, 0.5), 60_000)
  t.equal(nextPing(1, 999_999, 0.5), 3_600_000)
})

async function saved({ call, keys }: Harness, filter: object, view = 'public'): Promise<string> {
  const { body, status, text } = await call({
    method: 'POST',
    url: '/v1/queries',
    key: keys.case_handler,
    headers: { 'acting-user': 'person-1' },
    body: { name: JSON.stringify([filter, view]), view, filter },
  })
  if (status !== 201) throw new Error(text)
  return body.id
}

async function change(
  { call, keys }: Harness,
  { reference, version }: { reference: string; version: number },
  body: object,
): Promise<number> {
  const answer = await call({
    method: 'PATCH',
    url: `/v1/cases/${reference}`,
    key: keys.case_handler,
    headers: staff(version),
    body,
  })
  if (answer.status !== 200) throw new Error(answer.text)
  return answer.body.version
}
