import { createHash } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import t from 'tap'
import { fetcherFor, type LocalServer, serve, serveRaw, type Teardown } from './servers.ts'

t.test('a document comes with its hash, its validators and what the server said about time', async (t) => {
  const server = await serve(t, (_request, response) =>
    response
      .writeHead(200, {
        'content-type': 'application/atom+xml; charset=utf-8',
        etag: '"v1"',
        'last-modified': 'Fri, 01 Nov 2024 10:00:00 GMT',
        'cache-control': 'public, Max-Age=600',
        expires: 'Fri, 01 Nov 2024 11:00:00 GMT',
        'retry-after': '120',
      })
      .end('<feed/>'),
  )
  const result = await fetcherFor(t, [server]).fetchDocument({ url: `${server.url}/feed?apikey=SECRET` })
  t.match(result, {
    outcome: 'document',
    status: 200,
    url: `${server.url}/feed?apikey=SECRET`,
    contentType: 'application/atom+xml; charset=utf-8',
    etag: '"v1"',
    lastModified: 'Fri, 01 Nov 2024 10:00:00 GMT',
    cacheControl: { maxAge: 600, noCache: false, noStore: false },
    expires: new Date('2024-11-01T11:00:00Z'),
    retryAfterSeconds: 120,
    movedTo: null,
    sha256: createHash('sha256').update('<feed/>').digest('hex'),
    bytes: Buffer.from('<feed/>'),
  })
})

t.test(
  'requests name this service, ask for what can be unpacked and carry the caller’s headers',
  async (t) => {
    const { server, seen } = await recorder(t)
    const fetcher = fetcherFor(t, [server])
    await fetcher.fetchDocument({
      url: server.url,
      headers: { Authorization: 'Bearer key', 'User-Agent': 'other' },
    })
    t.match(seen[0], {
      'user-agent': /^CareConnectTest/,
      'accept-encoding': 'gzip, deflate, br',
      accept: /atom/,
      authorization: 'Bearer key',
    })
    t.notOk(seen[0]?.['if-none-match'])
  },
)

t.test('validators make the fetch conditional, and 304 is not modified', async (t) => {
  const { server, seen } = await recorder(t, 304, { etag: '"v1"', 'cache-control': 'max-age=60' })
  const result = await fetcherFor(t, [server]).fetchDocument({
    url: server.url,
    validators: { etag: '"v1"', lastModified: 'Fri, 01 Nov 2024 10:00:00 GMT' },
  })
  t.match(result, { outcome: 'not-modified', status: 304, etag: '"v1"', cacheControl: { maxAge: 60 } })
  t.match(seen[0], { 'if-none-match': '"v1"', 'if-modified-since': 'Fri, 01 Nov 2024 10:00:00 GMT' })
})

t.test('304 to a fetch without conditions is a failure, for there is nothing to keep', async (t) => {
  const { server } = await recorder(t, 304)
  const result = await fetcherFor(t, [server]).fetchDocument({ url: server.url })
  t.match(result, { outcome: 'failed', reason: 'http-status', status: 304 })
})

t.test('404 and 410 come as documents, for an empty result may look like one', async (t) => {
  for (const status of [404, 410]) {
    const { server } = await recorder(t, status, { 'content-type': 'text/html' }, '<html>Nothing</html>')
    const result = await fetcherFor(t, [server]).fetchDocument({ url: server.url })
    t.match(result, {
      outcome: 'document',
      status,
      contentType: 'text/html',
      bytes: Buffer.from('<html>Nothing</html>'),
    })
  }
})

t.test('429, and 503 with Retry-After, are rate limits; other statuses are failures', async (t) => {
  const now = () => new Date('2024-11-01T10:00:00Z')
  const cases: [number, string | undefined, object][] = [
    [429, '90', { outcome: 'rate-limited', status: 429, retryAfterSeconds: 90 }],
    [429, 'Fri, 01 Nov 2024 10:05:00 GMT', { outcome: 'rate-limited', retryAfterSeconds: 300 }],
    [429, 'Fri, 01 Nov 2024 09:00:00 GMT', { outcome: 'rate-limited', retryAfterSeconds: 0 }],
    [429, undefined, { outcome: 'rate-limited', retryAfterSeconds: null }],
    [503, '30', { outcome: 'rate-limited', status: 503, retryAfterSeconds: 30 }],
    [503, undefined, { outcome: 'failed', reason: 'http-status', status: 503 }],
    [500, '30', { outcome: 'failed', reason: 'http-status', status: 500 }],
    [401, undefined, { outcome: 'failed', reason: 'http-status', status: 401 }],
    [302, undefined, { outcome: 'failed', reason: 'http-status', status: 302 }],
  ]
  for (const [status, retryAfter, expected] of cases) {
    const { server } = await recorder(t, status, retryAfter ? { 'retry-after': retryAfter } : {})
    const result = await fetcherFor(t, [server], { now }).fetchDocument({ url: server.url })
    t.match(result, expected, `${status} ${retryAfter}`)
  }
})

t.test('only permanent redirects all along report the new address', async (t) => {
  const target = await recorder(t, 200, {}, 'here')
  const routes: [number[], boolean][] = [
    [[301], true],
    [[301, 308], true],
    [[302], false],
    [[301, 307], false],
    [[303, 308], false],
  ]
  for (const [statuses, permanent] of routes) {
    const server = await redirects(t, statuses, `${target.server.url}/new?apikey=K`)
    const result = await fetcherFor(t, [server, target.server]).fetchDocument({ url: `${server.url}/0` })
    const url = `${target.server.url}/new?apikey=K`
    t.match(result, { outcome: 'document', url, movedTo: permanent ? url : null }, statuses.join())
  }
})

t.test('headers and validators stay with the origin that they were meant for', async (t) => {
  const other = await recorder(t)
  const { server, seen } = await recorder(t, 302, { location: `${other.server.url}/elsewhere` })
  const request = {
    url: server.url,
    headers: { authorization: 'Bearer key', cookie: 'a=b', 'x-api-key': 'key' },
    validators: { etag: '"v1"', lastModified: null },
  }
  await fetcherFor(t, [server, other.server]).fetchDocument(request)
  t.match(seen[0], { authorization: 'Bearer key', 'x-api-key': 'key', 'if-none-match': '"v1"' })
  for (const name of ['authorization', 'cookie', 'x-api-key', 'if-none-match'])
    t.notOk(other.seen[0]?.[name], name)
  t.ok(other.seen[0]?.['user-agent'])
})

t.test('on the same origin a redirect keeps them', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  const server = await serve(t, (request, response) => {
    seen.push(request.headers)
    if (request.url === '/old') response.writeHead(301, { location: 'new' }).end()
    else response.end('ok')
  })
  await fetcherFor(t, [server]).fetchDocument({
    url: `${server.url}/old`,
    headers: { authorization: 'Bearer key' },
  })
  t.equal(seen[1]?.authorization, 'Bearer key')
})

t.test('five redirects are followed, a sixth or a loop is not', async (t) => {
  const target = await recorder(t)
  const five = await redirects(t, [302, 302, 302, 302, 302], target.server.url)
  const six = await redirects(t, [302, 302, 302, 302, 302, 302], target.server.url)
  const loop = await serve(t, (_request, response) => response.writeHead(302, { location: '/' }).end())
  const nowhere = await serve(t, (_request, response) =>
    response.writeHead(302, { location: 'http://[' }).end(),
  )
  const fetcher = fetcherFor(t, [target.server, five, six, loop, nowhere])
  t.match(await fetcher.fetchDocument({ url: `${five.url}/0` }), { outcome: 'document' })
  for (const { url } of [six, loop, nowhere]) {
    t.match(await fetcher.fetchDocument({ url: `${url}/0` }), { outcome: 'failed', reason: 'redirects' })
  }
})

t.test('no time limit is waited past: headers, a silent body, a dripping body, the whole', async (t) => {
  const open = new Set<NodeJS.Timeout>()
  t.teardown(() => open.forEach(clearInterval))
  const silent = await serve(t, () => {})
  const stops = await serve(t, (_request, response) => void response.write('<feed>'))
  const drips = await serve(t, (_request, response) => {
    open.add(setInterval(() => response.write('x'), 20))
  })
  const endless = await serveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    open.add(setInterval(() => socket.write('X-More: and more\r\n'), 20))
  })
  const limits = { headersMs: 150, idleMs: 150, totalMs: 600 }
  const fetcher = fetcherFor(t, [silent, stops, drips, endless], { limits })
  for (const [what, { url }] of Object.entries({ silent, stops, drips, endless })) {
    const result = await fetcher.fetchDocument({ url: `${url}/feed?apikey=SECRET` })
    t.match(result, { outcome: 'failed', reason: 'timeout' }, what)
  }
})

t.test('headers without an end are a protocol failure once they are too long', async (t) => {
  const server = await serveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n')
    for (let line = 0; line < 3_000; line++) socket.write(`X-${line}: ${'x'.repeat(50)}\r\n`)
  })
  const result = await fetcherFor(t, [server]).fetchDocument({ url: server.url })
  t.match(result, { outcome: 'failed', reason: 'protocol' })
})

t.test('what the network breaks off is a failure with its reason, never half a document', async (t) => {
  const reset = await serveRaw(t, (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<feed>', () => socket.resetAndDestroy())
  })
  const short = await serveRaw(t, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n<feed>'),
  )
  const unfinished = await serveRaw(t, (socket) =>
    socket.end('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n<feed>\r\n'),
  )
  const garbage = await serveRaw(t, (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'))
  const hangsUp = await serveRaw(t, (socket) => socket.destroy())
  const closed = { ...hangsUp, url: 'http://127.0.0.252:1', authority: '127.0.0.252:1' }
  const fetcher = fetcherFor(t, [reset, short, unfinished, garbage, hangsUp, closed])
  const reasons = {
    reset: 'connect',
    short: 'connect',
    unfinished: 'connect',
    garbage: 'protocol',
    closed: 'connect',
  }
  const servers: Record<string, LocalServer> = { reset, short, unfinished, garbage, closed, hangsUp }
  for (const [what, reason] of Object.entries(reasons)) {
    const result = await fetcher.fetchDocument({ url: servers[what]?.url ?? '' })
    t.match(result, { outcome: 'failed', reason }, what)
  }
  t.match(await fetcher.fetchDocument({ url: hangsUp.url }), { outcome: 'failed', reason: 'connect' })
})

t.test('a signal from outside ends a request under way, and one that waits for its turn', async (t) => {
  const server = await serve(t, () => {})
  const fetcher = fetcherFor(t, [server], { politeness: { connections: 1 } })
  const stop = new AbortController()
  const running = fetcher.fetchDocument({ url: server.url, signal: stop.signal })
  const waiting = fetcher.fetchDocument({ url: server.url, signal: stop.signal })
  stop.abort()
  for (const result of await Promise.all([running, waiting])) {
    t.match(result, { outcome: 'failed', reason: 'aborted' })
  }
  t.match(await fetcher.fetchDocument({ url: server.url, signal: stop.signal }), { reason: 'aborted' })
})

t.test('an address that is none, or a header that is none, is a failure too', async (t) => {
  const { server } = await recorder(t)
  const fetcher = fetcherFor(t, [server])
  t.match(await fetcher.fetchDocument({ url: 'not an address?apikey=SECRET' }), {
    outcome: 'failed',
    reason: 'protocol',
  })
  t.match(await fetcher.fetchDocument({ url: server.url, headers: { 'x-key': 'SEC\nRET' } }), {
    outcome: 'failed',
    reason: 'protocol',
  })
})

t.test('no failure’s detail holds a query value or credentials', async (t) => {
  const { server } = await recorder(t, 500)
  const away = await redirects(t, [302], 'http://10.0.0.1/?token=SECRET')
  const fetcher = fetcherFor(t, [server, away])
  for (const url of [
    `${server.url}/feed?apikey=SECRET&page=2`,
    `${away.url}/0?apikey=SECRET`,
    'https://SECRET:SECRET@provider.example/feed',
    'http://10.0.0.1/?SECRET',
    'http://127.0.0.253:1/?apikey=SECRET',
    'not an address?apikey=SECRET',
  ]) {
    const result = await fetcher.fetchDocument({ url })
    t.equal(result.outcome, 'failed')
    t.notMatch(JSON.stringify(result), 'SECRET')
  }
})

/** Answers everything alike and keeps the headers it was asked with. */
async function recorder(t: Teardown, status = 200, headers: Record<string, string> = {}, body = '') {
  const seen: IncomingHttpHeaders[] = []
  const server = await serve(t, (request, response) => {
    seen.push(request.headers)
    response.writeHead(status, headers).end(body)
  })
  return { server, seen }
}

/** `/0` redirects to `/1` and so on, the last to `target`. */
async function redirects(t: Teardown, statuses: number[], target: string) {
  return serve(t, (request, response) => {
    const step = Number(new URL(request.url ?? '', 'http://local').pathname.slice(1))
    const location = step + 1 < statuses.length ? `/${step + 1}` : target
    response.writeHead(statuses[step] ?? 500, { location }).end('moved')
  })
}

t.test('a document that says itself that it is too long is refused before it comes', async (t) => {
  const server = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-length': '50000000' })
    response.write('<rss>')
  })
  const result = await fetcherFor(t, [server]).fetchDocument({ url: server.url })
  t.match(result, { outcome: 'failed', reason: 'too-large' })
})
