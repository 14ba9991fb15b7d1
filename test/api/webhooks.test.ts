import t from 'tap'
import { newWebhookSecret } from '../../domain/webhook-signatures.ts'
import { refused } from './answers.ts'
import { type Answer, startHarness } from './harness.ts'
import { signed } from './signed.ts'

const NOW = new Date('2026-11-26T12:00:00.000Z')

t.test('a signed webhook', async (t) => {
  const { send, deliver, message, secret, db, harness } = await setting(t)

  await t.test('is answered item by item, with a run of its own', async (t) => {
    const { status, body } = await deliver(
      message([
        story('w-1'),
        { type: 'reply', externalId: 'w-2', inReplyTo: 'w-1', text: 'Thank you. (Invented.)' },
        { type: 'poem', externalId: 'w-3' },
        12,
      ]),
    )
    t.equal(status, 200)
    t.match(body, { dryRun: false, run: { kind: 'webhook', state: 'succeeded', seen: 4, created: 2 } })
    t.match(body.items, [
      { externalId: 'w-1', outcome: 'created' },
      { externalId: 'w-2', outcome: 'created', reference: body.items[0].reference },
      { externalId: 'w-3', outcome: 'quarantined', reason: 'malformed' },
      { externalId: null, outcome: 'quarantined' },
    ])
    const source = (await harness.call({ url: '/v1/sources/pushed', key: harness.keys.administrator })).body
    t.match(source, { lastSuccessAt: NOW.toISOString(), lastChangedAt: NOW.toISOString() })
    const events = await db.prisma.event.findMany({
      where: { caseReference: body.items[0].reference },
      include: { source: true },
    })
    t.ok(events.length > 0)
    t.ok(
      events.every((event) => event.source?.name === 'pushed' && event.clientId === null),
      'its events name the source, as no client has sent it',
    )
  })

  await t.test('may hold one item alone, and what else its body says is not read', async (t) => {
    const one = JSON.stringify({ type: 'item.created', more: { a: 1 }, data: story('alone') })
    t.match((await deliver(one)).body, { run: { seen: 1, created: 1 }, items: [{ externalId: 'alone' }] })
    const { rows } = await db.pool.query("select read_by from items where external_id = 'alone'")
    t.same(rows, [{ read_by: 'pushed' }])
  })

  await t.test('is over the very bytes, so JSON may be written as one likes', async (t) => {
    const spaced = `\n{ "data" :\t${JSON.stringify(story('spaced'))} }\r\n`
    t.equal((await deliver(spaced)).status, 200)
    const compact = JSON.stringify({ data: story('spaced') })
    const headers = signed(spaced, { secret, at: NOW })
    refused(t, await send(compact, headers), 401, 'signature_invalid')
  })

  await t.test('that comes again gets the first answer, also five times at once', async (t) => {
    const body = message([story('again-1')])
    const answers = await Promise.all(
      [0, 1, 2, 3, 4].map((seconds) =>
        deliver(body, { id: 'msg_again', at: new Date(NOW.getTime() + seconds * 1_000) }),
      ),
    )
    t.equal(new Set(answers.map(({ text }) => text)).size, 1, answers.map(({ text }) => text).join('\n'))
    t.match(answers[0]?.body, { items: [{ outcome: 'created' }] })
    const { rows } = await db.pool.query("select count(*)::int as n from items where external_id = 'again-1'")
    t.same(rows, [{ n: 1 }])
    const other = await deliver(message([story('again-2')]), { id: 'msg_again' })
    refused(t, other, 422, 'idempotency_key_reused')
    const anew = await deliver(body, { id: 'msg_another' })
    t.match(anew.body, { items: [{ outcome: 'unchanged' }] }, 'and another id is another message')
  })

  await t.test('that cannot be read is refused at its place, once it is known who has signed', async (t) => {
    for (const [body, fields] of [
      ['', ['body  wrong_format']],
      ['{"data":', ['body  wrong_format']],
      ['[]', ['body  wrong_format']],
      [Buffer.from([0x7b, 0xff, 0x7d]), ['body  wrong_format']],
      [`{"data":${'['.repeat(100)}${']'.repeat(100)}}`, ['body  wrong_format']],
      ['{}', ['body /data missing']],
      ['{"data":[]}', ['body /data wrong_type']],
      ['{"data":{"items":{}}}', ['body /data/items wrong_type']],
      [message([]), ['body /data/items too_few']],
      [message(Array(501).fill(story('many'))), ['body /data/items too_many']],
    ] as Array<[string | Buffer, string[]]>) {
      refused(t, await deliver(body), 400, 'validation_failed', fields)
      refused(
        t,
        await send(body, signed(body, { secret: newWebhookSecret(), at: NOW })),
        401,
        'signature_invalid',
      )
    }
    t.equal((await deliver(message(Array.from({ length: 500 }, (_, n) => story(`n-${n}`))))).status, 200)
  })

  await t.test('is JSON of at most 1 MiB', async (t) => {
    const body = message([story('typed')])
    const headers = signed(body, { secret, at: NOW })
    refused(t, await send(body, { ...headers, 'content-type': 'text/plain' }), 415, 'media_type_unsupported')
    const charset = { ...headers, 'content-type': 'Application/JSON; charset=utf-8' }
    t.equal((await send(body, charset)).status, 200)
    refused(t, await deliver(' '.repeat(1024 * 1024 + 1)), 413, 'body_too_large')
  })

  await t.test('says nothing of itself in the log', async (t) => {
    t.notMatch(harness.logged(), /Invented|msg_|whsec_|v1,/)
  })
})

t.test('who has not signed', async (t) => {
  const { send, message, secret, harness, addSecret } = await setting(t)
  const body = message([story('s-1')])
  const good = signed(body, { secret, id: 'msg_1', at: NOW })
  const without = (name: string) => Object.fromEntries(Object.entries(good).filter(([key]) => key !== name))

  await t.test('is told what is missing, or how far the time is off', async (t) => {
    for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
      const answer = await send(body, without(name))
      refused(t, answer, 401, 'signature_invalid')
      t.match(answer.body.detail, new RegExp(name))
    }
    for (const seconds of [-301, 301]) {
      const at = new Date(NOW.getTime() + seconds * 1_000)
      const answer = await send(body, signed(body, { secret, at }))
      refused(t, answer, 401, 'signature_invalid')
      t.match(answer.body.detail, /five minutes/)
    }
    const v1a = await send(body, { ...good, 'webhook-signature': 'v1a,AAAA' })
    refused(t, v1a, 401, 'signature_invalid')
    t.match(v1a.body.detail, /v1/)
  })

  await t.test('is told the same for a wrong secret, no secret and no source', async (t) => {
    const wrong = signed(body, { secret: newWebhookSecret(), at: NOW })
    const answers = [
      await send(body, wrong),
      await send(`${body} `, good),
      await send(body, { ...good, 'webhook-id': 'msg_2' }),
      await send(body, good, 'elsewhere'),
      await send(body, good, 'nothing'),
    ]
    for (const answer of answers) {
      refused(t, answer, 401, 'signature_invalid')
      const { requestId: _, ...said } = answer.body
      const { requestId: __, ...first } = answers[0]?.body ?? {}
      t.same(said, first)
    }
  })

  await t.test('is not let in by a key', async (t) => {
    const { call, keys } = harness
    for (const key of [keys.feed_provider, keys.administrator]) {
      const answer = await call({
        method: 'POST',
        url: '/v1/sources/pushed/webhooks',
        key,
        headers: { 'content-type': 'application/json' },
        body,
      })
      refused(t, answer, 401, 'signature_invalid')
    }
    t.equal(
      (await send(body, { ...good, authorization: 'Bearer nonsense' })).status,
      200,
      'nor kept out by one',
    )
  })

  await t.test('has signed with either of two secrets, until one ends', async (t) => {
    const { id, secret: second } = await addSecret()
    for (const one of [secret, second]) {
      const fresh = message([story('s-2')])
      t.equal((await send(fresh, signed(fresh, { secret: one, at: NOW }))).status, 200)
    }
    const { 'webhook-signature': first, ...headers } = signed(body, { secret, id: 'msg_both', at: NOW })
    const both = `v1,AAAA ${first} v2,other`
    t.equal((await send(body, { ...headers, 'webhook-signature': both })).status, 200)
    await harness.call({
      method: 'DELETE',
      url: `/v1/sources/pushed/secrets/${id}`,
      key: harness.keys.administrator,
      headers: { 'acting-user': 'admin-1' },
    })
    refused(t, await send(body, signed(body, { secret: second, at: NOW })), 401, 'signature_invalid')
    t.equal((await send(body, signed(body, { secret, at: NOW }))).status, 200)
  })

  await t.test('learns only when it has that the source is paused', async (t) => {
    await harness.db.pool.query("update sources set state = 'paused' where name = 'pushed'")
    const later = message([story('s-3')])
    refused(t, await send(later, signed(later, { secret, at: NOW })), 409, 'source_paused')
    const wrong = signed(later, { secret: newWebhookSecret(), at: NOW })
    refused(t, await send(later, wrong), 401, 'signature_invalid')
  })
})

async function setting(t: Parameters<typeof startHarness>[0]) {
  const harness = await startHarness(t, { now: () => NOW })
  const { call, db, keys } = harness
  const addSecret = async (): Promise<{ id: string; secret: string }> =>
    (
      await call({
        method: 'POST',
        url: '/v1/sources/pushed/secrets',
        key: keys.administrator,
        headers: { 'acting-user': 'admin-1' },
      })
    ).body
  const { secret } = await addSecret()
  const send = (body: string | Buffer, headers: Record<string, string>, name = 'pushed'): Promise<Answer> =>
    call({ method: 'POST', url: `/v1/sources/${name}/webhooks`, headers, body })
  const deliver = (body: string | Buffer, { id, at = NOW }: { id?: string; at?: Date } = {}) =>
    send(body, signed(body, { secret, at, ...(id !== undefined && { id }) }))
  const message = (items: unknown[]): string =>
    JSON.stringify({ type: 'items.changed', timestamp: NOW.toISOString(), data: { items } })
  return { harness, db, secret, addSecret, send, deliver, message }
}

function story(externalId: string): object {
  return {
    type: 'story',
    externalId,
    organisation: 'T01',
    text: 'Everyone explained things. (Invented.)',
    publishedAt: '2026-11-20T09:00:00Z',
  }
}
