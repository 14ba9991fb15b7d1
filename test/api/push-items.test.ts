import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, type Harness, startHarness } from './harness.ts'

const NDJSON = 'application/x-ndjson'

t.test('a batch as one item a line', async (t) => {
  const { push, harness } = await provider(t)
  const lines = (...items: unknown[]) => items.map((item) => JSON.stringify(item))

  await t.test('each line is answered in its order, with CRLF, a BOM and no last line feed', async (t) => {
    const [one = '', two = '', three = ''] = lines(
      story('crlf-1'),
      { type: 'reply', externalId: 'crlf-2', inReplyTo: 'crlf-1', text: 'Thank you. (Invented.)' },
      story('crlf-3'),
    )
    const { status, body } = await push(`\ufeff${one}\r\n\r\n  \t\r\n${two}\r\n${three}`)
    t.equal(status, 200)
    t.equal(body.dryRun, false)
    t.same(namesIn(body), ['crlf-1', 'crlf-2', 'crlf-3'])
    t.same(outcomesIn(body), ['created', 'created', 'created'])
    t.equal(body.items[0].reference, body.items[1].reference)
    const unchanged = await push(`${[one, two, three].join('\n')}\n`)
    t.same(outcomesIn(unchanged.body), ['unchanged', 'unchanged', 'unchanged'])
    const asJson = await push({ items: [one, two, three].map((line) => JSON.parse(line)) })
    t.same(outcomesIn(asJson.body), ['unchanged', 'unchanged', 'unchanged'], 'and the same as JSON')
  })

  await t.test('a line that is no item is put aside with its place, and stops nobody', async (t) => {
    const [fine = ''] = lines(story('fine-1'))
    const body = Buffer.concat([
      Buffer.from(`${fine}\n{"type":"story",\n[1]\n"text"\n`),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(`${'['.repeat(3_000)}\n{"type":"poem","externalId":"poem-1"}\n`),
    ])
    const { status, body: answer } = await push(body)
    t.equal(status, 200)
    t.same(outcomesIn(answer), ['created', ...Array(6).fill('quarantined')])
    t.match(answer.items.slice(1), [
      { externalId: null, reason: 'malformed', detail: /JSON is broken/ },
      { detail: /no object/ },
      { detail: /no object/ },
      { detail: /not UTF-8/ },
      { detail: /64 values inside each other/ },
      { externalId: 'poem-1', detail: /type: Must be one of/ },
    ])
    const { rows } = await harness.db.pool.query('select place from quarantined_items order by id')
    t.same(
      rows.map(({ place }) => place),
      ['line 2', 'line 3', 'line 4', 'line 5', 'line 6', 'line 7'],
    )
  })

  await t.test('the media type decides, however it is written', async (t) => {
    const [line = ''] = lines(story('typed-1'))
    const send = (type: string, body: string) => push(body, { headers: { 'content-type': type } })
    t.equal((await send('Application/X-NDJSON; charset=utf-8', line)).status, 200)
    refused(t, await send('APPLICATION/JSON', line), 400, 'validation_failed', [
      'body /items missing',
      ...Object.keys(story('')).map((name) => `body /${name} unknown_field`),
    ])
    refused(t, await send('application/json', '{"items":'), 400, 'request_malformed')
    const other = await send('text/csv', line)
    refused(t, other, 415, 'media_type_unsupported')
    t.match(other.body.detail, /x-ndjson.*application\/json|application\/json.*x-ndjson/)
  })
})

t.test('a batch has one to five thousand items', async (t) => {
  const { push } = await provider(t)
  refused(t, await push({ items: [] }), 400, 'validation_failed', ['body /items too_few'])
  refused(t, await push('\r\n \n'), 400, 'validation_failed', ['body  too_few'])
  refused(t, await push(undefined), 400, 'validation_failed', ['body  too_few'])
  refused(t, await push({ items: ['text'] }), 400, 'validation_failed')
  const many = Array.from({ length: 5_001 }, (_, n) => deletion(`many-${n}`))
  refused(t, await push({ items: many }), 400, 'validation_failed', ['body /items too_many'])
  refused(t, await push(many.map((one) => JSON.stringify(one)).join('\n')), 400, 'validation_failed', [
    'body  too_many',
  ])
  const tooLong = JSON.stringify(story('long', { text: 'x'.repeat(8 * 1024 * 1024) }))
  refused(t, await push(tooLong), 413, 'body_too_large')
  const { status, body } = await push(
    many
      .slice(1)
      .map((one) => JSON.stringify(one))
      .join('\n'),
  )
  t.equal(status, 200)
  t.match(body.run, { seen: 5_000, deleted: 5_000, state: 'succeeded' })
  t.same(
    namesIn(body),
    many.slice(1).map(({ externalId }) => externalId),
  )
})

t.test('a reply finds its story however far behind it the story stands', async (t) => {
  const { push } = await provider(t)
  const replies = Array.from({ length: 600 }, (_, n) => ({
    type: 'reply',
    externalId: `reply-${n}`,
    inReplyTo: 'late',
    text: `Answer ${n}. (Invented.)`,
  }))
  const { body } = await push({ items: [...replies, story('late')] })
  t.match(body.run, { seen: 601, created: 601, parked: 0 })
  t.same(new Set(outcomesIn(body)), new Set(['created']))
  t.equal(body.items.at(-1).externalId, 'late')
})

t.test('pushing five times in parallel gives one case each', async (t) => {
  const { push, harness } = await provider(t)
  const items = Array.from({ length: 40 }, (_, n) => story(`p-${n}`))
  const body = items.map((item) => JSON.stringify(item)).join('\n')
  const answers = await Promise.all([1, 2, 3, 4, 5].map(() => push(body)))
  t.same(answers.map(({ body }) => body.run.created).sort(), [0, 0, 0, 0, 40])
  const references = new Set(
    answers.flatMap(({ body }) => body.items.map(({ reference }: { reference: string }) => reference)),
  )
  t.equal(references.size, 40)
  t.equal(await harness.db.prisma.case.count(), 40)
  t.equal(await harness.db.prisma.event.count({ where: { type: 'case.created' } }), 40)

  const key = { 'idempotency-key': 'five-times' }
  const more = `${body}\n${JSON.stringify(story('p-40'))}`
  const same = await Promise.all([1, 2, 3, 4, 5].map(() => push(more, { headers: key })))
  t.equal(new Set(same.map(({ text }) => text)).size, 1, 'and with one key one answer')
  t.equal(await harness.db.prisma.case.count(), 41)
})

t.test('the bookmark', async (t) => {
  const { push, harness } = await provider(t)
  const source = async () =>
    (await harness.call({ url: '/v1/sources/pushed', key: harness.keys.feed_provider })).body
  t.match(await source(), { bookmark: null, lastSuccessAt: null, lastChangedAt: null })

  await t.test('is kept with the batch, and what came is noted', async (t) => {
    const { body } = await push({ items: [story('b-1')] }, { query: 'bookmark=page%2017' })
    const { finishedAt } = body.run
    t.match(await source(), { bookmark: 'page 17', lastSuccessAt: finishedAt, lastChangedAt: finishedAt })
  })

  await t.test('stays where a batch says none, and what changes nothing is no news', async (t) => {
    const before = await source()
    const { body } = await push({ items: [story('b-1')] })
    t.same(outcomesIn(body), ['unchanged'])
    const after = await source()
    t.match(after, { bookmark: 'page 17', lastChangedAt: before.lastChangedAt })
    t.equal(after.lastSuccessAt, body.run.finishedAt)
    t.equal(after.version, before.version, 'which is no change of the source')
  })

  await t.test('belongs to the request: another one with the same key is another request', async (t) => {
    const headers = { 'idempotency-key': 'bookmarked' }
    const items = { items: [story('b-2')] }
    const first = await push(items, { headers, query: 'bookmark=page-18' })
    t.same((await push(items, { headers, query: 'bookmark=page-18' })).body, first.body)
    const other = await push(items, { headers, query: 'bookmark=page-19' })
    refused(t, other, 422, 'idempotency_key_reused')
    refused(t, await push(items, { headers }), 422, 'idempotency_key_reused')
    t.equal((await source()).bookmark, 'page-18')
  })

  await t.test('is a text of some length', async (t) => {
    const items = { items: [story('b-3')] }
    for (const query of ['bookmark=', `bookmark=${'x'.repeat(201)}`, 'bookmark=%00', 'dryRun=maybe'])
      refused(t, await push(items, { query }), 400, 'validation_failed')
    t.equal((await source()).bookmark, 'page-18')
  })
})

t.test('a dry run', async (t) => {
  const { push, harness } = await provider(t)
  await push({ items: [story('known'), story('edited'), story('gone')] })
  const before = await everything(harness)
  const items = [
    story('known'),
    story('edited', { text: 'It was better than I said. (Invented.)' }),
    story('new'),
    { type: 'reply', externalId: 'reply-new', inReplyTo: 'new', text: 'Thank you. (Invented.)' },
    { type: 'reply', externalId: 'reply-known', inReplyTo: 'known', text: 'Thank you. (Invented.)' },
    deletion('gone'),
    story('nowhere', { organisation: 'NONE1' }),
  ]
  const headers = { 'idempotency-key': 'dry' }
  const query = 'dryRun=true&bookmark=page-2'

  await t.test('says what would become of each, and of cases only what is there', async (t) => {
    const { status, body } = await push({ items }, { headers, query })
    t.equal(status, 200)
    t.match(body, { dryRun: true, run: null })
    const [known, edited, fresh, replyToNew, replyToKnown, gone, nowhere] = body.items
    t.equal(known.outcome, 'unchanged')
    t.match(edited, { outcome: 'changed', reference: /-/ })
    t.match(fresh, { outcome: 'created', reference: null })
    t.match(replyToNew, { outcome: 'created', reference: null })
    t.match(replyToKnown, { outcome: 'created', reference: known.reference })
    t.match(gone, { outcome: 'deleted', reference: /-/ })
    t.match(nowhere, { outcome: 'quarantined', reason: 'organisation_unknown' })
  })

  await t.test('keeps nothing, neither items nor run nor bookmark nor its key', async (t) => {
    t.same(await everything(harness), before)
    const real = await push({ items }, { headers })
    t.equal(real.status, 200, 'the key is free')
    t.same(outcomesIn(real.body), [
      'unchanged',
      'changed',
      'created',
      'created',
      'created',
      'deleted',
      'quarantined',
    ])
  })

  await t.test('that is broken off keeps nothing either', async (t) => {
    const held = await harness.db.pool.connect()
    const now = await everything(harness)
    try {
      // The source is held, so that the run is under way until its connection is ended.
      await held.query("begin; select 1 from sources where name = 'pushed' for update")
      const broken = push({ items: [story('broken-off')] }, { query: 'dryRun=true' })
      await waitingForLock(harness)
      await held.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      )
      refused(t, await broken, 503, 'unavailable')
    } finally {
      await held.query('rollback')
      held.release()
    }
    t.same(await everything(harness), now)
  })

  await t.test('of a paused source is refused as the real one would be', async (t) => {
    await harness.db.pool.query("update sources set state = 'paused' where name = 'pushed'")
    refused(t, await push({ items }, { query: 'dryRun=true' }), 409, 'source_paused')
    refused(t, await push(JSON.stringify(story('p'))), 409, 'source_paused')
  })
})

t.test('a page from anywhere may ask, as for every other operation', async (t) => {
  const { harness, push } = await provider(t)
  for (const path of ['items', 'documents', 'webhooks', 'texts']) {
    const { status, headers } = await harness.call({
      method: 'OPTIONS',
      url: `/v1/sources/pushed/${path}`,
      headers: {
        origin: 'https://anywhere.example',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type,idempotency-key',
      },
    })
    t.equal(status, 204, path)
    t.equal(headers['access-control-allow-origin'], '*', path)
  }
  const answer = await push(JSON.stringify(deletion('cors')), { headers: { origin: 'https://a.example' } })
  t.match(answer, {
    status: 200,
    headers: { 'access-control-allow-origin': '*', 'cache-control': /private/ },
  })
})

t.test('who may not push is told so before anything is read', async (t) => {
  const { harness } = await provider(t)
  const { call, keys } = harness
  const send = (key: string | undefined, name = 'pushed') =>
    call({
      method: 'POST',
      url: `/v1/sources/${name}/items`,
      ...(key !== undefined && { key }),
      headers: { 'content-type': NDJSON },
      body: 'no JSON',
    })
  refused(t, await send(undefined), 401, 'key_missing')
  refused(t, await send(keys.administrator), 403, 'scope_missing')
  refused(t, await send(keys.feed_provider, 'elsewhere'), 403, 'not_your_source')
  refused(t, await send(keys.feed_provider, 'nothing'), 404, 'not_found')
  t.notMatch(harness.logged(), /Invented|story-|no JSON/)
})

type Sending = { headers?: Record<string, string>; query?: string }

async function provider(t: Parameters<typeof startHarness>[0]) {
  const harness = await startHarness(t)
  const push = (body: unknown, { headers = {}, query }: Sending = {}): Promise<Answer> =>
    harness.call({
      method: 'POST',
      url: `/v1/sources/pushed/items${query === undefined ? '' : `?${query}`}`,
      key: harness.keys.feed_provider,
      headers: {
        ...((typeof body === 'string' || Buffer.isBuffer(body)) && { 'content-type': NDJSON }),
        ...headers,
      },
      body,
    })
  return { harness, push }
}

function story(externalId: string, changes: object = {}): object {
  return {
    type: 'story',
    externalId,
    organisation: 'T01',
    text: 'Everyone explained things. (Invented.)',
    publishedAt: '2026-11-20T09:00:00Z',
    ...changes,
  }
}

function deletion(externalId: string): { type: string; externalId: string } {
  return { type: 'deletion', externalId }
}

function outcomesIn({ items }: Answer['body']): string[] {
  return items.map(({ outcome }: { outcome: string }) => outcome)
}

function namesIn({ items }: Answer['body']): string[] {
  return items.map(({ externalId }: { externalId: string }) => externalId)
}

/** What of a push can be seen in the store. */
async function everything({ db }: Harness): Promise<unknown> {
  const { rows } = await db.pool.query(
    `select (select json_agg(s order by s.id) from sources s) as sources, (select json_agg(c order by c.id) from cases c) as cases,
       (select json_agg(i order by i.id) from items i) as items, (select count(*) from events) as events,
       (select count(*) from responses) as responses, (select count(*) from runs) as runs,
       (select count(*) from quarantined_items) as quarantined, (select count(*) from idempotency_records) as records`,
  )
  return rows
}

async function waitingForLock({ db }: Harness): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query(
      "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    if (rows.length > 0) return
  }
}
