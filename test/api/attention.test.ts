import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { type Harness, startHarness } from './harness.ts'

type Item = { source: string; kind: string; count: number | null; detail: string; url: string }

async function attention({ call, keys }: Harness, key = keys.administrator): Promise<Item[]> {
  return (await call({ url: '/v1/attention', key })).body.items
}

async function set({ db }: Harness, change: string, source = 'pushed'): Promise<void> {
  await rows(db.pool, `update sources set ${change} where name = $1`, [source])
}

t.test('nothing needs a person while all is well', async (t) => {
  t.same(await attention(await startHarness(t)), [])
})

t.test('a source says what it needs a person for, and nothing any more when that is mended', async (t) => {
  const harness = await startHarness(t)
  const needs: [change: string, mended: string, kind: string][] = [
    ["fresh_minutes = 5, last_success_at = now() - interval '1 hour'", 'fresh_minutes = null', 'stale'],
    ['failures = 9, failing_since = now()', 'failures = 0', 'failing'],
    [
      `flagged = true, opinion = '{"verdict":"differs","at":"2026-11-20T09:00:00Z","differences":["x"]}'`,
      'flagged = false',
      'readers_disagree',
    ],
    ['gone_waiting = 40', 'gone_waiting = null', 'too_much_gone'],
    ['unmapped_terms = 3', 'unmapped_terms = 0', 'unmapped'],
    ['mapping_version = 2', 'normalised_version = 2', 'mapping_not_applied'],
  ]
  for (const [change, mended, kind] of needs) {
    await set(harness, change)
    const [item, ...more] = await attention(harness)
    t.match(item, { source: 'pushed', kind, detail: /\.$/, url: /\/v1\/sources\/pushed/ }, kind)
    t.same(more, [])
    await set(harness, mended)
    t.same(await attention(harness), [], `${kind} is mended`)
  }
})

t.test('a source that fails is not called stale as well, and one that is paused is neither', async (t) => {
  const harness = await startHarness(t)
  await set(harness, "failures = 9, fresh_minutes = 5, created_at = now() - interval '1 hour'")
  t.same(
    (await attention(harness)).map(({ kind }) => kind),
    ['failing'],
  )
  await set(harness, "state = 'paused'")
  t.same(await attention(harness), [])
})

t.test('entries in quarantine are counted, and replies whose story has not come for a week', async (t) => {
  const harness = await startHarness(t)
  const { call, keys, db } = harness
  const items = [
    { type: 'story', externalId: 'lost', organisation: 'ZZ999', text: 'Lost. (Invented.)' },
    { type: 'reply', externalId: 'orphan', inReplyTo: 'never', text: 'Thank you. (Invented.)' },
  ]
  await call({ method: 'POST', url: '/v1/sources/pushed/items', key: keys.feed_provider, body: { items } })
  t.match(await attention(harness), [{ kind: 'quarantined', count: 1, url: /\/quarantine$/ }])
  await rows(db.pool, `update items set first_seen_at = now() - interval '8 days'`)
  t.match(await attention(harness), [
    { kind: 'orphans', count: 1 },
    { kind: 'quarantined', count: 1 },
  ])
})

t.test('a run that failed is told until a later one succeeds', async (t) => {
  const harness = await startHarness(t)
  const run = (reference: string, state: string) =>
    rows(
      harness.db.pool,
      `insert into runs (reference, source_id, kind, state, started_at, finished_at)
       values ($1, (select id from sources where name = 'pushed'), 'redrive', $2::run_state, now(), now())`,
      [reference, state],
    )
  await run('r1', 'failed')
  t.match(await attention(harness), [{ kind: 'run_failed', count: 1 }])
  await run('r2', 'succeeded')
  t.same(await attention(harness), [])
})

t.test('a feedback provider sees its own source only', async (t) => {
  const harness = await startHarness(t)
  await set(harness, 'mapping_version = 2', 'elsewhere')
  t.equal((await attention(harness)).length, 1)
  t.same(await attention(harness, harness.keys.feed_provider), [])
})
