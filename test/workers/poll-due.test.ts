import t from 'tap'
import { startRun } from '../../domain/runs.ts'
import { claimDueSources, freeAllClaims } from '../../domain/source-claims.ts'
import { rows } from '../../prisma/client.ts'
import { keepHouse } from '../../workers/housekeeping.ts'
import { pollDue } from '../../workers/poll-due.ts'
import { ingestStore, NOW, pushSource, storedCases, story, take } from '../domain/ingest-store.ts'
import { polledSource, pollSetting, runsOf, sourceRow } from './poll-setting.ts'

const options = { limit: 100, perHost: 100, most: 1_000, leaseMs: 300_000 }

t.test('two ticks at once claim each due source once, the longest due first', async (t) => {
  const db = await ingestStore(t)
  const ids: number[] = []
  for (let n = 0; n < 10; n++)
    ids.push(await polledSource(db, `https://host${n}.example/`, { name: `s${n}` }))
  await rows(
    db.pool,
    `update sources set next_check_at = next_check_at - interval '1 hour' where name = 's7'`,
  )
  const claims = await Promise.all([1, 2, 3].map(() => claimDueSources(db, NOW, options)))
  t.same(
    claims
      .flat()
      .map(({ id }) => id)
      .sort((a, b) => a - b),
    ids,
  )
  t.equal(claims.find((claim) => claim.length > 0)?.[0]?.id, ids[7])
  t.same(await claimDueSources(db, NOW, options), [])
})

t.test('a host has a few sources claimed at a time, and the others are not kept waiting by it', async (t) => {
  const db = await ingestStore(t)
  for (let n = 0; n < 4; n++) await polledSource(db, `https://busy.example/${n}`, { name: `busy${n}` })
  const other = await polledSource(db, 'https://other.example/', { name: 'other' })
  const first = await claimDueSources(db, NOW, { ...options, perHost: 2 })
  t.equal(first.length, 3)
  t.ok(first.some(({ id }) => id === other))
  t.same(await claimDueSources(db, NOW, { ...options, perHost: 2 }), [])
  await freeAllClaims(db, NOW)
  t.equal((await claimDueSources(db, NOW, { ...options, limit: 1 })).length, 1)
})

t.test('what pushes, is paused or is not due is not claimed', async (t) => {
  const db = await ingestStore(t)
  await pushSource(db)
  await polledSource(db, 'https://a.example/', { name: 'paused' })
  await rows(db.pool, `update sources set state = 'paused' where name = 'paused'`)
  await polledSource(db, 'https://b.example/', { name: 'later' })
  await rows(
    db.pool,
    `update sources set next_check_at = next_check_at + interval '1 second' where name = 'later'`,
  )
  t.same(await claimDueSources(db, NOW, options), [])
})

t.test('a new source is looked at, a known one is polled', async (t) => {
  const { db, context } = await pollSetting(t, () => undefined)
  const fresh = await polledSource(db, 'https://a.example/', { name: 'fresh', probing: true })
  const known = await polledSource(db, 'https://b.example/', { name: 'known' })
  const added: [string, number][] = []
  await pollDue(context, async (name, job) => {
    if ('sourceId' in job) added.push([name, job.sourceId])
  })
  t.same(added.sort(), [
    ['poll-source', known],
    ['probe-source', fresh],
  ])
})

t.test('what cannot be queued is due again at the next tick', async (t) => {
  const { db, context, clock } = await pollSetting(t, () => undefined)
  const source = await polledSource(db, 'https://a.example/')
  const down = async () => Promise.reject(new Error('the queue is away'))
  await t.rejects(pollDue(context, down), { message: 'the queue is away' })
  t.match(await claimDueSources(db, clock.now(), options), [{ id: source }])
})

t.test('housekeeping closes what a killed process left open and removes what is too old', async (t) => {
  const { db, context, lines } = await pollSetting(t, () => undefined)
  const aged = await pushSource(db, { name: 'aged', maxAgeDays: 10 })
  await take(db, aged, [story('old', { publishedAt: '2026-11-13T00:00:00.000Z' })])
  await rows(db.pool, `update sources set max_age_days = 5 where name = 'aged'`)
  const source = await polledSource(db, 'https://a.example/')
  await startRun(db.pool, { sourceId: source, kind: 'poll', clientId: null, now: NOW })
  await keepHouse(context)
  t.match(await runsOf(db), [{ state: 'failed', outcome: 'interrupted' }])
  t.match(await storedCases(db), { old: { publication: 'removed' } })
  t.match(lines, [{ polls: 1, items: 1, message: 'kept house' }])
  await keepHouse(context)
  t.equal(lines.length, 1)
  t.match(await sourceRow(db), { claimed_until: null })
})
