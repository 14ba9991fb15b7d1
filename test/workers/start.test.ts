import t, { type Test } from 'tap'
import { askProbe } from '../../domain/probes.ts'
import { rows } from '../../prisma/client.ts'
import {
  type JobHandlers,
  openQueues,
  type QueueSettings,
  type Tick,
  type TickHandlers,
} from '../../workers/queues.ts'
import { startWorkers, type WorkersOptions } from '../../workers/start.ts'
import { administrator, ingestStore } from '../domain/ingest-store.ts'
import { serve } from '../net/servers.ts'
import {
  caseCount,
  type Line,
  logTo,
  polledSource,
  rss,
  runsOf,
  send,
  sourceRow,
  until,
} from './poll-setting.ts'

const nothing = async () => undefined
const noTicks: TickHandlers = {
  'poll-due': nothing,
  'take-up-runs': nothing,
  'keep-house': nothing,
  'release-holds': nothing,
  'end-pauses': nothing,
  'send-mail': nothing,
  'feedback-digest': nothing,
  'query-digests': nothing,
  'tell-overdue': nothing,
  'count-figures': nothing,
}
const everyHour: Record<Tick, number> = {
  'poll-due': 3_600_000,
  'take-up-runs': 3_600_000,
  'keep-house': 3_600_000,
  'release-holds': 3_600_000,
  'end-pauses': 3_600_000,
  'send-mail': 3_600_000,
  'feedback-digest': 3_600_000,
  'query-digests': 3_600_000,
  'tell-overdue': 3_600_000,
  'count-figures': 3_600_000,
}
const noJobs: JobHandlers = {
  'poll-source': nothing,
  'probe-source': nothing,
  'do-run': nothing,
  'import-organisations': nothing,
  'fan-out': nothing,
  deliver: nothing,
}
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
  t.test(
    `with ${name}, a registered source is looked at, polled, and polled again when it is due`,
    { skip },
    async (t) => {
      let ids = ['a', 'b']
      const { db, url, server, options } = await setting(t, (response) => send(response, rss(ids)))
      const source = await polledSource(db, `${server.url}/stories.rss`, { probing: true })
      await rows(db.pool, 'update sources set next_check_at = now()')
      const workers = await startWorkers({ ...options, queue: queue(url) })
      t.teardown(() => workers.stop())

      await until('two cases', async () => (await caseCount(db)) === 2)
      await until('the poll ended', async () => (await sourceRow(db)).claimed_until === null)
      await until('the figures were counted', async () => {
        const [log] = await rows(db.pool, 'select 1 from public_figures')
        return log !== undefined
      })
      t.match(await sourceRow(db), { id: source, state: 'active', flagged: false })
      ids = ['a', 'b', 'c']
      await rows(db.pool, 'update sources set next_check_at = now()')
      await until('three cases', async () => (await caseCount(db)) === 3)
      await workers.stop()
      t.same(
        (await runsOf(db)).map(({ outcome }) => outcome),
        ['changed', 'changed', 'probed'],
      )
    },
  )

  t.test(
    `with ${name}, a source has one job of a kind at most, and two processes do not double the ticks`,
    { skip },
    async (t) => {
      const { db, url, options } = await setting(t, () => undefined)
      const queues = await Promise.all([1, 2].map(() => openQueues(db, queue(url), options.log)))
      t.teardown(async () => {
        for (const one of queues) await one.finish()
        for (const one of queues) await one.close()
      })
      const done: number[] = []
      const ticks: string[] = []
      for (const one of queues) await one.scheduleTicks({ ...everyHour, 'poll-due': 200 }, 'all')
      for (let n = 0; n < 5; n++)
        for (const one of queues) await one.addJob('poll-source', { sourceId: 1_000_001 })
      await queues[0]?.addJob('poll-source', { sourceId: 1_000_002 })
      queues[0]?.work({
        jobs: { ...noJobs, 'poll-source': async ({ sourceId }) => void done.push(sourceId) },
        ticks: {
          ...noTicks,
          'poll-due': async () => void ticks.push('poll-due'),
          'keep-house': async () => void ticks.push('keep-house'),
        },
        concurrency: 2,
      })
      await until('both jobs and some ticks', async () => {
        return (
          done.includes(1_000_002) &&
          done.includes(1_000_001) &&
          ticks.filter((tick) => tick === 'poll-due').length >= 3
        )
      })
      t.same(done.filter((id) => id > 1_000_000).sort(), [1_000_001, 1_000_002])
      await queues[1]?.addJob('poll-source', { sourceId: 1_000_001 })
      await until('the same again, once it is done', async () => done.length === 3)

      await queues[1]?.forget()
      const before = ticks.length
      await queues[1]?.scheduleTicks({ ...everyHour, 'poll-due': 200 }, 'missing')
      await until('ticks after the queue was emptied', async () => ticks.length >= before + 3)
    },
  )

  t.test(
    `with ${name}, workers that are stopped give up a slow request in time, and its source is due again`,
    { skip },
    async (t) => {
      let asked = false
      const { db, url, server, options } = await setting(t, () => {
        asked = true
      })
      await polledSource(db, server.url)
      await rows(db.pool, 'update sources set next_check_at = now()')
      const workers = await startWorkers({ ...options, queue: queue(url) })
      await until('the request', async () => asked)
      const began = performance.now()
      await workers.stop(100)
      t.ok(performance.now() - began < 5_000)
      t.match(await runsOf(db), [{ state: 'failed', outcome: 'aborted' }])
      t.match(await sourceRow(db), { claimed_until: null })
    },
  )
}

for (const { name, skip, queue } of backends) {
  t.test(
    `with ${name}, a run that somebody asks for is done, also one whose worker was killed`,
    { skip },
    async (t) => {
      const { db, url, server, options } = await setting(t, (response) => send(response, rss(['a', 'b'])))
      await polledSource(db, server.url)
      await rows(db.pool, `update sources set state = 'paused', next_check_at = null`)
      const admin = await administrator(db)
      const ask = () => askProbe(db, admin, 'polled', { key: undefined, now: new Date() })
      const killed = await ask()
      await rows(
        db.pool,
        `update runs set state = 'running', attempts = 1, claimed_until = now() - interval '1 second'`,
      )
      const asked = await ask()
      const workers = await startWorkers({ ...options, queue: queue(url), runsEveryMs: 200 })
      t.teardown(() => workers.stop())
      await until('both are done', async () => (await runsOf(db)).every(({ state }) => state === 'succeeded'))
      t.match(await runsOf(db), [
        { reference: asked.reference, kind: 'probe', outcome: 'probed', seen: 2 },
        { reference: killed.reference, kind: 'probe', outcome: 'probed', seen: 2 },
      ])
      t.match(await sourceRow(db), { state: 'paused', polls: 0, opinion: { verdict: 'agrees' } })
    },
  )
}

t.test('a Redis that does not answer stops the start with a reason', async (t) => {
  const { db, options } = await setting(t, () => undefined)
  const start = startWorkers({ ...options, queue: { kind: 'redis', url: 'redis://127.0.0.1:9' } })
  await t.rejects(start, { message: /Redis does not answer/ })
  await rows(db.pool, 'select 1')
})

for (const { name, skip, queue } of backends) {
  t.test(
    `with ${name}, a job that a killed process holds is forgotten by who works alone`,
    { skip },
    async (t) => {
      const { db, url, options } = await setting(t, () => undefined)
      const never = Promise.withResolvers<void>()
      const held = Promise.withResolvers<void>()
      const killed = await openQueues(db, queue(url), options.log)
      killed.work({
        jobs: {
          ...noJobs,
          'poll-source': () => {
            held.resolve()
            return never.promise
          },
        },
        ticks: noTicks,
        concurrency: 1,
      })
      await killed.addJob('poll-source', { sourceId: 1_000_003 })
      await held.promise

      const next = await openQueues(db, queue(url), options.log)
      t.teardown(async () => {
        never.resolve()
        for (const one of [next, killed]) await one.finish()
        for (const one of [next, killed]) await one.close()
      })
      await next.forget()
      const done = Promise.withResolvers<number>()
      const work = async ({ sourceId }: { sourceId: number }) => done.resolve(sourceId)
      next.work({
        jobs: { ...noJobs, 'poll-source': work },
        ticks: noTicks,
        concurrency: 1,
      })
      await next.addJob('poll-source', { sourceId: 1_000_003 })
      t.equal(await done.promise, 1_000_003)
    },
  )
}

t.test('alone on its store, a start frees what a killed process had claimed, runs too', async (t) => {
  const { db, url, server, options } = await setting(t, (response) => send(response, rss(['a'])))
  await polledSource(db, server.url)
  await rows(
    db.pool,
    `update sources set next_check_at = now() + interval '1 hour', claimed_until = now() + interval '1 hour'`,
  )
  await askProbe(db, await administrator(db), 'polled', { key: undefined, now: new Date() })
  await rows(
    db.pool,
    `update runs set state = 'running', attempts = 1, claimed_until = now() + interval '1 hour'`,
  )
  const queue = { kind: 'postgres', url, max: 3 } as const
  const workers = await startWorkers({ ...options, queue, runsEveryMs: 200, alone: true })
  t.teardown(() => workers.stop())
  await until('the case', async () => (await caseCount(db)) === 1)
  await until('the run', async () =>
    (await runsOf(db)).some(({ kind, state }) => kind === 'probe' && state === 'succeeded'),
  )
})

async function setting(t: Test, answer: (response: Parameters<typeof send>[0]) => void) {
  const db = await ingestStore(t)
  const server = await serve(t, (_, response) => answer(response))
  const lines: Line[] = []
  const options: Omit<WorkersOptions, 'queue'> = {
    db,
    log: logTo(lines),
    userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)',
    allowPrivate: [server.authority],
    gapMs: 0,
    pollEveryMs: 200,
    pollsAtOnce: 2,
  }
  const [at] = await rows<{ url: string }>(db.pool, 'select current_database() as url')
  return { db, url: urlOf(at?.url ?? ''), server, options, lines }
}

function urlOf(database: string): string {
  const url = new URL(process.env.CARE_TEST_SERVER ?? '')
  url.pathname = `/${database}`
  return url.href
}
