import t, { type Test } from 'tap'
import { finishPoll, type PollEnd } from '../../domain/poll-ends.ts'
import { noCounts } from '../../domain/runs.ts'
import { beginPoll, noCursor, type PollPlan } from '../../domain/source-polls.ts'
import { openAddress } from '../../domain/source-rows.ts'
import { getSource, type SourceDetail, updateSource } from '../../domain/sources.ts'
import { type Db, inTransaction, rows } from '../../prisma/client.ts'
import { polledSource, until } from '../workers/poll-setting.ts'
import { administrator, ingestStore, NOW } from './ingest-store.ts'

const LATER = new Date(NOW.getTime() + 900_000)
const well: PollEnd = {
  state: 'succeeded',
  outcome: 'unchanged',
  detail: null,
  counts: noCounts,
  cursor: noCursor,
  failures: 0,
  failure: null,
  movedTo: null,
  nextCheckAt: LATER,
}
const failedWith = (reason: string, failures: number): PollEnd => ({
  ...well,
  state: 'failed',
  outcome: reason,
  failures,
  failure: { reason, detail: 'https://stories.example/feed?key: not complete' },
})

t.test('a failing source says since when, and why it failed last; the first answer ends it', async (t) => {
  const { end, detail } = await polled(t)
  await end(failedWith('timeout', 1), NOW)
  t.match(await detail(), {
    failures: 1,
    failingSince: NOW.toISOString(),
    lastFailure: { reason: 'timeout' },
  })
  await end(failedWith('http-status', 2), LATER)
  t.match(await detail(), {
    failures: 2,
    failingSince: NOW.toISOString(),
    lastFailure: { at: LATER.toISOString(), reason: 'http-status', detail: /not complete/ },
    lastSuccessAt: null,
  })
  await end(well, LATER)
  t.match(await detail(), {
    failures: 0,
    failingSince: null,
    lastFailure: { reason: 'http-status' },
    lastSuccessAt: LATER.toISOString(),
    lastChangedAt: null,
  })
  await end({ ...well, counts: { ...noCounts, parked: 1 } }, LATER)
  t.match(await detail(), { lastChangedAt: LATER.toISOString() })
})

t.test('the circuit opens and closes with an event each, and once', async (t) => {
  const { db, end, detail } = await polled(t)
  for (let failures = 1; failures <= 9; failures++) await end(failedWith('timeout', failures), NOW)
  t.match(await detail(), { circuit: 'open', failures: 9 })
  await end(well, LATER)
  t.match(await detail(), { circuit: 'closed' })
  t.same(await circuitEvents(db), ['source.circuit_opened', 'source.circuit_closed'])
})

t.test('a source that is to be read anew begins with a closed circuit', async (t) => {
  const { db, end, change, detail } = await polled(t)
  for (let failures = 1; failures <= 8; failures++) await end(failedWith('timeout', failures), NOW)
  await change({ title: 'Another title (invented)' })
  t.match(await detail(), { circuit: 'open' })
  await change({ address: 'https://stories.example/elsewhere' })
  t.match(await detail(), { circuit: 'closed', failures: 0, failingSince: null })
  t.same(await circuitEvents(db), ['source.circuit_opened', 'source.circuit_closed'])
})

t.test('a source that has moved is asked at its new address, which is sealed like the first', async (t) => {
  const { db, end, detail } = await polled(t)
  const before = await detail()
  const movedTo = 'https://moved.example/feed?key=SECRET'
  const validators = { etag: '"1"', lastModified: null, bodySha256: 'ab' }
  await end({ ...well, movedTo, validators }, NOW)
  t.match(await detail(), {
    address: 'https://moved.example/feed',
    version: before.version + 1,
    state: 'active',
  })
  const [stored] = await rows<{ sealed: string; host: string; etag: string }>(
    db.pool,
    'select address_sealed as sealed, host, etag from sources',
  )
  t.equal(openAddress(db.vault, 'polled', stored?.sealed ?? ''), movedTo)
  t.match(stored, { host: 'moved.example', etag: '"1"' })
  t.notMatch(JSON.stringify(stored), /SECRET/)
  t.match(
    await rows(
      db.pool,
      `select type, fields, client_id from events where type = 'source.changed' order by id desc`,
    ),
    [{ fields: ['address'], client_id: null }],
  )
})

t.test('who changes a source while it is polled has the last word, also in the last moment', async (t) => {
  const { db, begin, change, detail } = await polled(t)
  const plan = await begin(NOW)
  const before = await detail()
  const finishing = await inTransaction(db, async (tx) => {
    await rows(tx, 'select 1 from sources for no key update')
    const finishing = finishPoll(
      db,
      plan,
      { ...failedWith('timeout', 8), movedTo: 'https://moved.example/' },
      LATER,
    )
    finishing.catch(() => undefined)
    await until('it waits for the source', async () => {
      const waiting = await rows(
        db.pool,
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return waiting.length > 0
    })
    await rows(tx, `update sources set title = 'Changed (invented)', version = version + 1`)
    return { finishing }
  })
  t.equal(await finishing.finishing, true)
  t.match(await detail(), {
    title: 'Changed (invented)',
    address: before.address,
    failures: 0,
    nextCheckAt: LATER.toISOString(),
  })
  t.match(await rows(db.pool, 'select state, outcome from runs'), [{ state: 'failed', outcome: 'timeout' }])
  t.same(await circuitEvents(db), [])
  await change({ state: 'paused' })
  t.equal(await beginPoll(db, plan.sourceId, LATER, 1_000), null)
})

async function circuitEvents(db: Db): Promise<string[]> {
  const found = await rows<{ type: string }>(
    db.pool,
    `select type from events where type like 'source.circuit%' order by id`,
  )
  return found.map(({ type }) => type)
}

/** A source to poll, and what a poll and a person do with it. */
async function polled(t: Test) {
  const db = await ingestStore(t)
  const source = await polledSource(db, 'https://stories.example/feed?key=SECRET')
  const admin = await administrator(db)
  const detail = (): Promise<SourceDetail> => getSource(db, admin, 'polled')
  const begin = async (now: Date) => (await beginPoll(db, source, now, 300_000)) as PollPlan
  return {
    db,
    detail,
    begin,
    async end(end: PollEnd, now: Date) {
      t.equal(await finishPoll(db, await begin(now), end, now), true)
    },
    async change(what: Parameters<typeof updateSource>[3]) {
      const { version } = await detail()
      await updateSource(db, admin, 'polled', what, { version, now: NOW })
    },
  }
}
