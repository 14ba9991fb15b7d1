import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { type PressureLimits, pressureLimits } from '../../api/pressure.ts'
import { createMetrics } from '../../operations/metrics.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'
import { readByPrometheus, samplesIn, valueIn, withoutParser } from '../operations/openmetrics.ts'
import { SERVICE } from './harness.ts'

const store = await testDatabase(t)
const db = openDb({ url: store.url, vaultKeys: newVaultKey('test'), max: 2, applicationName: 'test' })
t.teardown(() => closeDb(db))

t.test('while too many wait for the store, others are turned away and asked to come again', async (t) => {
  const { url, metrics } = await listening(t, { waiting: 3 })
  const held = await Promise.all([db.pool.connect(), db.pool.connect()])
  const waiting = [1, 2, 3].map(() => db.pool.query('select 1'))
  t.equal(db.pool.waitingCount, 3)

  const refused = await fetch(`${url}/v1/categories`)
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '5')
  t.equal(refused.headers.get('content-type'), 'application/problem+json')
  t.equal(refused.headers.get('access-control-allow-origin'), '*', 'a web page reads why')
  t.match(await refused.json(), { code: 'unavailable', status: 503, requestId: /./ })
  t.equal((await fetch(`${url}/livez`)).status, 200, 'whoever asks how it is gets an answer')

  for (const connection of held) connection.release()
  await Promise.all(waiting)
  t.equal((await fetch(`${url}/v1/categories`)).status, 200)
  const value = valueIn(samplesIn(await metrics.text()))
  t.equal(value('care_connect_turned_away_total', { pressure: 'database' }), 1)
  t.equal(value('care_connect_requests_total', { operation: 'listCategories', status: '5xx' }), 1)
})

t.test(
  'while the event loop is late, requests are turned away; when it is in time again, they are not',
  async (t) => {
    const { url } = await listening(t, { loopDelayMs: 100 })
    const busy = setInterval(() => block(300), 1)
    t.teardown(() => clearInterval(busy))
    const during = await untilStatus(`${url}/v1/categories`, 503)
    t.equal(during.headers.get('retry-after'), '5')
    for (const probe of ['/livez', '/readyz', '/healthz'])
      t.equal((await fetch(`${url}${probe}`)).status, 200, probe)
    clearInterval(busy)
    await untilStatus(`${url}/v1/categories`, 200)
  },
)

t.test('memory has limits too', async (t) => {
  for (const limits of [{ heapBytes: 1 }, { rssBytes: 1 }]) {
    const { url } = await listening(t, limits)
    await untilStatus(`${url}/v1/categories`, 503)
    t.equal((await fetch(`${url}/livez`)).status, 200)
  }
})

t.test('the limits are those of the settings, and of the heap nine tenths of what there is', async (t) => {
  const setting = { loopDelayMs: 1_000, waiting: 500, heapMb: undefined, memoryMb: undefined }
  const { heapBytes = 0, ...others } = pressureLimits(setting)
  t.same(others, { loopDelayMs: 1_000, waiting: 500 })
  t.ok(heapBytes > 100 * 1024 * 1024)
  t.same(pressureLimits({ ...setting, heapMb: 200, memoryMb: 400 }), {
    loopDelayMs: 1_000,
    waiting: 500,
    heapBytes: 200 * 1024 * 1024,
    rssBytes: 400 * 1024 * 1024,
  })
})

t.test('requests are counted by operation and class of status, and by nothing that says whose', async (t) => {
  const { url, metrics } = await listening(t, {})
  const paths = ['/v1/categories', '/v1/cases/K7QD-M2XW-9TRB-H', '/v1/cases?organisation=nowhere', '/nowhere']
  for (const path of paths) await (await fetch(`${url}${path}`)).text()
  const text = await metrics.text()
  const value = valueIn(samplesIn(text))
  t.equal(value('care_connect_requests_total', { operation: 'listCategories', status: '2xx' }), 1)
  t.equal(value('care_connect_requests_total', { operation: 'getCase', status: '4xx' }), 1)
  t.equal(value('care_connect_requests_total', { operation: 'listCases', status: '4xx' }), 1)
  t.equal(value('care_connect_requests_total', { operation: 'none', status: '4xx' }), 1)
  t.equal(value('care_connect_request_duration_seconds_count', { operation: 'listCategories' }), 1)
  t.equal(value('care_connect_streams', {}), 0)
  t.equal(value('care_connect_database_waiting', {}), 0)
  t.ok(value('nodejs_eventloop_lag_mean_seconds', {}) >= 0)
  t.notMatch(text, /K7QD|nowhere|\/v1/)
  await t.test('a parser that nobody here wrote reads them', { skip: withoutParser }, async (t) => {
    t.ok(readByPrometheus(text).length > 40)
  })
})

async function listening(t: Test, pressure: PressureLimits) {
  const metrics = createMetrics()
  metrics.watchPool(db)
  const app = await createApp({
    db,
    publicUrl: 'https://api.test.example',
    logger: false,
    requestsPerMinute: 100_000,
    intakePerMinute: 100_000,
    service: SERVICE,
    dataVersion: false,
    pressure,
    measure: metrics.api,
  })
  t.teardown(() => app.close())
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  return { url, metrics }
}

function block(milliseconds: number): void {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

async function untilStatus(url: string, status: number): Promise<Response> {
  const late = Date.now() + 20_000
  for (;;) {
    const response = await fetch(url)
    await response.text()
    if (response.status === status) return response
    if (Date.now() > late) throw new Error(`${url} never answered ${status}`)
    await sleep(20)
  }
}
