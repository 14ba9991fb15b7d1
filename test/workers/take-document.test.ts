import t, { type Test } from 'tap'
import type { BatchedReading } from '../../connectors/reader.ts'
import { cancelRun } from '../../domain/asked-runs.ts'
import { pushDocument } from '../../domain/push-document.ts'
import { listRunResults } from '../../domain/run-results.ts'
import type { RunRow } from '../../domain/runs.ts'
import { getSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import type { Context } from '../../workers/context.ts'
import { doRun } from '../../workers/do-run.ts'
import { administrator, NOW, pushSource, storedCases } from '../domain/ingest-store.ts'
import { caseCount, pollSetting, rss } from './poll-setting.ts'
import { done, keyOf } from './run-setting.ts'

const SETTINGS = { organisation: { scheme: 'ods', code: 'RX1' } } as const

t.test('a document is taken, each entry has its result, and the document is forgotten', async (t) => {
  const { db, context, send, detail, results } = await setting(t)
  const body = rss(['a', 'b']).replace('</channel>', '<item><title>c</title></item></channel>')
  const run = await done(context, await send(body))
  t.match(run, { state: 'succeeded', outcome: 'taken', total: 3, seen: 3, pages: 1, finishedAt: String })
  t.match(await results(run), [
    { number: 1, externalId: 'a', outcome: 'created', caseReference: String },
    { number: 2, externalId: 'b', outcome: 'created', caseReference: String },
    { number: 3 },
  ])
  t.match(await storedCases(db), { a: { moderatedText: /Words of a/ }, b: {} })
  t.same(await rows(db.pool, 'select 1 from run_documents'), [])
  t.same(await rows(db.pool, 'select distinct read_by as "readBy" from items'), [{ readBy: 'feed' }])
  const at = NOW.toISOString()
  t.match(await detail(), { lastSuccessAt: at, lastChangedAt: at })
})

t.test('the same document again changes nothing, and an empty one is a success too', async (t) => {
  const { context, send, clock, detail, results } = await setting(t)
  await done(context, await send(rss(['a'])))
  clock.pass(60_000)
  const again = await done(context, await send(rss(['a'])))
  t.match(again, { state: 'succeeded', unchanged: 1, created: 0 })
  t.match(await results(again), [{ outcome: 'unchanged' }])
  t.match(await detail(), { lastSuccessAt: clock.now().toISOString(), lastChangedAt: NOW.toISOString() })
  clock.pass(60_000)
  t.match(await done(context, await send(rss([]))), { state: 'succeeded', total: 0, seen: 0 })
  t.match(await detail(), { lastSuccessAt: clock.now().toISOString() })
})

t.test(
  'a document is read by the source’s own connector, and its links from the source’s site',
  async (t) => {
    const { db, context, send } = await setting(t, { siteUrl: 'https://site.example/stories/' })
    await done(context, await send(rss(['a']).replace('https://stories.example/a', 'one/a')))
    const [row] = await rows<{ link: string }>(db.pool, 'select source_link as link from cases')
    t.match(row?.link, 'https://site.example/stories/one/a')
  },
)

t.test('a document that cannot be read is a failed run with its reason, and is forgotten', async (t) => {
  const { db, context, send, detail } = await setting(t)
  const run = await done(context, await send('<!doctype html><html><body>Hello</body></html>'))
  t.match(run, { state: 'failed', outcome: 'not-a-feed', detail: /HTML/ })
  t.same(await rows(db.pool, 'select 1 from run_documents'), [])
  t.match(await detail(), { lastSuccessAt: null })
})

t.test('a document that was cut is taken as far as it goes', async (t) => {
  const { db, context, send } = await setting(t)
  const run = await done(context, await send(rss(['a', 'b'], { end: '<item><guid>c' })))
  t.match(run, { state: 'succeeded', outcome: 'cut', created: 2 })
  t.equal(await caseCount(db), 2)
})

t.test(
  'a run that was killed goes on behind its last batch, and tells the same as one that was not',
  async (t) => {
    const ids = Array.from({ length: 1_200 }, (_, n) => `s${n}`)
    const whole = await setting(t)
    const calm = await done(whole.context, await whole.send(rss(ids)))

    const { db, context, send, clock, results } = await setting(t)
    const run = await send(rss(ids))
    const stuck = stuckAfter(2, context)
    const killed = doRun(stuck.context, await keyOf(db, run.reference))
    await stuck.reached
    t.equal(await caseCount(db), 1_000)
    clock.pass(context.settings.leaseMs + 1)
    const ended = await done(context, run)
    t.match(ended, { state: 'succeeded', total: 1_200, seen: 1_200, created: 1_200, unchanged: 0 })
    t.same(countsOf(ended), countsOf(calm))
    const [mine, others] = [await results(ended), await whole.results(calm)]
    const told = (all: typeof mine) =>
      all.map(({ number, externalId, outcome }) => [number, externalId, outcome])
    t.same(told(mine), told(others))

    // The one that was thought dead wakes up, and finds that the run is not its own any more.
    stuck.wakeUp()
    await killed
    t.equal(await caseCount(db), 1_200)
    t.same(countsOf(await done(context, run)), countsOf(calm))
  },
)

t.test('a run that is cancelled in the middle keeps what it has taken, and stops', async (t) => {
  const { db, context, send, clock, admin } = await setting(t)
  const run = await send(rss(Array.from({ length: 1_200 }, (_, n) => `s${n}`)))
  const stuck = stuckAfter(1, context)
  const doing = doRun(stuck.context, await keyOf(db, run.reference))
  await stuck.reached
  await cancelRun(db, admin, 'invented', run.reference, clock.now())
  stuck.wakeUp()
  await doing
  t.match(await done(context, run), { state: 'cancelled', seen: 500, total: 1_200 })
  t.equal(await caseCount(db), 500)
  t.same(await rows(db.pool, 'select 1 from run_documents'), [])
})

/** A context whose reader gives so many batches, and the next when it is woken up. */
function stuckAfter(most: number, context: Context) {
  const reached = Promise.withResolvers<void>()
  const awake = Promise.withResolvers<void>()
  const read: Context['reader']['read'] = async (...asked) => {
    const reading = await context.reader.read(...asked)
    if ('failure' in reading) return reading
    async function* batches() {
      let given = 0
      for await (const batch of (reading as BatchedReading).batches()) {
        if (given++ === most) {
          reached.resolve()
          await awake.promise
        }
        yield batch
      }
    }
    return { ...reading, batches }
  }
  return {
    context: { ...context, reader: { ...context.reader, read } },
    reached: reached.promise,
    wakeUp: awake.resolve,
  }
}

function countsOf({ seen, created, changed, unchanged, quarantined, pages, total, outcome }: RunRow) {
  return { seen, created, changed, unchanged, quarantined, pages, total, outcome }
}

async function setting(t: Test, source: Parameters<typeof pushSource>[1] = {}) {
  const { db, context, clock } = await pollSetting(t, (_, response) => response.end())
  await pushSource(db, { settings: SETTINGS, ...source })
  const admin = await administrator(db)
  const send = (body: string): Promise<RunRow> => {
    const document = { bytes: Buffer.from(body), contentType: 'application/rss+xml' }
    return pushDocument(db, admin, 'invented', document, { key: undefined, now: clock.now() })
  }
  const results = async ({ reference }: RunRow) =>
    (await listRunResults(db, admin, { name: 'invented', run: reference }, { limit: 2_000 })).items
  const detail = () => getSource(db, admin, 'invented')
  return { db, context, clock, admin, send, results, detail }
}
