import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, reporterOf, staffView } from './reporter.ts'

// A Monday; an escalation is taken up within two working days.
const MONDAY = new Date('2026-11-23T10:00:00.000Z')
const draft = { reason: 'no_response', text: 'They were asked twice. (Invented.)' }

t.test('escalations', async (t) => {
  let clock = MONDAY
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  await db.prisma.commissioning.updateMany({ data: { primary: true } })
  t.beforeEach(() => {
    clock = MONDAY
  })

  type Seen = { reference: string; version: number }
  const post = (
    path: string,
    { reference, version }: Seen,
    body: object,
    { key = keys.case_handler, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/${path}`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const escalate = (of: Seen, body: object = draft, more = {}) => post('escalations', of, body, more)
  const answer = (of: Seen, body: object, more = {}) =>
    post('escalation-answers', of, body, { key: keys.commissioner, ...more })
  const change = ({ reference, version }: Seen, body: object) =>
    call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body,
    })
  const list = (query = '', key = keys.case_handler) => call({ url: `/v1/escalations${query}`, key })
  const casesIn = ({ body }: Answer): string[] => body.items.map((one: { case: string }) => one.case)
  const escalated = async (changes: Record<string, unknown> = {}) => {
    const made = await publishedCase(harness, changes)
    const { body, status, text } = await escalate(made)
    if (status !== 201) throw new Error(text)
    return { ...made, version: body.version as number }
  }
  const national = async () => {
    const made = await publishedCase(harness)
    const { body } = await change(made, { commissioned: 'nationally' })
    const { body: after } = await escalate({ ...made, version: body.version })
    return { ...made, version: after.version as number }
  }
  const toldOf = async ({ reference }: Seen) => {
    await noteAll(db)
    return rows<{ kind: string; code: string | null; address: number }>(
      db.pool,
      `select n.kind, o.code, n.address from notifications n join cases c on c.id = n.case_id
       left join organisations o on o.id = n.organisation_id
       where c.reference = $1 and n.kind::text like 'escalation%' order by n.address`,
      [reference],
    )
  }
  const idOf = async (code: string) =>
    (await db.prisma.organisation.findUniqueOrThrow({ where: { code } })).id

  await t.test('it goes to the primary commissioner, who takes it up and closes it', async (t) => {
    const mine = await publishedCase(harness)
    const before = await staffView(harness, mine)
    const { status, body, headers } = await escalate(mine, draft, { 'acting-user': 'handler-2' })
    t.equal(status, 201)
    t.match(headers.etag, /^"3-/)
    t.match(body, {
      version: 3,
      organisation: { code: 'T01' },
      status: 'open',
      dueAt: before.dueAt,
      escalation: {
        case: mine.reference,
        to: { code: 'XCM01', name: 'Example Commissioner' },
        ...draft,
        state: 'waiting',
        dueAt: '2026-11-25T10:00:00.000Z',
        overdue: false,
        actingUser: 'handler-2',
        createdAt: MONDAY.toISOString(),
        acknowledgedAt: null,
        resolvedAt: null,
        answer: null,
      },
    })
    const one = { kind: 'escalation_for_commissioner', code: 'XCM01' }
    t.same(await toldOf(mine), [
      { ...one, address: 1 },
      { ...one, address: 2 },
    ])

    const read = await call({ url: `/v1/cases/${mine.reference}`, key: keys.commissioner })
    t.match(read.body, { contact: null, messages: [], escalation: { ...draft, state: 'waiting' } })
    clock = new Date('2026-11-25T10:00:00.001Z')
    t.equal((await staffView(harness, mine)).escalation.overdue, true)
    const taken = await answer(
      { ...mine, version: 3 },
      { answer: 'acknowledged', text: 'We have rung them. (Invented.)' },
      { 'acting-user': 'pct-1' },
    )
    t.equal(taken.status, 201, taken.text)
    t.match(taken.headers.etag, /^"4-/)
    t.match(taken.body, {
      contact: null,
      escalation: {
        state: 'acknowledged',
        overdue: false,
        acknowledgedAt: clock.toISOString(),
        resolvedAt: null,
        answer: 'We have rung them. (Invented.)',
      },
    })
    const again = await answer({ ...mine, version: 4 }, { answer: 'acknowledged' })
    refused(t, again, 409, 'move_not_allowed')
    t.same(again.body.allowed, ['resolved'])

    clock = new Date('2026-11-26T10:00:00.000Z')
    const closed = await answer(
      { ...mine, version: 4 },
      { answer: 'resolved', text: 'They answer now. (Invented.)' },
    )
    t.match(closed.body.escalation, {
      state: 'resolved',
      acknowledgedAt: '2026-11-25T10:00:00.001Z',
      resolvedAt: clock.toISOString(),
      answer: 'We have rung them. (Invented.)\n\nThey answer now. (Invented.)',
    })
    refused(t, await answer({ ...mine, version: 5 }, { answer: 'resolved' }), 409, 'move_not_allowed')
    t.match((await eventsOf(harness, mine)).slice(-3), [
      { type: 'case.escalated', reason: 'no_response', fields: ['escalation'], actingUser: 'handler-2' },
      {
        type: 'case.escalation_answered',
        reason: 'acknowledged',
        fields: ['escalation'],
        actingUser: 'pct-1',
      },
      { type: 'case.escalation_answered', reason: 'resolved', caseVersion: 5 },
    ])
    t.equal((await escalate({ ...mine, version: 5 })).status, 201, 'and it may be escalated again')
    t.notMatch(harness.logged(), /asked twice|rung them/)
    const dump = await rows(db.pool, 'select * from escalations')
    t.notMatch(JSON.stringify(dump), /asked twice|rung them|answer now/)
  })

  await t.test('it may be closed at once, which takes it up', async (t) => {
    const { body } = await answer(await escalated(), { answer: 'resolved' })
    const at = MONDAY.toISOString()
    t.match(body.escalation, { state: 'resolved', acknowledgedAt: at, resolvedAt: at, answer: null })
  })

  await t.test('the provider sees that it was escalated, and not what was said', async (t) => {
    const mine = await escalated()
    const read = await call({ url: `/v1/cases/${mine.reference}`, key: keys.provider })
    t.match(read.body.escalation, { reason: 'no_response', state: 'waiting', text: null, answer: null })
    const shown = await call({ url: `/v1/cases/${mine.reference}` })
    t.notOk('escalation' in shown.body)
    const own = await reporterOf(harness, mine).read()
    t.notOk('escalation' in own.body)
  })

  await t.test('the nearest primary commissioner counts, and whoever came after it', async (t) => {
    const site = await idOf('T0101')
    const [first, later, other] = (await Promise.all(
      ['XA', 'XB', 'XC'].map(async (code) => {
        const data = { code, name: `Invented ${code}`, kind: 'commissioner' as const }
        return (await db.prisma.organisation.create({ data })).id
      }),
    )) as [number, number, number]
    const toOf = async () => {
      const { body } = await escalate(await publishedCase(harness, { organisation: 'T0101' }))
      return body.escalation.to.code
    }
    await db.prisma.commissioning.create({ data: { organisationId: site, commissionerId: other } })
    t.equal(await toOf(), 'XCM01', 'that of the trust above')
    await db.prisma.commissioning.create({
      data: { organisationId: site, commissionerId: first, primary: true },
    })
    t.equal(await toOf(), 'XA')
    await db.prisma.organisation.update({ where: { id: first }, data: { active: false } })
    t.equal(await toOf(), 'XCM01', 'one that is closed is passed over')
    await db.prisma.organisation.update({ where: { id: first }, data: { succeededById: later } })
    t.equal(await toOf(), 'XB')
    await db.prisma.commissioning.deleteMany({ where: { organisationId: site } })
  })

  await t.test('without a primary commissioner somebody has to be named first', async (t) => {
    const mine = await publishedCase(harness, { organisation: 'T02' })
    const answered = await escalate(mine)
    refused(t, answered, 409, 'move_not_allowed')
    t.match(answered.body.detail, /administrator/)
  })

  await t.test('what is commissioned nationally goes to the national contact', async (t) => {
    const mine = await national()
    t.match((await staffView(harness, mine)).escalation, { to: null, state: 'waiting' })
    t.same(await toldOf(mine), [{ kind: 'escalation_for_national_contact', code: null, address: 1 }])
    refused(t, await answer(mine, { answer: 'acknowledged' }), 409, 'move_not_allowed')
    const taken = await answer(mine, { answer: 'acknowledged' }, { key: keys.case_handler })
    t.match(taken.body.escalation, { state: 'acknowledged' })
  })

  await t.test('before it is said how it is commissioned, nobody knows where to', async (t) => {
    const mine = await createCase(harness)
    const answered = await escalate(mine)
    refused(t, answered, 400, 'validation_failed', ['body /commissioned commissioned_missing'])
    const { body } = await change(mine, { commissioned: 'locally' })
    t.equal((await escalate({ ...mine, version: body.version })).status, 201)
  })

  await t.test(
    'one at a time, and none of what nobody works on or a commissioner does not see',
    async (t) => {
      refused(t, await escalate(await escalated()), 409, 'move_not_allowed')
      const withdrawn = await publishedCase(harness)
      await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
      refused(t, await escalate({ ...withdrawn, version: 3 }), 409, 'move_not_allowed')
      const kept = await createCase(harness, { kind: 'question' })
      const { body } = await change(kept, { commissioned: 'locally' })
      refused(t, await escalate({ ...kept, version: body.version }), 409, 'move_not_allowed')
      const passed = await change({ ...kept, version: body.version }, { passedOn: true })
      t.equal((await escalate({ ...kept, version: passed.body.version })).status, 201)
      const none = await publishedCase(harness)
      refused(t, await answer(none, { answer: 'resolved' }), 409, 'move_not_allowed')
    },
  )

  await t.test('a closed case keeps its escalation open, for the commissioner to close', async (t) => {
    const mine = await escalated()
    const { body } = await change(mine, { status: 'unable_to_resolve' })
    t.match(body.escalation, { state: 'waiting' })
    t.equal((await answer({ ...mine, version: body.version }, { answer: 'resolved' })).status, 201)
  })

  await t.test(
    'the commissioner answers, nobody for it, unless it has nothing to do with the case any more',
    async (t) => {
      const mine = await escalated()
      const handler = { key: keys.case_handler }
      const tried = await answer(mine, { answer: 'resolved' }, handler)
      refused(t, tried, 409, 'move_not_allowed')
      t.match(tried.body.detail, /XCM01/)
      // Another commissioner of the same organisation.
      const at = await idOf('T01')
      const data = { code: 'XD', name: 'Invented XD', kind: 'commissioner' as const }
      const { id } = await db.prisma.organisation.create({ data })
      await db.prisma.commissioning.create({ data: { organisationId: at, commissionerId: id } })
      const key = await harness.addClient({ name: 'beside', role: 'commissioner', organisationIds: [id] })
      refused(t, await answer(mine, { answer: 'resolved' }, { key }), 409, 'move_not_allowed')
      t.notOk(casesIn(await list('?limit=100', key)).includes(mine.reference))

      const moved = await change(mine, { organisation: 'T02' })
      const now = { ...mine, version: moved.body.version }
      refused(t, await answer(now, { answer: 'resolved' }), 403, 'not_your_case')
      t.notOk(casesIn(await list('?limit=100', keys.commissioner)).includes(mine.reference))
      t.equal((await answer(now, { answer: 'resolved' }, handler)).status, 201)
    },
  )

  await t.test('what is asked for is checked, and a repeat is answered again', async (t) => {
    const mine = await publishedCase(harness)
    for (const body of [{}, { reason: 'late' }, { ...draft, text: ' ' }, { ...draft, to: 'XCM01' }])
      refused(t, await escalate(mine, body), 400, 'validation_failed')
    refused(t, await escalate({ ...mine, version: 1 }), 412, 'version_stale')
    const url = `/v1/cases/${mine.reference}/escalations`
    const bare = { method: 'POST' as const, url, key: keys.case_handler, body: draft }
    refused(t, await call({ ...bare, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...bare, headers: { 'if-match': '"2"' } }), 400, 'validation_failed')
    const repeat = { 'idempotency-key': 'once' }
    const [first, second] = [await escalate(mine, draft, repeat), await escalate(mine, draft, repeat)]
    t.same(second.body, first.body)
    refused(t, await escalate(mine, { reason: 'safety' }, repeat), 422, 'idempotency_key_reused')

    const now = { ...mine, version: first.body.version }
    for (const body of [{}, { answer: 'waiting' }, { answer: 'resolved', text: '' }])
      refused(t, await answer(now, body), 400, 'validation_failed')
    const taken = [
      await answer(now, { answer: 'resolved' }, repeat),
      await answer(now, { answer: 'resolved' }, repeat),
    ]
    t.same(
      taken.map(({ status }) => status),
      [201, 201],
    )
  })

  await t.test('nobody else escalates or answers', async (t) => {
    const mine = await publishedCase(harness)
    for (const [key, code] of [
      [keys.provider, 'scope_missing'],
      [keys.second_tier, 'scope_missing'],
      [keys.commissioner, 'not_your_case'],
      [keys.other_commissioner, 'not_your_case'],
    ] as const)
      refused(t, await escalate(mine, draft, { key }), 403, code)
    refused(t, await escalate({ ...mine, reference: '0000-0000-0000-0' }), 404, 'not_found')
    const url = `/v1/cases/${mine.reference}/escalations`
    refused(t, await call({ method: 'POST', url, body: draft, headers: staff(2) }), 401, 'key_missing')
    const there = await escalated()
    refused(
      t,
      await answer(there, { answer: 'resolved' }, { key: keys.other_commissioner }),
      403,
      'not_your_case',
    )
    refused(
      t,
      await answer({ ...there, reference: '0000-0000-0000-0' }, { answer: 'resolved' }),
      404,
      'not_found',
    )
    refused(t, await list('', keys.provider), 403, 'scope_missing')
    refused(t, await call({ url: '/v1/escalations' }), 401, 'key_missing')
  })

  await t.test(
    'the list begins with what is due first, for the central team and for a commissioner',
    async (t) => {
      await rows(db.pool, 'delete from escalations')
      const made: string[] = []
      for (const hours of [5, 1, 3]) {
        clock = new Date(MONDAY.getTime() + hours * 3_600_000)
        made.push((await escalated()).reference)
      }
      clock = MONDAY
      made.push((await national()).reference)
      const [five, one, three, nowhere] = made as [string, string, string, string]
      const { body } = await list()
      t.same(casesIn({ body } as Answer), [nowhere, one, three, five])
      t.match(body.items[1], { ...draft, state: 'waiting', to: { code: 'XCM01' } })
      t.same(casesIn(await list('', keys.commissioner)), [one, three, five])
      t.same(casesIn(await list('', keys.other_commissioner)), [])

      const walked: string[] = []
      for (let after = '', pages = 0; pages < 5; pages++) {
        const page = await list(`?limit=2${after}`)
        walked.push(...casesIn(page))
        if (page.body.next === null) break
        after = `&after=${page.body.next}`
      }
      t.same(walked, [nowhere, one, three, five])
      await answer({ reference: one, version: 3 }, { answer: 'acknowledged' })
      await answer({ reference: three, version: 3 }, { answer: 'resolved' })
      t.same(casesIn(await list('?state=acknowledged')), [one])
      t.same(casesIn(await list('?state=waiting&state=acknowledged', keys.commissioner)), [one, five])
      t.same(casesIn(await list('?state=resolved')), [three])
      refused(t, await list('?state=open'), 400, 'validation_failed')
      refused(t, await list('?after=nothing'), 400, 'validation_failed', ['query /after unknown_cursor'])
      const forged = Buffer.from(JSON.stringify(['2026-99-99T00:00:00.000Z', 1])).toString('base64url')
      refused(t, await list(`?after=${forged}`), 400, 'validation_failed', ['query /after unknown_cursor'])

      const { text, status } = await list('?format=csv')
      t.equal(status, 200)
      const [heading, first] = text.split('\r\n')
      t.match(heading, /escalation,case,to\.code,to\.name,reason,text,state/)
      t.match(first, new RegExp(`,${nowhere},,,no_response,`))
      const noted = await rows<{ cases: string[] }>(
        db.pool,
        `select cases from accesses where operation = 'listEscalations' order by id desc limit 1`,
      )
      t.ok(noted[0]?.cases.includes(five), 'who reads them is noted')
    },
  )
})

t.test('a concern that is paused, answered, extended, escalated and closed, with its clocks', async (t) => {
  let clock = MONDAY
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  await db.prisma.commissioning.updateMany({ data: { primary: true } })
  const mine = await publishedCase(harness)
  const { post, read } = reporterOf(harness, mine)
  let version = mine.version
  const step = async (method: 'POST' | 'PATCH', path: string, body: object, key = keys.provider) => {
    const url = `/v1/cases/${mine.reference}${path}`
    const answer = await call({ method, url, key, headers: staff(version), body })
    if (answer.status >= 300) throw new Error(answer.text)
    version = (await staffView(harness, mine)).version
  }
  const clocks = async (expected: Record<string, unknown>, what: string) => {
    const { dueAt, overdue, respondDueAt } = await staffView(harness, mine)
    t.match({ dueAt, overdue, respondDueAt }, expected, what)
  }
  await clocks({ dueAt: '2026-11-26T10:00:00.000Z' }, 'to be acknowledged')
  await step('PATCH', '', { status: 'in_progress' })
  await clocks({ dueAt: '2026-12-30T10:00:00.000Z', overdue: false }, 'to be answered')

  clock = new Date('2026-12-04T17:00:00.000Z')
  await step('POST', '/pause', { text: 'Which ward were you on? (Invented.)' })
  await clocks({ dueAt: null, overdue: false, respondDueAt: '2026-12-30T10:00:00.000Z' }, 'waits')

  clock = new Date('2026-12-07T12:00:00.000Z')
  t.equal((await post('additions', { text: 'Ward nine. (Invented.)' })).status, 201)
  version += 1
  // Seven hours of Friday and twelve of Monday.
  await clocks({ dueAt: '2026-12-31T05:00:00.000Z' }, 'goes on with what was left')

  await step('POST', '/extensions', {
    workingDays: 2,
    reason: 'They are away. (Invented.)',
    consent: 'asked',
  })
  await clocks({ dueAt: '2026-12-31T05:00:00.000Z' }, 'waits for consent')
  t.match((await read()).body, { extension: { state: 'waiting' } })
  t.equal((await post('extension-answers', { answer: 'agreed' })).status, 201)
  version += 1
  await clocks({ dueAt: '2027-01-05T05:00:00.000Z' }, 'longer, and the new year is no working day')

  clock = new Date('2027-01-06T09:00:00.000Z')
  await clocks({ dueAt: '2027-01-05T05:00:00.000Z', overdue: true }, 'overdue')
  await step('POST', '/escalations', { reason: 'overdue' }, keys.case_handler)
  t.match((await staffView(harness, mine)).escalation, { dueAt: '2027-01-08T09:00:00.000Z' })
  await clocks(
    { dueAt: '2027-01-05T05:00:00.000Z', overdue: true },
    'escalating changes no clock of the case',
  )
  await step('POST', '/escalation-answers', { answer: 'acknowledged' }, keys.commissioner)

  await step('POST', '/responses', { text: 'We are sorry. (Invented.)', status: 'resolved' })
  await clocks({ dueAt: null, overdue: false }, 'closed')
  await step('POST', '/escalation-answers', { answer: 'resolved' }, keys.commissioner)
  const history = await call({ url: `/v1/cases/${mine.reference}/events?limit=100`, key: keys.provider })
  t.same(
    history.body.items
      .map(({ type, reason }: { type: string; reason: string | null }) =>
        [type, reason].filter(Boolean).join(' '),
      )
      .slice(2),
    [
      'case.status_changed',
      'message.created',
      'case.paused',
      'case.resumed answered',
      'message.created',
      'case.extension_asked',
      'case.extension_answered agreed',
      'case.escalated overdue',
      'case.escalation_answered acknowledged',
      'response.created',
      'case.status_changed',
      'case.escalation_answered resolved',
    ],
  )
})
