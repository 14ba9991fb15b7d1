import t from 'tap'
import type { Entry } from '../../domain/items.ts'
import { pushItems } from '../../domain/push-items.ts'
import { listRuns } from '../../domain/runs.ts'
import { createSource, getSource, listSources, updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import {
  administrator,
  client,
  ingestStore,
  NOW,
  pushSource,
  reply,
  storedCases,
  story,
} from './ingest-store.ts'

const polled = {
  name: 'polled',
  title: 'Polled (invented)',
  connector: 'feed',
  address: 'https://user.example/feed.rss?apikey=SECRET#top',
}

t.test('a source with a connector is probed first, one without takes pushes at once', async (t) => {
  const db = await ingestStore(t)
  const admin = await administrator(db)
  const source = await createSource(db, admin, polled, { key: undefined, now: NOW })
  t.match(source, {
    state: 'probing',
    trusted: false,
    nextCheckAt: NOW.toISOString(),
    address: 'https://user.example/feed.rss',
    organisationScheme: 'polled',
    intervalMinutes: 15,
    version: 1,
  })
  t.match(await createSource(db, admin, { name: 'pushed', title: 'Pushed' }, { key: undefined, now: NOW }), {
    state: 'active',
    nextCheckAt: null,
    address: null,
  })
  const [row] = await rows<{ row: object }>(
    db.pool,
    `select to_jsonb(s) as row from sources s where name = 'polled'`,
  )
  t.notMatch(JSON.stringify(row), /SECRET/)
  const events = await rows(db.pool, 'select type, client_id as client from events order by id')
  t.same(events, [
    { type: 'source.created', client: admin.clientId },
    { type: 'source.created', client: admin.clientId },
  ])
})

t.test('a name is taken once, a repeat with the same key is the same registration', async (t) => {
  const db = await ingestStore(t)
  const admin = await administrator(db)
  const first = await createSource(db, admin, polled, { key: 'k', now: NOW })
  t.same(await createSource(db, admin, polled, { key: 'k', now: NOW }), first)
  await t.rejects(createSource(db, admin, polled, { key: undefined, now: NOW }), { code: 'name_taken' })
  await t.rejects(createSource(db, admin, { ...polled, title: 'Other' }, { key: 'k', now: NOW }), {
    code: 'idempotency_key_reused',
  })
  const { address: _, ...nowhere } = polled
  await t.rejects(createSource(db, admin, { ...nowhere, name: 'n' }, { key: undefined, now: NOW }), {
    code: 'validation_failed',
    details: { errors: [{ pointer: '/address' }] },
  })
  const settings = { organisation: { scheme: 'ods', code: 'ZZ9' } } as const
  await t.rejects(
    createSource(db, admin, { name: 'n', title: 'N', settings }, { key: undefined, now: NOW }),
    {
      code: 'validation_failed',
      details: { errors: [{ pointer: '/settings/organisation/code', code: 'unknown_organisation' }] },
    },
  )
})

t.test('a change needs the version, names its fields, and leaves what it does not name', async (t) => {
  const db = await ingestStore(t)
  const admin = await administrator(db)
  await createSource(db, admin, { ...polled, licence: 'Open', maxAgeDays: 730 }, { key: undefined, now: NOW })
  const changed = await updateSource(
    db,
    admin,
    'polled',
    { trusted: true, licence: null },
    { version: 1, now: NOW },
  )
  t.match(changed, { trusted: true, licence: null, maxAgeDays: 730, version: 2, state: 'probing' })
  await t.rejects(updateSource(db, admin, 'polled', { trusted: false }, { version: 1, now: NOW }), {
    code: 'version_stale',
    details: { currentVersion: 2 },
  })
  const [event] = await rows(db.pool, `select fields from events where type = 'source.changed'`)
  t.same(event, { fields: ['trusted', 'licence'] })
})

t.test('paused, active again and readdressed: what nobody has looked at is looked at first', async (t) => {
  const db = await ingestStore(t)
  const admin = await administrator(db)
  await createSource(db, admin, polled, { key: undefined, now: NOW })
  const change = async (what: Parameters<typeof updateSource>[3], version: number) => {
    const { state, nextCheckAt } = await updateSource(db, admin, 'polled', what, { version, now: NOW })
    return [state, nextCheckAt]
  }
  t.same(await change({ state: 'paused' }, 1), ['paused', null])
  t.same(await change({ address: 'https://new.example/' }, 2), ['paused', null])
  t.same(await change({ state: 'active' }, 3), ['probing', NOW.toISOString()])
  await rows(
    db.pool,
    `update sources set state = 'active', opinion = '{"verdict":"none"}', etag = '"x"', next_check_at = now()`,
  )
  t.equal((await change({ title: 'Other' }, 4))[0], 'active')
  t.same(await change({ settings: { organisation: { scheme: 'ods', code: 'G1' } } }, 5), [
    'active',
    NOW.toISOString(),
  ])
  t.same(await rows(db.pool, 'select etag, organisation_id as id from sources'), [{ etag: null, id: 3 }])
  t.same(await change({ address: 'https://newer.example/' }, 6), ['probing', NOW.toISOString()])
  await createSource(db, admin, { name: 'pushed', title: 'Pushed' }, { key: undefined, now: NOW })
  await t.rejects(
    updateSource(db, admin, 'pushed', { address: 'https://new.example/' }, { version: 1, now: NOW }),
    { code: 'validation_failed' },
  )
})

t.test('an administrator sees all sources by name, a feedback provider its own', async (t) => {
  const db = await ingestStore(t)
  const admin = await administrator(db)
  for (const name of ['c', 'a', 'b']) await pushSource(db, { name })
  const [b] = await rows<{ id: number }>(db.pool, `select id from sources where name = 'b'`)
  const provider = await client(db, { name: 'provider', role: 'feed_provider', sourceId: b?.id ?? 0 })

  const first = await listSources(db, admin, { limit: 2 })
  t.same(
    first.items.map(({ name }) => name),
    ['a', 'b'],
  )
  const second = await listSources(db, admin, { after: first.next ?? '', limit: 2 })
  t.same([second.items.map(({ name }) => name), second.next], [['c'], null])
  t.same(
    (await listSources(db, provider, { limit: 10 })).items.map(({ name }) => name),
    ['b'],
  )
  t.equal((await getSource(db, provider, 'b')).name, 'b')
  await t.rejects(getSource(db, provider, 'a'), { code: 'not_your_source' })
  await t.rejects(getSource(db, provider, 'nobody'), { code: 'not_found' })
  await t.rejects(listRuns(db, provider, 'a', { limit: 10 }), { code: 'not_your_source' })
})

t.test(
  'a push is answered one by one with its run, and a repeat with the same key gets the same answer',
  async (t) => {
    const db = await ingestStore(t)
    const id = await pushSource(db)
    const provider = await client(db, { name: 'provider', role: 'feed_provider', sourceId: id })
    const bad: Entry = {
      raw: '{"type":"story"}',
      problem: '/externalId: missing',
      place: 'items/2',
      externalId: null,
    }
    const push = (key?: string) =>
      pushItems(db, provider, 'invented', [reply('r', 'a'), story('a'), bad], { key, now: NOW })
    const first = await push('k')
    t.match(first.run, {
      kind: 'push',
      state: 'succeeded',
      seen: 3,
      created: 2,
      quarantined: 1,
      source: 'invented',
    })
    const { reference } = (await storedCases(db)).a ?? {}
    t.match(first.items, [
      { externalId: 'r', outcome: 'created', caseReference: reference },
      { externalId: 'a', outcome: 'created', caseReference: reference },
      { externalId: null, outcome: 'quarantined', reason: 'malformed', detail: '/externalId: missing' },
    ])
    t.same(await push('k'), first)
    t.match((await push()).run, { unchanged: 2, quarantined: 1 })

    const runs = await listRuns(db, provider, 'invented', { limit: 1 })
    t.match(runs.items, [{ kind: 'push', unchanged: 2 }])
    t.match(await listRuns(db, provider, 'invented', { limit: 1, after: runs.next ?? '' }), {
      items: [{ reference: first.run?.reference }],
      next: null,
    })
  },
)

t.test('five pushes at once give each case once', async (t) => {
  const db = await ingestStore(t)
  const id = await pushSource(db)
  const provider = await client(db, { name: 'provider', role: 'feed_provider', sourceId: id })
  const batch = Array.from({ length: 20 }, (_, n) => story(`s${n}`))
  const pushed = await Promise.all(
    [1, 2, 3, 4, 5].map((n) => pushItems(db, provider, 'invented', batch, { key: `k${n}`, now: NOW })),
  )
  t.same(pushed.map(({ run }) => run?.created).sort(), [0, 0, 0, 0, 20])
  t.equal(new Set(pushed.flatMap(({ items }) => items.map(({ caseReference }) => caseReference))).size, 20)
})

t.test('who is not the provider of a source, and who pushes to a paused one, is refused', async (t) => {
  const db = await ingestStore(t)
  const id = await pushSource(db)
  await pushSource(db, { name: 'other' })
  const provider = await client(db, { name: 'provider', role: 'feed_provider', sourceId: id })
  const push = (name: string) => pushItems(db, provider, name, [story('a')], { key: undefined, now: NOW })
  await t.rejects(push('other'), { code: 'not_your_source' })
  await t.rejects(push('nobody'), { code: 'not_found' })
  await updateSource(db, await administrator(db), 'invented', { state: 'paused' }, { version: 2, now: NOW })
  await t.rejects(push('invented'), { code: 'source_paused' })
  t.same(await storedCases(db), {})
})
