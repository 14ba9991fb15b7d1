import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { readContract } from '../../api/contract/contract.ts'
import { createLog } from '../../log.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { canaryDraft, holdsNone } from './answers.ts'
import { draft, type Harness, PUBLIC_URL, publishedCase, SERVICE, startHarness } from './harness.ts'

type Received = {
  status: number
  headers: Record<string, string>
  text: string
  whole: string
  body: ReturnType<typeof JSON.parse>
}

const contract = readContract()

t.test('over real sockets', async (t) => {
  const harness = await startHarness(t)
  const { app, db, keys } = harness
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const send = (request: string): Promise<Received> => exchange(port, request)
  const get = (path: string, method = 'GET'): Promise<Received> =>
    send(`${method} ${path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n`)
  const post = (
    body: string,
    headers: string[] = ['Content-Type: application/json'],
    path = '/v1/cases',
  ): Promise<Received> =>
    send(
      [
        `POST ${path} HTTP/1.1`,
        'Host: test',
        'Connection: close',
        `Authorization: Bearer ${keys.integrator}`,
        `Content-Length: ${Buffer.byteLength(body)}`,
        ...headers,
        '',
        body,
      ].join('\r\n'),
    )
  const problem = (t: Test, answer: Received, status: number, code: string): void => {
    t.equal(answer.status, status, answer.text)
    t.match(answer.headers['content-type'], /^application\/problem\+json/)
    t.match(answer.body, { status, code, type: new RegExp(`#${code}$`), requestId: /^[\w-]{36}$/ })
    t.equal(answer.headers['request-id'], answer.body.requestId)
    t.notMatch(answer.text, /<html|node_modules|at .+\.ts/)
  }

  await t.test('what is no HTTP is a problem too', async (t) => {
    for (const request of [
      'nonsense\r\n\r\n',
      'GET /v1/cases HTTP/9.9\r\n\r\n',
      'GE T / HTTP/1.1\r\n\r\n',
      'GET /v1/cases HTTP/1.1\r\nHost: test\r\nbad header\r\n\r\n',
    ])
      problem(t, await send(request), 400, 'request_malformed')
  })

  await t.test('an address or headers that are too long are a problem', async (t) => {
    problem(t, await get(`/v1/cases?kind=${'x'.repeat(20_000)}`), 431, 'head_too_large')
    problem(
      t,
      await send(`GET /v1/cases HTTP/1.1\r\nHost: test\r\nX-Long: ${'x'.repeat(20_000)}\r\n\r\n`),
      431,
      'head_too_large',
    )
  })

  await t.test('a path that cannot be read, one that is not there, one that is too long', async (t) => {
    problem(t, await get('/v1/cases/%'), 400, 'request_malformed')
    problem(t, await get('/v1/cases/%E0%A4%A'), 400, 'request_malformed')
    for (const path of [
      '/',
      '/v1',
      '/v1/case',
      '/v2/cases',
      '/v1/cases/a/b',
      '/favicon.ico',
      '/..%2f..%2fetc%2fpasswd',
    ])
      problem(t, await get(path), 404, 'not_found')
    for (const length of [41, 501, 5_000])
      problem(t, await get(`/v1/cases/${'x'.repeat(length)}`), 400, 'validation_failed')
  })

  await t.test('a method that a path does not have is 405, and says which it has', async (t) => {
    for (const [method, path, allow] of [
      ['DELETE', '/v1/cases', 'POST, GET, HEAD'],
      ['PUT', '/v1/cases/K7QD-M2XW-9TRB-H', 'GET, HEAD, PATCH'],
      ['DELETE', '/v1/cases/K7QD-M2XW-9TRB-H', 'GET, HEAD, PATCH'],
      ['GET', '/v1/cases/K7QD-M2XW-9TRB-H/claims', 'POST, DELETE'],
      ['DELETE', '/v1/sources/pushed', 'GET, HEAD, PATCH'],
      ['POST', '/livez', 'GET, HEAD'],
    ] as const) {
      const answer = await get(path, method)
      problem(t, answer, 405, 'method_not_allowed')
      t.same(answer.headers.allow?.split(', ').sort(), allow.split(', ').sort(), `${method} ${path}`)
    }
  })

  await t.test('a body that is not JSON is 415, one that is broken 400', async (t) => {
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'nonsense',
    ])
      problem(
        t,
        await post(JSON.stringify(draft()), [`Content-Type: ${type}`]),
        415,
        'media_type_unsupported',
      )
    problem(t, await post(JSON.stringify(draft()), []), 415, 'media_type_unsupported')
    for (const body of [
      '{',
      '{"a":1,}',
      'nothing',
      '{"__proto__":{"a":1}}',
      '{"constructor":{"prototype":{}}}',
      '\u0000',
    ])
      problem(t, await post(body), 400, 'request_malformed')
    problem(t, await post(''), 400, 'request_malformed')
    problem(t, await post('null'), 400, 'validation_failed')
    t.equal(
      (await post(JSON.stringify(draft()), ['Content-Type: application/json; charset=utf-8'])).status,
      201,
    )
  })

  await t.test('a body over the limit is 413, whether its length is said or not', async (t) => {
    const large = JSON.stringify({ ...draft(), text: 'x'.repeat(1024 * 1024) })
    problem(t, await post(large), 413, 'body_too_large')
    const chunk = `${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`
    const chunked = await send(
      `POST /v1/cases HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer ${keys.integrator}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk}`,
    )
    problem(t, chunked, 413, 'body_too_large')
  })

  await t.test('who asks is decided before the body is read', async (t) => {
    const answer = await send(
      `POST /v1/cases HTTP/1.1\r\nHost: test\r\nContent-Type: text/plain\r\nContent-Length: 99999999\r\nConnection: close\r\n\r\n{`,
    )
    problem(t, answer, 401, 'key_missing')
  })

  await t.test('HEAD is GET without the body', async (t) => {
    const { reference } = await publishedCase(harness)
    for (const path of [
      '/v1/cases',
      `/v1/cases/${reference}`,
      '/v1/geo-feed',
      '/v1/categories',
      '/livez',
      '/readyz',
    ]) {
      const [head, full] = [await get(path, 'HEAD'), await get(path)]
      t.equal(head.status, 200)
      t.equal(head.text, '')
      for (const name of ['content-type', 'content-length', 'etag'])
        t.equal(head.headers[name], full.headers[name], `${path} ${name}`)
    }
    const missing = await get('/v1/cases/0000-0000-0000-0', 'HEAD')
    t.equal(missing.status, 404)
    t.equal(missing.text, '')
    t.ok(missing.headers['request-id'])
  })

  await t.test('a request without a Host is a problem', async (t) => {
    problem(t, await send('GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'), 400, 'request_malformed')
    t.equal((await send('GET /livez HTTP/1.0\r\n\r\n')).status, 200, 'HTTP/1.0 has none')
  })

  await t.test('two requests in one packet get two answers', async (t) => {
    const { whole } = await send(
      'GET /livez HTTP/1.1\r\nHost: test\r\n\r\nGET /livez HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n',
    )
    t.equal(whole.match(/HTTP\/1\.1 200/g)?.length, 2)
  })

  await t.test('what was sent broken is not in the log', async (t) => {
    await post(JSON.stringify({ ...draft(), ...canaryDraft, text: 12 }))
    await post(`{"text":"${canaryDraft.text}`)
    await get(`/v1/cases?kind=${canaryDraft.text.slice(0, 10)}`)
    await get(`/v1/organisations/${canaryDraft.text.slice(0, 10)}`)
    holdsNone(t, harness.logged(), 'the log')
    t.match(harness.logged(), /"operation":"createCase","status":400/)
  })

  await t.test('the reference page needs nothing from elsewhere', async (t) => {
    const moved = await get('/docs')
    const page =
      moved.status === 200 ? moved : await get(moved.headers.location?.replace(PUBLIC_URL, '') ?? '')
    t.equal(page.status, 200)
    t.match(page.headers['content-type'], /^text\/html/)
    t.notMatch(page.text, /(src|href)="(https?:)?\/\//)
    t.match(page.headers['content-security-policy'], /default-src 'self'/)
    const scripts = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address as string)
    t.ok(scripts.length > 2)
    for (const address of scripts)
      t.equal((await get(new URL(address, 'http://test/docs/').pathname)).status, 200, address)
  })

  await t.test('the contract is served as it is', async (t) => {
    const json = await get('/openapi.json')
    t.match(json.headers['content-type'], /^application\/json/)
    t.same(json.body, JSON.parse(JSON.stringify(contract.document)))
    const yaml = await get('/openapi.yaml')
    t.match(yaml.headers['content-type'], /^application\/yaml/)
    t.equal(yaml.text, contract.text)
    for (const { headers } of [json, yaml]) t.ok(headers['request-id'])
  })

  await t.test('alive and ready', async (t) => {
    for (const path of ['/livez', '/readyz']) t.same((await get(path)).body, { status: 'ok' })
    t.ok(db)
  })
})

t.test('a request that is on its way when the service stops is answered', async (t) => {
  const { app } = await startHarness(t)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as { port: number }
  const socket = connect(port, '127.0.0.1')
  const answered = new Promise<string>((resolve, reject) => {
    let text = ''
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part
    })
    socket.on('close', () => resolve(text)).on('error', reject)
  })
  await new Promise<void>((resolve) =>
    socket.write('GET /v1/categories HTTP/1.1\r\nHost: test\r\n', () => resolve()),
  )
  await new Promise<void>((resolve) => app.server.getConnections(() => resolve()))
  const closed = app.close()
  socket.write('\r\n')
  const text = await answered
  await closed
  t.match(text, /^HTTP\/1\.1 200/)
})

// What they say is in the program.
const needNoStore = [
  'getOgcConformance',
  'getOgcDefinition',
  'getOgcLanding',
  'getTileJson',
  'getService',
  'listChannels',
  'listInstruments',
  'listKinds',
  'listPrivacies',
  'listPublications',
  'listReasons',
  'listStatuses',
]

t.test('a store that is away is 503 with Retry-After, for every operation', async (t) => {
  // Nobody listens on the port of a server that was closed.
  const db = openDb({
    url: 'postgresql://nobody@127.0.0.1:9/none',
    vaultKeys: newVaultKey('test'),
    max: 2,
    applicationName: 'test',
  })
  const app = await createApp({
    db,
    publicUrl: PUBLIC_URL,
    logger: createLog('silent'),
    requestsPerMinute: 1_000,
    intakePerMinute: 1_000,
    service: SERVICE,
  })
  t.teardown(async () => {
    await app.close()
    await closeDb(db)
  })
  const key = `cc_sk_000000000000_${'x'.repeat(43)}`
  for (const { id, method, path, security, body } of contract.operations) {
    const url = path
      .replace('{reference}', '0000-0000-0000-0')
      .replace('{code}', 'T01')
      .replace('{source}', 'pushed')
      .replace('{kind}', 'concern?organisation=T01')
      .replace('{z}/{x}/{y}', '0/0/0')
      .replace('{collection}', 'cases')
      .replace('{archive}', '1')
      .replace('{feature}', '0000-0000-0000-0')
      .replace('/clusters', '/clusters?zoom=1')
    const open = security.some((choice) => Object.keys(choice).length === 0)
    const keyOpens = security.some((choice) => choice.secretKey ?? choice.publishableKey)
    const callers = [
      ...(open ? [{}] : []),
      ...(keyOpens ? [{ authorization: `Bearer ${key}` }] : []),
      ...(security.some((choice) => choice.caseReceipt) ? [{ 'case-receipt': 'nothing' }] : []),
    ]
    for (const headers of callers) {
      const payload = keyOpens ? undefined : firstExample(body)
      const answer = await app.inject({
        method: method.toUpperCase() as 'GET',
        url,
        headers,
        ...(payload !== undefined && { payload }),
      })
      if (id === 'getLiveness' || (needNoStore.includes(id) && !('authorization' in headers))) {
        t.equal(answer.statusCode, 200)
        continue
      }
      t.equal(answer.statusCode, 503, `${id}: ${answer.payload}`)
      t.match(answer.json(), { code: 'unavailable', requestId: answer.headers['request-id'] as string })
      t.match(answer.headers['retry-after'], /^\d+$/)
    }
  }
})

t.test('too many requests are 429, with what is left and how long to wait', async (t) => {
  const harness: Harness = await startHarness(t, { requestsPerMinute: 3 })
  const { call, keys } = harness
  for (const left of [2, 1, 0]) {
    const { status, headers } = await call({ url: '/v1/categories', key: keys.supplier })
    t.equal(status, 200)
    t.same([headers['ratelimit-limit'], headers['ratelimit-remaining']].map(Number), [3, left])
    t.ok(Number(headers['ratelimit-reset']) <= 60)
  }
  const over = await call({ url: '/v1/categories', key: keys.supplier })
  t.equal(over.status, 429)
  t.equal(over.body.code, 'too_many_requests')
  t.ok(Number(over.headers['retry-after']) >= 1)
  t.equal(Number(over.headers['ratelimit-remaining']), 0)
  t.equal(
    (await call({ url: '/v1/categories', key: keys.integrator })).status,
    200,
    'another key has its own count',
  )
  for (const status of [401, 401, 401, 429])
    t.equal(
      (await call({ url: '/v1/categories', headers: { authorization: 'Bearer x' } })).status,
      status,
      'keys cannot be tried out at speed',
    )
  t.equal((await call({ url: '/livez' })).status, 200, 'health is not counted')
})

/** What comes back for these bytes until the other side closes; of several answers the first, the rest in its text. */
function exchange(port: number, request: string): Promise<Received> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    const parts: Buffer[] = []
    socket.on('data', (part: Buffer) => {
      parts.push(part)
    })
    // A server that has answered may close while the rest is still being sent.
    socket.on('error', (error) => (parts.length > 0 ? undefined : reject(error)))
    socket.on('close', () => resolve(received(Buffer.concat(parts))))
    socket.setTimeout(10_000, () => socket.destroy(new Error(`no answer to ${request.slice(0, 60)}`)))
  })
}

function received(bytes: Buffer): Received {
  const whole = bytes.toString('utf8')
  const end = whole.indexOf('\r\n\r\n')
  const [first = '', ...lines] = whole.slice(0, end).split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  )
  const length = Number(headers['content-length'] ?? bytes.length)
  const rest = bytes.subarray(end + 4, end + 4 + length).toString('utf8')
  const text = headers['transfer-encoding'] === 'chunked' ? unchunked(rest) : rest
  const isJson = /json/.test(headers['content-type'] ?? '') && text !== ''
  return {
    status: Number(first.split(' ')[1]),
    headers,
    text,
    whole,
    body: isJson ? JSON.parse(text) : undefined,
  }
}

function unchunked(text: string): string {
  const size = Number.parseInt(text, 16)
  if (!size) return ''
  const start = text.indexOf('\r\n') + 2
  return text.slice(start, start + size) + unchunked(text.slice(start + size + 2))
}

// What is refused by its shape never asks the store.
function firstExample(body: (typeof contract.operations)[number]['body']): object | undefined {
  const content = body?.content['application/json'] as { examples?: Record<string, { value: object }> }
  return Object.values(content?.examples ?? {})[0]?.value
}
