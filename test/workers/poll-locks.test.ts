import t, { type Test } from 'tap'
import { finishPoll, finishProbe } from '../../domain/poll-ends.ts'
import { closeInterruptedPolls, noCounts } from '../../domain/runs.ts'
import { beginPoll, keepPoll, noCursor, type PollPlan } from '../../domain/source-polls.ts'
import { type Db, inTransaction, rows } from '../../prisma/client.ts'
import { ingestStore, NOW } from '../domain/ingest-store.ts'
import { polledSource, until } from './poll-setting.ts'

const LEASE = 600_000
const end = {
  state: 'succeeded',
  outcome: 'changed',
  detail: null,
  counts: noCounts,
  cursor: noCursor,
  failures: 0,
  failure: null,
  movedTo: null,
  nextCheckAt: NOW,
} as const
const opinion = { verdict: 'agrees' as const, at: NOW.toISOString(), differences: [] }

const kept = { cursor: noCursor, counts: noCounts, total: null, now: NOW, claimedUntil: NOW }
const steps: Record<string, (db: Db, plan: PollPlan) => Promise<boolean>> = {
  'keeping a poll': async (db, plan) => (await keepPoll(db, plan, kept)) !== 'lost',
  'finishing a poll': (db, plan) => finishPoll(db, plan, end, NOW),
  'finishing a probe': (db, plan) => finishProbe(db, plan, { ...end, opinion }, NOW),
}

for (const [name, step] of Object.entries(steps)) {
  t.test(`${name} takes the source before the run, as whoever closes it does`, async (t) => {
    const { db, plan } = await begun(t)
    const waiting = await inTransaction(db, async (tx) => {
      await rows(tx, 'select 1 from sources where id = $1 for no key update', [plan.sourceId])
      const stepping = step(db, plan)
      stepping.catch(() => undefined)
      await until('it waits for the source', () => somebodyWaits(db))
      await closeInterruptedPolls(tx, [plan.sourceId], NOW)
      return { stepping }
    })
    t.equal(await waiting.stepping, false, 'and finds its run closed')
    t.match(await rows(db.pool, 'select outcome from runs'), [{ outcome: 'interrupted' }])
  })
}

t.test('a source has one poll at a time, and pushes beside it', async (t) => {
  const { db, plan } = await begun(t)
  const run = (kind: string) =>
    rows(
      db.pool,
      `insert into runs (reference, source_id, kind, state) values (gen_random_uuid(), $1, $2::run_kind, 'running')`,
      [plan.sourceId, kind],
    )
  await run('push')
  await t.rejects(run('poll'), { code: '23505', constraint: 'runs_one_poll_running' })
})

async function begun(t: Test): Promise<{ db: Db; plan: PollPlan }> {
  const db = await ingestStore(t)
  const source = await polledSource(db, 'https://stories.example/feed')
  return { db, plan: (await beginPoll(db, source, NOW, LEASE)) as PollPlan }
}

async function somebodyWaits(db: Db): Promise<boolean> {
  const waiting = await rows(
    db.pool,
    `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return waiting.length > 0
}
