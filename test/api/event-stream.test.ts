import type { AddressInfo } from 'node:net'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { refused } from './answers.ts'
import { type Listening, listen } from './event-streams.ts'
import { publishedCase, staff, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

const CASE: MadeCase = {
  organisation: 'T01',
  kind: 'concern',
  category: 'delays',
  status: 'open',
  publication: 'published',
  privacy: 'anonymous',
  language: null,
  title: null,
  text: 'They waited for hours. (Invented.)',
  response: null,
  reportedAt: new Date('2026-11-01T09:00:00Z'),
}

t.test('the change log as it grows', async (t) => {
  const harness = await startHarness(t, { eventStreams: { keepAliveMs: 50, most: 40, random: () => 0.5 } })
  const { app, call, db, keys } = harness
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const open = async (query = '', headers: Record<string, string> = {}): Promise<Listening> => {
    const listening = await listen(port, `/v1/events/stream${query}`, headers)
    t.teardown(() => listening.close())
    return listening
  }
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const cases = ({ events }: Listening) => events.map(({ line }) => line.case)
  const published = async (changes = {}) => {
    const made = await publishedCase(harness, changes)
    await placeEvents(db)
    return made
  }

  await t.test('a line as it is placed, to everybody who listens, as the page has it', async (t) => {
    const [one, two] = [await open(), await open()]
    t.equal(one.status(), 200)
    t.match(one.headers(), {
      'content-type': /^text\/event-stream/,
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
      'access-control-allow-origin': '*',
      'request-id': /^[\w-]{36}$/,
      'ratelimit-limit': /^\d+$/,
    })
    t.match(one.body(), /^[0-9a-f]+\r\nretry: 3000\nid: \d+\n\n/)
    const before = one.lastId()
    const { reference } = await published()
    for (const listening of [one, two]) {
      await listening.until(() => listening.events.length > 0)
      t.match(listening.events, [{ event: 'log', line: { type: 'case.published', case: reference } }])
      t.equal(listening.events[0]?.id, listening.events[0]?.line.id)
    }
    const { body } = await call({ url: `/v1/events?after=${before}` })
    t.same(
      one.events.map(({ line }) => line),
      body.items,
    )
    one.close()
    two.close()
  })

  await t.test('in order, and who comes back has missed nothing and has nothing twice', async (t) => {
    const listening = await open()
    const made = [await published(), await published(), await published()].map(({ reference }) => reference)
    await listening.until(() => listening.events.length === 3)
    t.same(cases(listening), made)
    listening.close()
    const missed = [await published(), await published()].map(({ reference }) => reference)
    const headers = { 'last-event-id': listening.events[1]?.id as string }
    const again = await open('?after=end', headers)
    const live = (await published()).reference
    await again.until(() => again.events.length === 4)
    t.same(cases(again), [made[2], ...missed, live])
    const everything = await open('?after=0')
    await everything.until(() => everything.lastId() === again.lastId())
    const { body } = await call({ url: '/v1/events?limit=1000' })
    t.same(
      everything.events.map(({ line }) => line),
      body.items,
    )
  })

  await t.test('by filters; what leaves the selection is gone', async (t) => {
    const listening = await open('?organisation=T01&status=open')
    await published({ organisation: 'T02' })
    const { reference, version } = await published({ organisation: 'T0101' })
    await listening.until(() => listening.events.length === 1)
    await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { status: 'resolved' },
    })
    await placeEvents(db)
    await listening.until(() => listening.events.length === 2)
    t.same(
      listening.events.map(({ line }) => [line.case, line.gone]),
      [
        [reference, false],
        [reference, true],
      ],
    )
  })

  await t.test('also what was passed over moves the id, so that nobody looks through it twice', async (t) => {
    const listening = await open('?organisation=T02')
    const { reference } = await published({ organisation: 'T01' })
    const { body } = await call({ url: '/v1/events?after=end' })
    await listening.until(() => listening.lastId() === body.next)
    t.same(listening.events, [])
    t.ok(reference)
  })

  await t.test('words are heard of when they are in the index', async (t) => {
    const made = await call({
      method: 'POST',
      url: '/v1/queries',
      key: keys.supplier,
      body: { name: 'ramps', view: 'public', filter: { q: 'ramp' } },
    })
    t.equal(made.status, 201, made.text)
    const listening = await open(`?query=${made.body.id}`)
    await makeCases(db, [CASE, { ...CASE, text: 'There was no ramp. (Invented.)' }])
    await placeEvents(db)
    await indexCases(db)
    await listening.until(() => listening.events.length > 0)
    t.match(listening.events, [{ line: { type: 'case.published' } }])
    t.equal(listening.events.length, 1)
  })

  await t.test('what a key relates to, thin, until the key does not work any more', async (t) => {
    const key = await harness.addClient({ name: 'short-lived', role: 'case_handler' })
    const mine = await open('?view=mine', bearer(key))
    const { reference } = await published()
    await mine.until(() => mine.events.length >= 2)
    t.match(mine.events, [
      { line: { type: 'case.created', case: reference } },
      { line: { type: 'case.published', case: reference, reason: 'fit_to_publish' } },
    ])
    t.notMatch(mine.body(), /waited|Invented Person|invented@/)
    t.equal(mine.socket.destroyed, false)
  })

  await t.test('what is asked wrongly is refused before it begins', async (t) => {
    for (const [url, code] of [
      ['?after=999999', 'unknown_cursor'],
      ['?view=mine', 'needs_key'],
      ['?type=note.created', 'needs_own_view'],
      ['?organisation=NOBODY', 'unknown'],
      ['?limit=3', 'unknown'],
    ]) {
      const answer = await call({ url: `/v1/events/stream${url}` })
      refused(t, answer, 400, 'validation_failed')
      t.match(JSON.stringify(answer.body.errors), code as string)
    }
    const ahead = await call({ url: '/v1/events/stream', headers: { 'last-event-id': '999999' } })
    refused(t, ahead, 400, 'validation_failed', ['header /Last-Event-ID unknown_cursor'])
    refused(t, await call({ url: '/v1/events/stream', key: keys.form }), 403, 'scope_missing')
    refused(t, await call({ url: '/v1/events/stream', key: 'cc_sk_x' }), 401, 'key_invalid')
  })

  await t.test('only so many at a time', async (t) => {
    const many: Listening[] = []
    while (many.length < 45) many.push(await open())
    const refusals = many.filter((one) => one.status() === 503)
    t.ok(refusals.length >= 5 && refusals.length < 30, `${refusals.length} refused`)
    t.match(refusals[0]?.headers(), { 'retry-after': /^\d+$/, 'content-type': /problem\+json/ })
    for (const one of many) one.close()
  })
})
