import t, { type Test } from 'tap'
import { listAccesses } from '../../domain/accesses.ts'
import { createClient } from '../../domain/clients.ts'
import { createMetrics } from '../../operations/metrics.ts'
import { startOperations } from '../../operations/server.ts'
import { type Db, rows } from '../../prisma/client.ts'
import type { QueueSettings } from '../../workers/queues.ts'
import { startWorkers } from '../../workers/start.ts'
import { ingestStore } from '../domain/ingest-store.ts'
import { serve } from '../net/servers.ts'
import { caseCount, type Line, logTo, polledSource, rss, send, until } from '../workers/poll-setting.ts'
import { readByPrometheus, samplesIn, valueIn, withoutParser } from './openmetrics.ts'

const redisUrl = process.env.CARE_TEST_REDIS
const backends: { name: string; skip: string | false; queue: (url: string) => QueueSettings }[] = [
  { name: 'PostgreSQL', skip: false, queue: (url) => ({ kind: 'postgres', url, max: 3 }) },
  {
    name: 'Redis',
    skip: redisUrl === undefined && 'CARE_TEST_REDIS names no Redis',
    queue: (url) => ({ kind: 'redis', url: redisUrl ?? '', prefix: new URL(url).pathname.slice(1) }),
  },
]

for (const { name, skip, queue } of backends) {
  t.test(`with the queue on ${name}`, { skip }, async (t) => {
    const { db, url, lines } = await working(t, queue)
    const keys = { administrator: await keyOf(db, 'administrator'), supplier: await keyOf(db, 'supplier') }

    await t.test('a worker counts what it has done', async (t) => {
      const asked = await fetch(`${url}/metrics`)
      t.equal(asked.status, 200)
      t.equal(asked.headers.get('content-type'), 'application/openmetrics-text; version=1.0.0; charset=utf-8')
      const found = samplesIn(await asked.text())
      const value = valueIn(found)
      t.equal(value('care_connect_polls_total', { outcome: 'changed' }), 1)
      t.equal(value('care_connect_jobs_total', { queue: 'sources', job: 'poll-source', outcome: 'done' }), 1)
      t.ok(value('care_connect_jobs_total', { queue: 'ticks', job: 'poll-due', outcome: 'done' }) > 0)
      t.ok(value('care_connect_job_duration_seconds_count', { queue: 'sources', job: 'poll-source' }) > 0)
      t.ok(value('care_connect_queue_jobs', { queue: 'ticks', state: 'delayed' }) > 0)
      t.equal(value('care_connect_queue_jobs', { queue: 'webhooks', state: 'waiting' }), 0)
      t.ok(value('care_connect_log_position', {}) > 0)
      t.equal(value('care_connect_log_behind', { tap: 'index' }), 0)
      t.equal(value('care_connect_work_deadline_seconds', { kind: 'delivery' }), 600)
      t.equal(value('care_connect_work_waiting', { kind: 'poll' }), 0)
      t.ok(value('care_connect_database_connections', { state: 'idle' }) >= 0)
    })

    await t.test('the queues are for administrators alone', async (t) => {
      for (const authorization of [
        undefined,
        'Basic',
        `Bearer ${keys.administrator}`,
        basic('person-1', 'wrong'),
        basic('person-1', keys.administrator.replace(/.{3}$/, 'AAA')),
        basic('person-1', keys.supplier),
        basic('', keys.administrator),
      ]) {
        const { status, headers } = await ask(url, '/queues', authorization)
        t.equal(status, 401, authorization?.slice(0, 12) ?? 'nothing')
        t.match(headers.get('www-authenticate'), /^Basic realm=/)
      }
      for (const path of ['/queues/api/queues', '/queues/static/favicon-32x32.png'])
        t.equal((await ask(url, path, undefined)).status, 401)
      t.same((await listAccesses(db, {}, { limit: 10 })).items, [])
    })

    await t.test('an administrator sees them, and leaves a trace', async (t) => {
      const authorization = basic('person-1', keys.administrator)
      const page = await ask(url, '/queues', authorization)
      t.equal(page.status, 200)
      t.match(page.headers.get('content-type'), /^text\/html/)
      t.match(page.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/)
      t.equal(page.headers.get('cache-control'), 'no-store')
      const [, script = ''] = /<script defer src="(static\/[^"]+)"/.exec(page.text) ?? []
      t.equal((await ask(url, `/queues/${script}`, authorization)).status, 200)
      t.match((await listAccesses(db, {}, { limit: 10 })).items, [
        { client: 'administrator', actingUser: 'person-1', operation: 'openQueues', cases: [] },
      ])
      t.equal(lines.filter(({ message }) => message === 'the queue dashboard was opened').length, 1)
      t.notMatch(JSON.stringify(lines), /person-1/)

      const data = await ask(url, '/queues/api/queues?activeQueue=ticks&status=delayed&page=1', authorization)
      t.equal(data.status, 200)
      const { queues } = JSON.parse(data.text) as { queues: Board[] }
      t.same(queues.map((one) => one.name).sort(), ['runs', 'sources', 'ticks', 'webhooks'])
      t.ok(queues.every(({ readOnlyMode }) => readOnlyMode))
      const ticks = queues.find((one) => one.name === 'ticks')
      t.ok((ticks?.counts.delayed ?? 0) > 0)
      t.ok(ticks?.jobs.some((job) => job.name === 'keep-house'))
      t.equal((await ask(url, '/queues/api/redis/stats', authorization)).status, 200)
    })

    await t.test('nothing can be changed there', async (t) => {
      const authorization = basic('person-1', keys.administrator)
      for (const [method, path] of [
        ['PUT', '/queues/api/queues/ticks/pause'],
        ['PUT', '/queues/api/queues/ticks/obliterate'],
        ['POST', '/queues/api/queues/ticks/add'],
        ['PUT', '/queues/api/queues/pause'],
      ]) {
        const { status } = await ask(url, path as string, authorization, method)
        t.equal(status, 405, String(path))
      }
    })

    await t.test('a parser that nobody here wrote reads the figures', { skip: withoutParser }, async (t) => {
      const text = await (await fetch(`${url}/metrics`)).text()
      const found = readByPrometheus(text)
      t.equal(valueIn(found)('care_connect_polls_total', { outcome: 'changed' }), 1)
      t.ok(found.length > 50)
    })

    await t.test('without the store there are still the figures of the process', async (t) => {
      await rows(db.pool, 'alter table log_state rename to log_state_away')
      t.teardown(() => rows(db.pool, 'alter table log_state_away rename to log_state'))
      const found = samplesIn(await (await fetch(`${url}/metrics`)).text())
      t.ok(valueIn(found)('process_resident_memory_bytes', {}) > 0)
      t.equal(valueIn(found)('care_connect_log_position', {}), undefined)
    })
  })
}

t.test('a port that somebody has is said by its setting', async (t) => {
  const metrics = createMetrics()
  const first = await startOperations({ host: '127.0.0.1', port: 0, metrics })
  t.teardown(first.close)
  const port = Number(new URL(first.url).port)
  await t.rejects(startOperations({ host: '127.0.0.1', port, metrics }), /OPERATIONS_PORT \d+ cannot be had/)
  t.equal((await fetch(`${first.url}/queues`)).status, 404)
})

t.test('what is no code is no label, and no more than some dozens are', async (t) => {
  const { worker, text } = createMetrics()
  worker.counted('poll', 'https://stories.example/?key=invented')
  for (let n = 0; n < 100; n++) worker.counted('poll', `code-${n}`)
  const found = samplesIn(await text()).filter(({ name }) => name === 'care_connect_polls_total')
  t.equal(found.length, 61)
  t.equal(valueIn(found)('care_connect_polls_total', { outcome: 'other' }), 41)
})

type Board = {
  name: string
  readOnlyMode: boolean
  counts: Record<string, number>
  jobs: { name: string }[]
}

async function working(t: Test, queue: (url: string) => QueueSettings) {
  const db = await ingestStore(t)
  const provider = await serve(t, (_, response) => send(response, rss(['a'])))
  const [at] = await rows<{ name: string }>(db.pool, 'select current_database() as name')
  const lines: Line[] = []
  const metrics = createMetrics()
  metrics.watchPool(db)
  const workers = await startWorkers({
    db,
    queue: queue(new URL(`/${at?.name}`, process.env.CARE_TEST_SERVER).href),
    log: logTo(lines),
    userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)',
    allowPrivate: [provider.authority],
    gapMs: 0,
    pollEveryMs: 200,
    measure: metrics.worker,
  })
  t.teardown(() => workers.stop())
  await polledSource(db, `${provider.url}/stories.rss`)
  await rows(db.pool, 'update sources set next_check_at = now()')
  await until('the case', async () => (await caseCount(db)) === 1)
  const dashboard = { db, queues: workers.queues, log: logTo(lines) }
  const { url, close } = await startOperations({ host: '127.0.0.1', port: 0, metrics, dashboard })
  t.teardown(close)
  await until('everything is counted', async () => {
    const value = valueIn(samplesIn(await metrics.text()))
    const job = { queue: 'sources', job: 'poll-source', outcome: 'done' }
    return (
      value('care_connect_jobs_total', job) === 1 && value('care_connect_log_behind', { tap: 'index' }) === 0
    )
  })
  return { db, url, lines }
}

async function keyOf(db: Db, role: 'administrator' | 'supplier'): Promise<string> {
  return (await createClient(db, { name: role, role })).key
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
}

async function ask(url: string, path: string, authorization: string | undefined, method = 'GET') {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: authorization === undefined ? {} : { authorization },
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}
