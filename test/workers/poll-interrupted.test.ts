import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { cancelRun } from '../../domain/asked-runs.ts'
import { getRun } from '../../domain/runs.ts'
import { claimDueSources } from '../../domain/source-claims.ts'
import { updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { administrator } from '../domain/ingest-store.ts'
import {
  atom,
  caseCount,
  pageOf,
  polledSource,
  pollSetting,
  rss,
  runsOf,
  send,
  sourceRow,
} from './poll-setting.ts'

const claims = { limit: 10, perHost: 2, most: 100, leaseMs: 300_000 }

t.test(
  'a first import shows how far it has come, and one that is cancelled goes on there when it is due',
  async (t) => {
    const { db, poll, atPage, asked, clock, lines } = await largeImport(t)
    const admin = await administrator(db)
    atPage[3] = async () => {
      const [{ reference } = { reference: '' }] = await runsOf(db)
      t.match(await getRun(db, admin, 'polled', reference), {
        state: 'running',
        pages: 2,
        seen: 20,
        created: 20,
      })
      await cancelRun(db, admin, 'polled', reference, clock.now())
    }
    await poll()
    t.match(await runsOf(db), [{ state: 'cancelled', outcome: 'cancelled', pages: 2, seen: 20 }])
    t.equal(await caseCount(db), 30, 'it ended after the batch it was at')
    t.match(lines.at(-1), { level: 'warn', message: /cancelled/ })
    t.same(await claimDueSources(db, clock.now(), claims), [], 'and rests until it is due')

    clock.pass(15 * 60_000)
    t.equal((await claimDueSources(db, clock.now(), claims)).length, 1)
    await poll()
    t.same(asked, [1, 2, 3, 3, 4, 5])
    t.equal(await caseCount(db), 50)
    t.match(await runsOf(db), [{ state: 'succeeded', created: 20, unchanged: 10 }, { state: 'cancelled' }])
  },
)

t.test('a source that is paused ends its poll, and goes on there when it is active again', async (t) => {
  const { db, poll, atPage, asked, clock, lines } = await largeImport(t)
  const admin = await administrator(db)
  const set = (state: 'active' | 'paused', version: number) =>
    updateSource(db, admin, 'polled', { state }, { version, now: clock.now() })
  atPage[3] = () => set('paused', 2)
  await poll()
  t.match(await runsOf(db), [
    { state: 'cancelled', outcome: 'cancelled', detail: 'Its source was paused.', pages: 3, created: 30 },
  ])
  t.match(await sourceRow(db), { claimed_until: null, next_check_at: null, state: 'paused' })
  t.match(lines.at(-1), { level: 'info', message: /paused/ })
  await poll()
  t.equal(asked.length, 3)

  await set('active', 3)
  await poll()
  t.same(asked.slice(3), [3, 4, 5])
  t.equal(await caseCount(db), 50)
})

t.test('the entries of a source with one document are counted before they are taken', async (t) => {
  const ids = Array.from({ length: 600 }, (_, number) => `story-${number}`)
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, rss(ids)))
  const source = await polledSource(db, server.url)
  await pollSource(context, source)
  t.match(await runsOf(db), [{ total: 600, seen: 600, created: 600 }])
})

t.test(
  'a document with too many entries is read on by the next poll, and then it is known to be so long',
  async (t) => {
    const many = Array.from({ length: 5_100 }, (_, number) => `story-${number}`)
    let ids = ['first']
    const { db, server, context, clock } = await pollSetting(t, (_, response) =>
      send(response, rss(ids), { etag: '"e"' }),
    )
    const source = await polledSource(db, server.url)
    const poll = async () => {
      await pollSource(context, source)
      clock.pass(60_000)
      return (await runsOf(db))[0]
    }
    await poll()
    ids = many
    t.match(await poll(), {
      outcome: 'incomplete',
      seen: 5_000,
      created: 5_000,
      detail: /more than 5000 entries/,
    })
    t.match(await poll(), { outcome: 'changed', seen: 5_100, created: 100 })
    t.match(await sourceRow(db), { etag: '"e"' })
    ids = ['last', ...many]
    t.match(await poll(), { outcome: 'changed', seen: 5_101, created: 1 })
  },
)

t.test('a document larger than its source may send is refused, packed or not', async (t) => {
  const body = rss(['a'], { end: `${' '.repeat(3_000)}</channel></rss>` })
  let packed = false
  const { db, server, context } = await pollSetting(t, (_, response) => {
    if (!packed) return send(response, body)
    return response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body))
  })
  const source = await polledSource(db, server.url, { maxDocumentBytes: 3_000 })
  await pollSource(context, source)
  packed = true
  await pollSource(context, source)
  t.match(await runsOf(db), [{ outcome: 'too-large' }, { outcome: 'too-large', created: 0 }])
  await rows(db.pool, 'update sources set max_document_bytes = 4000')
  await pollSource(context, source)
  t.match((await runsOf(db))[0], { outcome: 'changed', created: 1 })
})

/** A provider of five pages, ten stories each; what a test wants to happen while one is asked for. */
async function largeImport(t: Test) {
  const atPage: Record<number, () => Promise<unknown>> = {}
  const asked: number[] = []
  const setting = await pollSetting(t, async (request, response) => {
    const page = pageOf(request)
    asked.push(page)
    const happens = atPage[page]
    delete atPage[page]
    await happens?.()
    const ids = Array.from({ length: 10 }, (_, number) => `${page}-${number}`)
    send(response, atom(ids, page < 5 ? `?page=${page + 1}` : null))
  })
  const source = await polledSource(setting.db, setting.server.url)
  return { ...setting, atPage, asked, poll: () => pollSource(setting.context, source) }
}
