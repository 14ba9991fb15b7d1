import t, { type Test } from 'tap'
import { cancelRun, takeUpRun, waitingRuns } from '../../domain/asked-runs.ts'
import type { ClientCaller } from '../../domain/callers.ts'
import { askProbe } from '../../domain/probes.ts'
import { forgetSomeOldRuns, type RunRow } from '../../domain/runs.ts'
import { rows } from '../../prisma/client.ts'
import { doRun } from '../../workers/do-run.ts'
import { keepHouse } from '../../workers/housekeeping.ts'
import { takeUpRuns } from '../../workers/take-up-runs.ts'
import { administrator, NOW } from '../domain/ingest-store.ts'
import { polledSource, pollSetting, rss, runsOf, send, sourceRow } from './poll-setting.ts'
import { done, keyOf } from './run-setting.ts'

t.test('a run is done once, however many workers take it up', async (t) => {
  const { context, ask, lines, asked } = await setting(t)
  const run = await ask()
  const id = await keyOf(context.db, run.reference)
  await Promise.all([doRun(context, id), doRun(context, id), doRun(context, id)])
  t.match(await runsOf(context.db), [{ reference: run.reference, state: 'succeeded', outcome: 'probed' }])
  t.equal(asked(), 1)
  t.match(lines, [{ level: 'info', message: 'did a run', kind: 'probe', run: run.reference, seen: 1 }])
  await doRun(context, id)
  t.equal(asked(), 1, 'what has ended is not done again')
})

t.test('runs that wait are taken up, the oldest first, and no others', async (t) => {
  const { context, ask, clock } = await setting(t)
  const ids = []
  for (const run of [await ask(), await ask(), await ask()]) ids.push(await keyOf(context.db, run.reference))
  await takeUpRun(context.db, ids[0] as number, clock.now(), 1_000)
  t.same(await added(context), ids.slice(1))
  clock.pass(1_000)
  t.same(await added(context), ids, 'nor one whose worker is heard of no more')
})

t.test('a run whose worker is killed again and again ends as interrupted', async (t) => {
  const { context, ask, clock } = await setting(t)
  const run = await ask()
  const id = await keyOf(context.db, run.reference)
  for (let time = 1; time <= 3; time++) {
    t.ok(await takeUpRun(context.db, id, clock.now(), 1_000))
    clock.pass(1_000)
  }
  t.match(await done(context, run), { state: 'failed', outcome: 'interrupted', detail: /3 times/ })
  t.same(await waitingRuns(context.db, clock.now(), 10), [])
})

t.test('an error that nobody foresaw ends the run, and the log has it', async (t) => {
  const { context, ask, lines } = await setting(t)
  const run = await ask()
  const fetchDocument = () => Promise.reject(new Error('unforeseen'))
  const broken = { ...context, fetcher: { ...context.fetcher, fetchDocument } }
  t.match(await done(broken, run), { state: 'failed', outcome: 'error', detail: /the log has it/ })
  t.match(lines, [
    { level: 'warn', err: { message: 'unforeseen' }, run: run.reference },
    { level: 'warn', message: 'a run failed' },
  ])
})

t.test('a worker that has to stop leaves its run to the next, as often as that happens', async (t) => {
  const { context, ask, server } = await setting(t)
  const run = await ask()
  for (let time = 1; time <= 5; time++) {
    const stop = new AbortController()
    server.onRequest = () => stop.abort()
    t.match(await done({ ...context, signal: stop.signal }, run), { state: 'running' })
  }
  server.onRequest = () => undefined
  t.match(await done(context, run), { state: 'succeeded' })
})

t.test('a run that is cancelled while it is done stays cancelled, and what it saw is not kept', async (t) => {
  const { context, ask, admin, server, clock } = await setting(t)
  const run = await ask()
  server.onRequest = async () => {
    await cancelRun(context.db, admin, 'polled', run.reference, clock.now())
  }
  t.match(await done(context, run), { state: 'cancelled', outcome: 'cancelled' })
  t.match(await sourceRow(context.db), { opinion: null })
})

t.test(
  'polls that found nothing are forgotten after two days, other runs after 90, and none that is the last',
  async (t) => {
    const { context, ask, clock } = await setting(t)
    const { db } = context
    const run = await done(context, await ask())
    const results = `insert into run_results (run_id, number, outcome, fields) select id, 1, 'created', '{}' from runs`
    await rows(db.pool, results)
    const at = (days: number) => new Date(clock.now().getTime() - days * 86_400_000)
    const [other] = [await polledSource(db, 'https://other.example/', { name: 'other' })]
    const [mine] = await rows<{ id: number }>(db.pool, `select id from sources where name = 'polled'`)
    for (const [source, outcome, days] of [
      [mine?.id, 'unchanged', 3],
      [mine?.id, 'not-modified', 3],
      [mine?.id, 'unchanged', 1],
      [mine?.id, 'changed', 89],
      [mine?.id, 'failed', 91],
      [mine?.id, 'changed', 3],
      [other, 'unchanged', 200],
    ])
      await rows(
        db.pool,
        `insert into runs (reference, source_id, kind, state, outcome, started_at, finished_at)
       values (gen_random_uuid(), $1, 'poll', 'succeeded', $2, $3, $3)`,
        [source, outcome, at(Number(days))],
      )
    await rows(db.pool, 'update runs set finished_at = $2 where reference = $1', [run.reference, at(91)])
    await keepHouse(context)
    t.same(
      (await runsOf(db)).map(({ outcome }) => outcome),
      ['changed', 'changed', 'unchanged'],
    )
    t.equal((await runsOf(db, 'other')).length, 1, 'the last one of a source stays')
    t.same(await rows(db.pool, 'select 1 from run_results'), [])
    t.equal(await forgetSomeOldRuns(db, clock.now()), 0)
  },
)

async function added(context: Awaited<ReturnType<typeof setting>>['context']): Promise<number[]> {
  const ids: number[] = []
  await takeUpRuns(context, async (_, job) => {
    if ('runId' in job) ids.push(job.runId)
  })
  return ids
}

async function setting(t: Test) {
  const server: { onRequest: () => Promise<void> | void } = { onRequest: () => undefined }
  let requests = 0
  const {
    db,
    context,
    clock,
    lines,
    server: at,
  } = await pollSetting(t, async (_, response) => {
    requests++
    await server.onRequest()
    send(response, rss(['a']))
  })
  await polledSource(db, at.url)
  const admin: ClientCaller = await administrator(db)
  const ask = (): Promise<RunRow> => askProbe(db, admin, 'polled', { key: undefined, now: NOW })
  return { context, clock, lines, server, admin, ask, asked: () => requests }
}
