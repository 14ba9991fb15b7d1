import t from 'tap'
import { claimDueSources } from '../../domain/source-claims.ts'
import { updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { administrator, everything, storedCases } from '../domain/ingest-store.ts'
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

const MINUTE = 60_000

t.test('a poll brings stories in, and a second one with the same ETag brings nothing', async (t) => {
  const asked: (string | undefined)[] = []
  const { db, server, context, lines, clock } = await pollSetting(t, (request, response) => {
    asked.push(request.headers['if-none-match'])
    if (request.headers['if-none-match'] === '"one"') return response.writeHead(304).end()
    return send(response, rss(['a', 'b']), { etag: '"one"' })
  })
  const source = await polledSource(db, `${server.url}/stories.rss?apikey=SECRET`)
  await pollSource(context, source)
  t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'changed', pages: 1, seen: 2, created: 2 }])
  t.match(await storedCases(db), { a: { publication: 'published', moderatedText: /Words of a/ }, b: {} })
  const due = new Date(String((await sourceRow(db)).next_check_at)).getTime()
  t.ok(due >= clock.now().getTime() + 13 * MINUTE && due <= clock.now().getTime() + 17 * MINUTE)

  clock.pass(15 * MINUTE)
  await pollSource(context, source)
  t.match((await runsOf(db))[0], { state: 'succeeded', outcome: 'not-modified', seen: 0, pages: 0 })
  t.same(asked, [undefined, '"one"'])
  t.equal(lines.length, 2)
  t.match(lines[0], { level: 'info', message: 'polled', sourceId: source, created: 2 })
  t.notMatch(JSON.stringify(lines), /SECRET|apikey|Words|Story/)
})

t.test('the same body again is not read, until the fiftieth poll', async (t) => {
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, rss(['a'])))
  const source = await polledSource(db, server.url)
  await pollSource(context, source)
  await pollSource(context, source)
  t.match((await runsOf(db))[0], { outcome: 'unchanged', pages: 0, seen: 0 })
  await rows(db.pool, 'update sources set polls = 49')
  await pollSource(context, source)
  t.match((await runsOf(db))[0], { outcome: 'unchanged', pages: 1, seen: 1, unchanged: 1 })
})

t.test(
  'I06 a single page without a next link ends well, and so does a 404 of a provider that means nothing new by it',
  async (t) => {
    const asked: string[] = []
    const { db, server, context, clock } = await pollSetting(t, (request, response) => {
      asked.push(request.url ?? '')
      return response
        .writeHead(404, { 'content-type': 'text/html' })
        .end('<html><body>Not found</body></html>')
    })
    const source = await polledSource(db, `${server.url}/organisations/hospitals?apikey=K`, {
      connector: 'nhs-choices',
      settings: {},
    })
    await pollSource(context, source)
    t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'unchanged', seen: 0 }])
    clock.pass(15 * MINUTE)
    await pollSource(context, source)
    t.same(asked, [
      '/organisations/hospitals/comments.atom?apikey=K',
      '/organisations/hospitals/commentssince/2026/11/15.atom?apikey=K',
    ])
  },
)

t.test('all pages are read, also the last one', async (t) => {
  const { db, server, context } = await pollSetting(t, (request, response) => {
    const page = pageOf(request)
    return send(response, atom([`p${page}`], page < 3 ? `?page=${page + 1}` : null), { etag: `"${page}"` })
  })
  const source = await polledSource(db, server.url)
  await pollSource(context, source)
  t.match(await runsOf(db), [{ outcome: 'changed', pages: 3, created: 3 }])
  t.equal((await sourceRow(db)).etag, null, 'a later page may change while the first stays the same')
})

t.test('a page that leads back to one that was read ends the walk', async (t) => {
  const { db, server, context } = await pollSetting(t, (request, response) =>
    send(response, atom([`p${pageOf(request)}`], pageOf(request) === 1 ? '?page=2' : '?page=1')),
  )
  const source = await polledSource(db, `${server.url}/?page=1`)
  await pollSource(context, source)
  t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'changed', pages: 2, detail: /read before/ }])
})

t.test('a walk of many pages goes on with the next poll, soon', async (t) => {
  const { db, server, context, clock } = await pollSetting(
    t,
    (request, response) => {
      const page = pageOf(request)
      return send(response, atom([`p${page}`], page < 5 ? `?page=${page + 1}` : null))
    },
    { pages: 2 },
  )
  const source = await polledSource(db, server.url)
  for (const outcome of ['incomplete', 'incomplete', 'changed']) {
    await pollSource(context, source)
    t.equal((await runsOf(db))[0]?.outcome, outcome)
    clock.pass(MINUTE)
  }
  t.equal(await caseCount(db), 5)
  t.match(await sourceRow(db), { failures: 0 })
})

t.test(
  'a document that is cut off is taken as far as it goes, deletes nothing, and is read whole the next time',
  async (t) => {
    let body = rss(['a', 'b', 'c'])
    const { db, server, context } = await pollSetting(t, (_, response) =>
      send(response, body, { etag: '"same"' }),
    )
    const source = await polledSource(db, server.url)
    await pollSource(context, source)
    body = rss(['a', 'd'], { end: '<item><guid>e' })
    await pollSource(context, source)
    t.match((await runsOf(db))[0], { state: 'succeeded', outcome: 'cut', deleted: 0 })
    t.ok((await caseCount(db)) >= 4)
    t.match(await sourceRow(db), { etag: null, body_sha256: null, failures: 0 })
  },
)

t.test(
  'a failure in the middle keeps what was taken, backs off, and the next poll goes on from there',
  async (t) => {
    let broken = true
    const asked: number[] = []
    const { db, server, context, lines } = await pollSetting(t, (request, response) => {
      const page = pageOf(request)
      asked.push(page)
      if (page === 2 && broken) return response.writeHead(500).end()
      return send(response, atom([`p${page}`], page < 3 ? `?page=${page + 1}` : null))
    })
    const source = await polledSource(db, server.url)
    await pollSource(context, source)
    t.match(await runsOf(db), [{ state: 'failed', outcome: 'http-status', created: 1, pages: 1 }])
    t.match(await sourceRow(db), { failures: 1, last_success_at: null })
    t.match(lines, [
      { level: 'info', message: 'polling goes on', pages: 1, seen: 1 },
      { level: 'warn', message: 'poll failed', outcome: 'http-status' },
    ])
    broken = false
    await pollSource(context, source)
    t.same(asked, [1, 2, 2, 3])
    t.match((await runsOf(db))[0], { state: 'succeeded', created: 2 })
    t.match(await sourceRow(db), { failures: 0 })
  },
)

t.test('an address to go on from that stays broken is given up for the first page', async (t) => {
  const asked: number[] = []
  const { db, server, context } = await pollSetting(t, (request, response) => {
    asked.push(pageOf(request))
    if (pageOf(request) === 2) return response.writeHead(410, { 'content-type': 'text/plain' }).end('gone')
    return send(response, atom(['p1'], '?page=2'))
  })
  const source = await polledSource(db, server.url)
  for (let poll = 1; poll <= 4; poll++) await pollSource(context, source)
  t.same(asked, [1, 2, 2, 2, 1, 2])
})

t.test('a server that asks for patience gets it', async (t) => {
  const { db, server, context, clock } = await pollSetting(t, (_, response) =>
    response.writeHead(429, { 'retry-after': '7200' }).end(),
  )
  const source = await polledSource(db, server.url)
  await pollSource(context, source)
  t.match(await runsOf(db), [{ state: 'failed', outcome: 'rate-limited' }])
  const due = new Date(String((await sourceRow(db)).next_check_at)).getTime()
  t.ok(due >= clock.now().getTime() + 7_200_000)
})

t.test('an HTML page instead of a feed fails the poll and removes nothing', async (t) => {
  let body = rss(['a'])
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, body))
  const source = await polledSource(db, server.url)
  await pollSource(context, source)
  body = '<!doctype html><html><body>Maintenance</body></html>'
  await pollSource(context, source)
  t.match((await runsOf(db))[0], { state: 'failed', outcome: 'not-a-feed' })
  t.equal(await caseCount(db), 1)
})

t.test('of two polls of one source at once, one does nothing', async (t) => {
  const asked = Promise.withResolvers<void>()
  const secondIsDone = Promise.withResolvers<void>()
  let requests = 0
  const { db, server, context } = await pollSetting(t, async (_, response) => {
    requests++
    asked.resolve()
    await secondIsDone.promise
    send(response, rss(['a', 'b']))
  })
  const source = await polledSource(db, server.url)
  const first = pollSource(context, source)
  await asked.promise
  await pollSource(context, source)
  secondIsDone.resolve()
  await first
  t.equal(requests, 1)
  t.equal((await runsOf(db)).length, 1)
  t.equal(await caseCount(db), 2)
})

t.test(
  'a poll that is killed in the middle is due again after its lease, and ends with the same cases',
  async (t) => {
    const held = Promise.withResolvers<void>()
    const reached = Promise.withResolvers<void>()
    let hold = true
    const { db, server, context, clock, lines } = await pollSetting(t, async (request, response) => {
      const page = pageOf(request)
      if (page === 2 && hold) {
        hold = false
        reached.resolve()
        await held.promise
      }
      send(response, atom([`p${page}`, 'both'], page < 3 ? `?page=${page + 1}` : null))
    })
    const source = await polledSource(db, server.url)
    const killed = pollSource(context, source)
    await reached.promise

    const options = { limit: 10, perHost: 2, most: 100, leaseMs: context.settings.leaseMs }
    t.same(await claimDueSources(db, clock.now(), options), [], 'its lease still runs')
    await pollSource(context, source)
    t.equal((await runsOf(db)).length, 1)

    clock.pass(context.settings.leaseMs + 1)
    t.match(await claimDueSources(db, clock.now(), options), [{ id: source }])
    await pollSource(context, source)
    t.match(await runsOf(db), [
      { state: 'succeeded', pages: 2 },
      { state: 'failed', outcome: 'interrupted', pages: 1, created: 2 },
    ])
    const whole = await storedCases(db)
    t.equal(Object.keys(whole).length, 4)

    // The one that was thought dead wakes up: it finds its run closed, and changes nothing that matters.
    const before = await everything(db)
    held.resolve()
    await killed
    t.equal(await everything(db), before)
    t.match(lines.at(-1), { level: 'warn', message: /taken over/ })
  },
)

t.test('a poll that is stopped from outside is due again at once', async (t) => {
  const stop = new AbortController()
  const { db, server, context, clock } = await pollSetting(t, () => stop.abort())
  const source = await polledSource(db, server.url)
  await pollSource({ ...context, signal: stop.signal }, source)
  t.match(await runsOf(db), [{ state: 'failed', outcome: 'aborted' }])
  t.equal(new Date(String((await sourceRow(db)).next_check_at)).getTime(), clock.now().getTime())
})

t.test('an error that nobody foresaw closes the run and keeps what was taken', async (t) => {
  const { db, server, context } = await pollSetting(t, (_, response) =>
    send(response, atom(['a'], '?page=2')),
  )
  const source = await polledSource(db, server.url)
  const fetcher = {
    ...context.fetcher,
    fetchDocument: (request: Parameters<typeof context.fetcher.fetchDocument>[0]) => {
      if (request.url.includes('page=2')) throw new Error('unforeseen')
      return context.fetcher.fetchDocument(request)
    },
  }
  await t.rejects(pollSource({ ...context, fetcher }, source), { message: 'unforeseen' })
  t.match(await runsOf(db), [{ state: 'failed', outcome: 'error', created: 1 }])
  t.equal(await caseCount(db), 1)
  t.match(await sourceRow(db), { failures: 1, claimed_until: null })
})

t.test('a source that is changed while it is polled is polled again as it is now', async (t) => {
  const { db, server, context, clock } = await pollSetting(t, async (_, response) => {
    const admin = await administrator(db)
    await updateSource(
      db,
      admin,
      'polled',
      { address: `${server.url}/new` },
      { version: 2, now: clock.now() },
    )
    send(response, rss(['a']), { etag: '"old"' })
  })
  const source = await polledSource(db, `${server.url}/old`)
  await pollSource(context, source)
  t.match(await sourceRow(db), { etag: null, cursor_sealed: null, state: 'probing', claimed_until: null })
  t.equal(new Date(String((await sourceRow(db)).next_check_at)).getTime(), clock.now().getTime())
})

t.test('a paused source is not polled', async (t) => {
  const { db, server, context } = await pollSetting(t, () => t.fail('it was asked'))
  const source = await polledSource(db, server.url)
  await updateSource(
    db,
    await administrator(db),
    'polled',
    { state: 'paused' },
    { version: 2, now: context.now() },
  )
  await pollSource(context, source)
  t.same(await runsOf(db), [])
})
