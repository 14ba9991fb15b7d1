import t from 'tap'
import { claimDueSources } from '../../domain/source-claims.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { pollDue } from '../../workers/poll-due.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { startWorkers } from '../../workers/start.ts'
import { ingestStore, NOW } from '../domain/ingest-store.ts'
import { serve } from '../net/servers.ts'
import {
  caseCount,
  type Line,
  logTo,
  polledSource,
  pollSetting,
  rss,
  runsOf,
  send,
  sourceRow,
  until,
} from './poll-setting.ts'

const claims = { limit: 100, perHost: 2, most: 1_000, leaseMs: 300_000 }

t.test(
  'a host that hangs holds few of the places, and the sources of others are polled meanwhile',
  async (t) => {
    const db = await ingestStore(t)
    let hanging = 0
    const slow = await serve(t, () => {
      hanging++
    })
    const quick = await Promise.all(
      [1, 2, 3, 4, 5, 6].map(() =>
        serve(t, (request, response) => send(response, rss([`of-${request.headers.host}`]))),
      ),
    )
    for (let n = 0; n < 6; n++) await polledSource(db, `${slow.url}/${n}`, { name: `slow${n}` })
    for (const [n, { url }] of quick.entries()) await polledSource(db, url, { name: `quick${n}` })
    await rows(
      db.pool,
      `update sources set next_check_at = now() - interval '1 hour' where name like 'slow%'`,
    )
    const lines: Line[] = []
    const workers = await startWorkers({
      db,
      queue: { kind: 'postgres', url: String(db.pool.options.connectionString), max: 3 },
      log: logTo(lines),
      userAgent: 'CareConnectTest/1.0 (+https://care-connect.example/)',
      allowPrivate: [slow, ...quick].map(({ authority }) => authority),
      gapMs: 0,
      pollEveryMs: 100,
      pollsAtOnce: 4,
    })
    t.teardown(() => workers.stop(0))
    await until('all others were polled', async () => (await caseCount(db)) === 6)
    t.ok(hanging > 0 && hanging <= 2)
    const [held] = await rows<{ n: number }>(
      db.pool,
      `select count(*) as n from sources where name like 'slow%' and claimed_until is not null`,
    )
    t.equal(held?.n, 2)
  },
)

t.test('however many sources of one host are due, those of others are claimed too', async (t) => {
  const db = await ingestStore(t)
  await polledSource(db, 'https://crowded.example/0', { name: 'crowded' })
  await rows(
    db.pool,
    `insert into sources (name, title, connector, address_sealed, host, state, organisation_scheme, next_check_at)
     select 'crowded-' || n, title, connector, address_sealed, host, state, name, next_check_at - interval '1 hour'
     from sources cross join generate_series(1, 1500) n where name = 'crowded'`,
  )
  const other = await polledSource(db, 'https://other.example/', { name: 'other' })
  const claimed = await claimDueSources(db, NOW, claims)
  t.equal(claimed.length, 3)
  t.equal(claimed.at(-1)?.id, other)
})

t.test(
  'while as many are due as are claimed at one go, it is claimed again, up to what may be claimed in all',
  async (t) => {
    const { db, context } = await pollSetting(t, () => undefined, {
      claimLimit: 2,
      claimsInARow: 3,
      claimedAtMost: 9,
    })
    for (let n = 0; n < 12; n++) await polledSource(db, `https://host${n}.example/`, { name: `s${n}` })
    const added: string[] = []
    const tick = async () => {
      await pollDue(context, async (name) => void added.push(name))
      return added.splice(0).length
    }
    t.equal(await tick(), 6)
    t.equal(await tick(), 3)
    t.equal(await tick(), 0)
  },
)

t.test(
  'a source that an earlier release has registered belongs to its host after its next poll',
  async (t) => {
    const { db, server, context } = await pollSetting(t, (_, response) => send(response, rss(['a'])))
    const source = await polledSource(db, server.url)
    await forgetHosts(db)
    t.equal((await claimDueSources(db, NOW, claims)).length, 1)
    await pollSource(context, source)
    t.match(await sourceRow(db), { host: server.authority })
    t.match(await runsOf(db), [{ outcome: 'changed' }])
  },
)

async function forgetHosts(db: Db): Promise<void> {
  await rows(db.pool, 'update sources set host = null')
}
