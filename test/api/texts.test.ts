import t from 'tap'
import { holdSource } from '../../domain/ingest-items.ts'
import { takeText } from '../../domain/receive-text.ts'
import { inTransaction } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, startHarness } from './harness.ts'

const NOW = new Date('2026-11-26T12:00:00.000Z')
const NUMBER = '447700900222'

t.test('a text message', async (t) => {
  const { send, text, caseOf, told, harness } = await setting(t)
  const { db, call, keys } = harness

  await t.test('becomes feedback in private, and is told how to raise a concern', async (t) => {
    const { status, body } = await send(text({ message: 'The new clinic is easy to find. (Invented.)' }))
    t.equal(status, 200)
    t.match(body, { outcome: 'created', kind: 'feedback', advice: /raise a concern/ })
    const seen = await caseOf(body)
    t.match(seen, {
      kind: 'feedback',
      channel: 'sms',
      status: 'open',
      publication: 'awaiting_moderation',
      privacy: 'private',
      organisation: { code: 'T01' },
      category: 'other',
      wantsResponse: false,
      original: { title: null, text: 'The new clinic is easy to find. (Invented.)' },
      contact: { name: null, email: null, phone: '447700900111', preferred: 'phone' },
      reportedAt: '2026-11-26T11:00:00.000Z',
      source: null,
    })
    t.equal((await call({ url: `/v1/cases/${body.reference}` })).body.view, 'stub')
    const stored = await db.prisma.case.findUniqueOrThrow({
      where: { reference: body.reference },
      include: { client: true },
    })
    t.equal(stored.client?.name, 'feed provider', 'it keeps the client that it came through')
    t.ok(stored.phoneIndex !== null, 'its sender is found again')
    t.ok(stored.moderateDueAt !== null, 'and its clocks run')
    t.equal(stored.respondDueAt, null)
  })

  await t.test('that ends with a question mark is a question, which wants an answer', async (t) => {
    const { body } = await send(text({ message: 'When does the clinic open? (Invented) Or not?' }))
    t.match(body, { outcome: 'created', kind: 'question', advice: null })
    const seen = await caseOf(body)
    t.match(seen, { kind: 'question', wantsResponse: true })
    t.ok(seen.clocks?.respond !== null)
    t.same(await told(body), [], 'nobody is told until it is passed on')
  })

  await t.test(
    'that speaks of danger is urgent, alerts whoever is on call, and is told what to do now',
    async (t) => {
      const { body } = await send(text({ message: 'I want to kill myself. (Invented.)' }))
      t.match(body, { outcome: 'created', kind: 'feedback', advice: /999.*116 123/ })
      t.match(await caseOf(body), { urgent: true })
      t.same(await told(body), ['urgent_for_on_call'])
    },
  )

  await t.test('feedback is told at once where the organisation wants that', async (t) => {
    const set = (feedbackNotice: 'at_once' | 'digest') =>
      db.prisma.organisation.update({
        where: { code: 'T01' },
        data: { feedbackNotice, notifyEmail: 'pals@example.org' },
      })
    await set('at_once')
    const { body } = await send(text({ message: 'Kind staff. (Invented.)' }))
    t.same(await told(body), ['case_for_organisation', 'case_for_organisation'])
    await set('digest')
  })

  await t.test('that comes again under its id changes nothing, also five times at once', async (t) => {
    const message = text({ id: 'again-1', message: 'Five times. (Invented.)' })
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => send(message)))
    t.same(answers.map(({ body }) => body.outcome).sort(), ['created', ...Array(4).fill('unchanged')])
    t.equal(new Set(answers.map(({ body }) => body.reference)).size, 1)
    for (const { body } of answers) t.match(body, { kind: 'feedback', advice: /raise a concern/ })
    const { rows } = await db.pool.query(
      "select external_id, type, state, read_by, case_id is not null as has_case from items where external_id = 'notify:again-1'",
    )
    t.same(rows, [
      { external_id: 'notify:again-1', type: 'story', state: 'live', read_by: 'text', has_case: true },
    ])
    const other = await send({ ...message, message: 'Other words. (Invented.)' })
    t.match(other.body, { outcome: 'unchanged', reference: answers[0]?.body.reference })
    t.match(await caseOf(other.body), { original: { text: 'Five times. (Invented.)' } })
  })

  await t.test('has a run with its counts, and a source that has heard from its provider', async (t) => {
    await send(text({ id: 'run-1', message: 'Counted. (Invented.)' }))
    const { body } = await call({ url: '/v1/sources/pushed/runs?limit=1', key: keys.feed_provider })
    t.match(body.items, [
      { kind: 'text', state: 'succeeded', outcome: 'received', seen: 1, created: 1, unchanged: 0 },
    ])
    const source = (await call({ url: '/v1/sources/pushed', key: keys.feed_provider })).body
    t.match(source, { lastSuccessAt: NOW.toISOString(), lastChangedAt: NOW.toISOString() })
  })

  await t.test('older than a week tells nobody and starts no clock', async (t) => {
    const { body } = await send(
      text({ message: 'I want to kill myself. (Invented.)', date_received: '2026-11-19T11:59:59.000000Z' }),
    )
    const { reportedAt, urgent, dueAt } = await caseOf(body)
    t.match(
      { reportedAt, urgent, dueAt },
      { reportedAt: '2026-11-19T11:59:59.000Z', urgent: true, dueAt: null },
    )
    t.same(await told(body), [])
  })

  await t.test('with a time that cannot be came now', async (t) => {
    for (const date_received of ['2026-11-27T09:00:00Z', 'yesterday', '2026-02-30T09:00:00Z']) {
      const { body } = await send(text({ message: `At ${date_received}. (Invented.)`, date_received }))
      t.equal((await caseOf(body)).reportedAt, NOW.toISOString(), date_received)
    }
  })

  await t.test('says nothing of itself in the log or the events', async (t) => {
    const events = JSON.stringify((await db.pool.query('select * from events')).rows)
    t.notMatch(harness.logged() + events, /Invented|447700900|notify:/)
  })
})

t.test('which organisation a text is about', async (t) => {
  const { send, text, caseOf, harness } = await setting(t)
  const { db } = harness
  const organisationOf = async (changes: object) => {
    const { body } = await send(text(changes))
    const { organisation, original } = await caseOf(body)
    return [organisation.code, original.text]
  }

  await t.test(
    'the one whose code it begins with, in any form and also a former one, without that word',
    async (t) => {
      for (const message of ['T02 Kind. (Invented.)', 't02: Kind. (Invented.)', ' T-02, Kind. (Invented.)'])
        t.same(await organisationOf({ message }), ['T02', 'Kind. (Invented.)'], message)
      t.same(await organisationOf({ message: 'old1 Kind. (Invented.)' }), ['T01', 'Kind. (Invented.)'])
      t.same(await organisationOf({ message: 'T0101 Kind. (Invented.)' }), ['T0101', 'Kind. (Invented.)'])
      t.same(await organisationOf({ message: 'T02' }), ['T02', 'T02'])
    },
  )

  await t.test('the one to which the number belongs, in any form', async (t) => {
    for (const destination_number of [
      NUMBER,
      `+${NUMBER}`,
      `00${NUMBER}`,
      '07700 900222',
      '+44 (0)7700 900222',
    ])
      t.same(await organisationOf({ destination_number }), ['T01', 'A text. (Invented.)'], destination_number)
    t.same(await organisationOf({ message: 'NONE1 Kind. (Invented.)' }), ['T01', 'NONE1 Kind. (Invented.)'])
  })

  await t.test('a word that happens to be called like a trust is a word', async (t) => {
    await db.prisma.organisation.create({ data: { code: 'RAN', name: 'Example Trust', kind: 'trust' } })
    for (const message of ['Ran out of time. (Invented.)', 'RAN OUT OF TIME'])
      t.same(await organisationOf({ message }), ['T01', message])
    t.same(await organisationOf({ message: 'RAN Kind. (Invented.)' }), ['RAN', 'Kind. (Invented.)'])
  })

  await t.test('the source its own, where nothing else is known', async (t) => {
    const t02 = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T02' } })
    const own = (organisationId: number | null) =>
      db.prisma.source.update({ where: { name: 'pushed' }, data: { organisationId } })
    await own(t02.id)
    t.same(await organisationOf({ destination_number: '07700 900999' }), ['T02', 'A text. (Invented.)'])
    t.same(await organisationOf({}), ['T01', 'A text. (Invented.)'])
    await own(null)
  })
})

t.test('a text that belongs nowhere', async (t) => {
  const { send, text, harness, caseOf, told } = await setting(t)
  const { db } = harness
  const waiting = async () =>
    (
      await db.pool.query(
        "select external_id, reason, detail, read_by, raw_sealed, encode(fingerprint, 'hex') as hash, source_id from quarantined_items order by id",
      )
    ).rows
  const lost = text({ id: 'lost-1', destination_number: '07700 900999', message: 'Where? (Invented.) Here?' })

  await t.test('waits in quarantine as it came, sealed, and nothing is lost', async (t) => {
    const { status, body } = await send(lost)
    t.equal(status, 200)
    t.same(body, { outcome: 'quarantined', kind: null, reference: null, advice: null })
    const [row] = await waiting()
    t.match(row, { external_id: 'notify:lost-1', reason: 'organisation_unknown', read_by: 'text' })
    t.match(row.detail, /447700900999.*alias/)
    t.notMatch(row.detail + row.raw_sealed, /Invented|447700900111/)
    t.same(
      JSON.parse(db.vault.open(`quarantined_items.raw:${row.source_id}:${row.hash}`, row.raw_sealed)),
      lost,
    )
    const runs = await harness.call({
      url: '/v1/sources/pushed/runs?limit=1',
      key: harness.keys.feed_provider,
    })
    t.match(runs.body.items, [{ kind: 'text', quarantined: 1, created: 0 }])
  })

  await t.test('waits there once, however often it comes', async (t) => {
    t.match((await send(lost)).body, { outcome: 'quarantined' })
    t.equal((await waiting()).length, 1)
  })

  const redrive = (now = NOW) =>
    inTransaction(db, async (tx) => {
      const [row] = await waiting()
      const source = await holdSource(tx, row.source_id)
      if (source === undefined) throw new Error('there is no source')
      return takeText(tx, source, JSON.stringify(lost), now)
    })

  await t.test('stays there when it is tried again too early', async (t) => {
    t.match(await redrive(), { result: { outcome: 'quarantined', reason: 'organisation_unknown' } })
    t.equal((await waiting()).length, 1)
  })

  await t.test('leaves it when its number is known, as if it had come today', async (t) => {
    const t01 = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T01' } })
    await db.prisma.organisationExternalId.create({
      data: { scheme: 'pushed', code: '447700900999', organisationId: t01.id },
    })
    const { result, kind } = await redrive()
    t.match(result, { outcome: 'created', externalId: 'notify:lost-1', caseReference: /-/ })
    t.equal(kind, 'question')
    t.same(await waiting(), [])
    const stored = await db.prisma.case.findUniqueOrThrow({
      where: { reference: result.caseReference ?? '' },
      include: { client: true },
    })
    t.equal(stored.client?.name, 'feed provider')
    t.match(await caseOf({ reference: result.caseReference }), {
      channel: 'sms',
      organisation: { code: 'T01' },
    })
    t.match((await send(lost)).body, { outcome: 'unchanged', reference: result.caseReference })
  })

  await t.test('about an organisation that takes no cases waits too, and says why', async (t) => {
    await db.prisma.organisation.update({
      where: { code: 'T02' },
      data: { acceptsCasesFrom: new Date('2026-12-24T00:00:00Z'), whereToTurn: 'Telephone us. (Invented.)' },
    })
    for (const [message, detail] of [
      ['T02 Kind. (Invented.)', /takes cases from 2026-12-24 on/],
      ['T09 Kind. (Invented.)', /takes cases has the code "T09"/],
      [' \n ', /says nothing/],
    ] as const) {
      t.match((await send(text({ message }))).body, { outcome: 'quarantined', reference: null })
      const row = (await waiting()).at(-1)
      t.match(row.detail, detail)
      t.equal(row.reason, message.trim() === '' ? 'malformed' : 'organisation_unknown')
    }
  })

  await t.test('of a client that only tries out becomes a case that is only tried out', async (t) => {
    const { id } = await db.prisma.source.create({
      data: { name: 'trying', title: 'Trying', organisationScheme: 'pushed', state: 'active' },
    })
    const key = await harness.addClient({ name: 'trying', role: 'feed_provider', sourceId: id, test: true })
    const { body } = await harness.call({
      method: 'POST',
      url: '/v1/sources/trying/texts',
      key,
      body: text({ message: 'I want to kill myself. (Invented.)' }),
    })
    const stored = await db.prisma.case.findUniqueOrThrow({ where: { reference: body.reference } })
    t.equal(stored.test, true)
    t.same(await told(body), [])
  })
})

t.test('who may send texts, and how', async (t) => {
  const { send, text, harness } = await setting(t)
  const { call, db, keys } = harness
  const post = (key: string | undefined, name: string, body: unknown = text({})): Promise<Answer> =>
    call({ method: 'POST', url: `/v1/sources/${name}/texts`, ...(key !== undefined && { key }), body })

  await t.test('the provider of the source alone', async (t) => {
    refused(t, await post(undefined, 'pushed', {}), 401, 'key_missing')
    refused(t, await post(keys.administrator, 'pushed', {}), 403, 'scope_missing')
    refused(t, await post(keys.case_handler, 'pushed'), 403, 'scope_missing')
    refused(t, await post(keys.feed_provider, 'elsewhere'), 403, 'not_your_source')
    refused(t, await post(keys.feed_provider, 'nothing'), 404, 'not_found')
  })

  await t.test('as GOV.UK Notify does, and what it may send more is not read', async (t) => {
    t.equal((await send({ ...text({}), service_id: 'new', nested: { a: [1] } })).status, 200)
    const { message: _, ...without } = text({})
    refused(t, await send(without), 400, 'validation_failed', ['body /message missing'])
    for (const [change, field] of [
      [{ id: '' }, 'body /id too_short'],
      [{ id: 7 }, 'body /id wrong_type'],
      [{ message: 'a\u0000b' }, 'body /message wrong_format'],
      [{ message: 'x'.repeat(5_001) }, 'body /message too_long'],
      [{ source_number: 'x'.repeat(51) }, 'body /source_number too_long'],
    ] as const)
      refused(t, await send({ ...text({}), ...change }), 400, 'validation_failed', [field])
    const form = await call({
      method: 'POST',
      url: '/v1/sources/pushed/texts',
      key: keys.feed_provider,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'id=1',
    })
    refused(t, form, 415, 'media_type_unsupported')
  })

  await t.test('while the source is not paused', async (t) => {
    const before = await db.prisma.run.count()
    await db.pool.query("update sources set state = 'paused' where name = 'pushed'")
    refused(t, await send(text({})), 409, 'source_paused')
    t.equal(await db.prisma.run.count(), before)
  })
})

async function setting(t: Parameters<typeof startHarness>[0]) {
  const harness = await startHarness(t, { now: () => NOW })
  const { call, db, keys } = harness
  const t01 = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T01' } })
  await db.prisma.organisationExternalId.create({
    data: { scheme: 'pushed', code: NUMBER, organisationId: t01.id },
  })
  let n = 0
  const text = (changes: object): Record<string, string> => ({
    id: `text-${++n}`,
    source_number: '447700900111',
    destination_number: NUMBER,
    message: 'A text. (Invented.)',
    date_received: '2026-11-26T11:00:00.000000Z',
    ...changes,
  })
  const send = (body: unknown): Promise<Answer> =>
    call({ method: 'POST', url: '/v1/sources/pushed/texts', key: keys.feed_provider, body })
  const caseOf = async ({ reference }: { reference: string | null }): Promise<Answer['body']> =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
  const told = async ({ reference }: { reference: string }): Promise<string[]> => {
    await noteAll(db)
    return (await db.prisma.notification.findMany({ where: { case: { reference } } }))
      .map(({ kind }) => kind)
      .sort()
  }
  return { harness, text, send, caseOf, told }
}
