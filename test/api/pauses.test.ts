import t from 'tap'
import { recordOverdue } from '../../domain/overdue.ts'
import { endPausesOver } from '../../domain/pause-ends.ts'
import { inTransaction, rows } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, reporterOf, staffView, toldOf } from './reporter.ts'

// A Monday; the answer is due 25 working days later, over Christmas.
const MONDAY = new Date('2026-11-23T10:00:00.000Z')
const DUE = '2026-12-30T10:00:00.000Z'
const DAY = 24 * 3_600_000
const question = { text: 'Which ward were you on? (Invented.)', workingDays: 10 }

t.test('pauses', async (t) => {
  let clock = MONDAY
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  t.beforeEach(() => {
    clock = MONDAY
  })

  type Seen = { reference: string; receipt: string; version: number }
  const pauseOf =
    (method: 'POST' | 'DELETE') =>
    (
      { reference, version }: Omit<Seen, 'receipt'>,
      body?: object,
      more: Record<string, string> = {},
    ): Promise<Answer> => {
      const { key = keys.provider, ...headers } = more
      return call({
        method,
        url: `/v1/cases/${reference}/pause`,
        key,
        headers: { ...staff(version), ...headers },
        ...(body !== undefined && { body }),
      })
    }
  const pause = (of: Omit<Seen, 'receipt'>, body: object = question, more = {}) =>
    pauseOf('POST')(of, body, more)
  const end = (of: Omit<Seen, 'receipt'>, more = {}) => pauseOf('DELETE')(of, undefined, more)
  const change = ({ reference, version }: Omit<Seen, 'receipt'>, body: object) =>
    call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body,
    })
  /** One that is moderated and acknowledged: only the answer is due. */
  const inWork = async (): Promise<Seen> => {
    const made = await publishedCase(harness)
    const { body } = await change(made, { status: 'in_progress' })
    return { ...made, version: body.version }
  }
  const paused = async (): Promise<Seen> => {
    const made = await inWork()
    const { body, status, text } = await pause(made)
    if (status !== 201) throw new Error(text)
    return { ...made, version: body.version }
  }

  await t.test(
    'the reporter is asked, the clock stands still, and goes on when they have answered',
    async (t) => {
      const mine = await inWork()
      t.match(await staffView(harness, mine), { dueAt: DUE, pause: null })
      const { status, body, headers } = await pause(mine)
      t.equal(status, 201)
      t.match(headers.etag, /^"4-/)
      t.match(body, {
        version: 4,
        pause: { since: MONDAY.toISOString(), until: '2026-12-07T10:00:00.000Z' },
        respondDueAt: DUE,
        dueAt: null,
        overdue: false,
        messages: [{ author: 'provider', text: question.text }],
      })
      t.ok((await toldOf(harness, mine)).includes('question_for_reporter'))

      clock = new Date('2026-11-27T16:00:00.000Z')
      const { post } = reporterOf(harness, mine)
      const answered = await post('additions', {
        text: 'Ward nine. (Invented.)',
        answers: body.messages[0].message,
      })
      t.equal(answered.status, 201, answered.text)
      t.match(await staffView(harness, mine), {
        version: 5,
        pause: null,
        // Four days and six hours later, and the new year is no working day.
        respondDueAt: '2027-01-06T16:00:00.000Z',
        dueAt: '2027-01-06T16:00:00.000Z',
      })
      t.match((await eventsOf(harness, mine)).slice(-4), [
        { type: 'message.created', fields: ['messages'], caseVersion: 4, actingUser: 'person-1' },
        { type: 'case.paused', fields: ['pause', 'dueAt'], caseVersion: 4, actingUser: 'person-1' },
        {
          type: 'case.resumed',
          reason: 'answered',
          fields: ['pause', 'dueAt'],
          caseVersion: 5,
          actingUser: null,
        },
        { type: 'message.created', fields: ['messages'], caseVersion: 5, actingUser: null },
      ])
      const history = await call({ url: `/v1/cases/${mine.reference}/events`, key: keys.provider })
      t.match(history.body.items.slice(-3), [{ type: 'case.paused' }, { type: 'case.resumed' }, {}])
      t.notMatch(harness.logged(), /ward/i)
    },
  )

  await t.test('twenty working days are waited when nothing is said', async (t) => {
    const { body } = await pause(await inWork(), { text: question.text })
    t.equal(body.pause.until, '2026-12-21T10:00:00.000Z')
  })

  await t.test('whoever works on the case ends it, and the clock goes on', async (t) => {
    const mine = await paused()
    clock = new Date('2026-11-24T10:00:00.000Z')
    const { status, body } = await end(mine, { key: keys.case_handler })
    t.equal(status, 200)
    t.match(body, { pause: null, dueAt: '2026-12-31T10:00:00.000Z', version: mine.version + 1 })
    t.match((await eventsOf(harness, mine)).at(-1), {
      type: 'case.resumed',
      reason: 'ended',
      actingUser: 'person-1',
    })
    refused(t, await end({ ...mine, version: body.version }), 409, 'move_not_allowed')

    const again = await pause({ ...mine, version: body.version })
    t.equal(again.status, 201, 'and it may be paused again')
  })

  const ends: [string, string, (mine: Seen) => Promise<Answer>][] = [
    ['it is closed', 'closed', (mine) => change(mine, { status: 'resolved' })],
    [
      'its reporter withdraws it',
      'closed',
      (mine) => reporterOf(harness, mine).post('withdrawals', { what: 'case' }),
    ],
    ['triage moves it', 'moved', (mine) => change(mine, { organisation: 'T02' })],
    [
      'it is referred',
      'moved',
      ({ reference, version }) =>
        call({
          method: 'POST',
          url: `/v1/cases/${reference}/referrals`,
          key: keys.provider,
          headers: staff(version),
          body: { organisation: 'T02' },
        }),
    ],
    [
      'it closes and moves at once',
      'closed',
      (mine) => change(mine, { organisation: 'T02', status: 'resolved' }),
    ],
  ]
  for (const [what, reason, step] of ends)
    await t.test(`the clock goes on when ${what}`, async (t) => {
      const mine = await paused()
      clock = new Date('2026-11-24T10:00:00.000Z')
      const { status, text } = await step(mine)
      t.ok(status < 300, text)
      const after = await staffView(harness, mine)
      t.match(after, { pause: null, respondDueAt: '2026-12-31T10:00:00.000Z', version: mine.version + 1 })
      const resumed = (await eventsOf(harness, mine)).filter(({ type }) => type === 'case.resumed')
      t.match(resumed, [{ reason, caseVersion: mine.version + 1 }])
      t.equal(resumed.length, 1)
    })

  await t.test('a withdrawn consent to publication answers nothing', async (t) => {
    const mine = await paused()
    await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    t.ok((await staffView(harness, mine)).pause)
  })

  await t.test(
    'when the time to wait is over it goes on by itself, once, whenever that is seen',
    async (t) => {
      const mine = await paused()
      const until = Date.parse('2026-12-07T10:00:00.000Z')
      t.equal(await endPausesOver(db, new Date(until - 1)), 0)
      t.ok((await staffView(harness, mine)).pause)

      // Two workers that come three days late, one of them killed.
      const late = new Date(until + 3 * DAY)
      const killed = inTransaction(db, async (tx) => {
        await rows(tx, 'select 1 from cases where reference = $1 for update', [mine.reference])
        await endPausesOver(db, late)
        t.ok((await staffView(harness, mine)).pause, 'what somebody works on is left alone')
        throw new Error('killed')
      })
      await t.rejects(killed, { message: 'killed' })
      await Promise.all([1, 2, 3].map(() => endPausesOver(db, late)))
      t.equal(await endPausesOver(db, late), 0)
      t.match(await staffView(harness, mine), {
        version: mine.version,
        pause: null,
        respondDueAt: '2027-01-14T10:00:00.000Z',
        dueAt: '2027-01-14T10:00:00.000Z',
      })
      const resumed = (await eventsOf(harness, mine)).filter(({ type }) => type === 'case.resumed')
      t.match(resumed, [{ reason: 'over', caseVersion: mine.version, actingUser: null, clientId: null }])
      t.equal(resumed.length, 1)
    },
  )

  await t.test('whoever ends one that was over already gains nothing by coming late', async (t) => {
    const mine = await paused()
    clock = new Date('2026-12-10T10:00:00.000Z')
    t.equal((await end(mine)).body.dueAt, '2027-01-14T10:00:00.000Z')
  })

  await t.test('more than one batch goes on at one tick', async (t) => {
    const mine = await paused()
    await rows(
      db.pool,
      `with made as (
         insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id, category_code,
           original_sealed, reported_at, respond_due_at, paused_at)
         select case_key(now()), 'P' || n, 'concern', 'web', 'in_progress', 'kept_private', 'anonymous', 'anonymous', c.organisation_id, 'delays',
           'made', now(), c.respond_due_at, c.paused_at from cases c, generate_series(1, 205) n where c.reference = $1 returning id, paused_at)
       insert into pauses (case_id, since, until) select id, paused_at, paused_at + interval '1 day' from made`,
      [mine.reference],
    )
    t.equal(await endPausesOver(db, new Date(MONDAY.getTime() + DAY)), 205)
    const [left] = await rows<{ n: number }>(
      db.pool,
      `select count(*)::int as n from cases where reference ~ '^P[0-9]+$' and (paused_at is not null or due_at is distinct from $1::timestamptz)`,
      ['2026-12-31T10:00:00.000Z'],
    )
    t.equal(left?.n, 0)
    await rows(db.pool, `delete from cases where reference ~ '^P[0-9]+$'`)
  })

  await t.test('while it stands still nothing is overdue; what was overdue before stays so', async (t) => {
    const mine = await paused()
    const after = new Date('2027-02-01T10:00:00.000Z')
    await recordOverdue(db, after)
    t.notOk((await eventsOf(harness, mine)).some(({ type }) => type === 'case.overdue'))

    const late = await inWork()
    clock = new Date('2027-01-04T10:00:00.000Z')
    const asked = await pause(late)
    t.match(asked.body, { dueAt: null, overdue: false })
    clock = new Date('2027-01-06T10:00:00.000Z')
    t.match((await end({ ...late, version: asked.body.version })).body, { dueAt: DUE, overdue: true })
  })

  await t.test('other clocks run on', async (t) => {
    const mine = await createCase(harness)
    const { body } = await pause(mine)
    t.equal(body.dueAt, '2026-11-24T10:00:00.000Z', 'it is to be moderated')
    t.equal(body.acknowledgeDueAt, '2026-11-26T10:00:00.000Z')
  })

  await t.test('only a clock that runs can stand still', async (t) => {
    const closed = await inWork()
    const { body } = await change(closed, { status: 'resolved' })
    const calm = await createCase(harness, { kind: 'feedback', wantsResponse: false })
    const withdrawn = await createCase(harness)
    await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
    const twice = await paused()
    for (const one of [{ ...closed, version: body.version }, calm, { ...withdrawn, version: 2 }, twice]) {
      const answer = await pause(one)
      refused(t, answer, 409, 'move_not_allowed')
      t.equal((await staffView(harness, one)).version, one.version, answer.body.detail)
    }
    const fromFeed = await createCase(harness)
    await rows(
      db.pool,
      `update cases set channel = 'feed', client_id = null, source_id = (select min(id) from sources), contact_sealed = null where reference = $1`,
      [fromFeed.reference],
    )
    refused(t, await pause(fromFeed), 409, 'move_not_allowed')
  })

  await t.test('what is asked for is checked, and a repeat is answered again', async (t) => {
    const mine = await inWork()
    for (const body of [
      {},
      { text: ' ' },
      { text: 'a', workingDays: 0 },
      { text: 'a', workingDays: 41 },
      { text: 'a', days: 1 },
    ])
      refused(t, await pause(mine, body), 400, 'validation_failed')
    refused(t, await pause({ ...mine, version: 1 }), 412, 'version_stale')
    const bare = {
      method: 'POST' as const,
      url: `/v1/cases/${mine.reference}/pause`,
      key: keys.provider,
      body: question,
    }
    refused(t, await call({ ...bare, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...bare, headers: { 'if-match': '"3"' } }), 400, 'validation_failed')

    const repeat = { 'idempotency-key': 'pause-once' }
    const [first, second] = [await pause(mine, question, repeat), await pause(mine, question, repeat)]
    t.same([first.status, second.status], [201, 201])
    t.same(second.body, first.body)
    t.equal(first.body.messages.length, 1)
    refused(t, await pause(mine, { text: 'Other. (Invented.)' }, repeat), 422, 'idempotency_key_reused')
  })

  await t.test('nobody else pauses a case, or lets it go on', async (t) => {
    const mine = await paused()
    for (const act of [pause, (of: Seen, _body?: object, more = {}) => end(of, more)]) {
      refused(t, await act(mine, question, { key: keys.other_provider }), 403, 'not_your_case')
      refused(t, await act(mine, question, { key: keys.commissioner }), 403, 'scope_missing')
      refused(t, await act({ ...mine, reference: '0000-0000-0000-0' }, question), 404, 'not_found')
      const headers = staff(mine.version)
      const url = `/v1/cases/${mine.reference}/pause`
      refused(
        t,
        await call({
          method: act === pause ? 'POST' : 'DELETE',
          url,
          headers,
          ...(act === pause && { body: question }),
        }),
        401,
        'key_missing',
      )
    }
    t.ok((await staffView(harness, mine)).pause)
  })
})
