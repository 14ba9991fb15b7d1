import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, reporterOf, staffView, toldOf } from './reporter.ts'

// A Monday; the answer is due 25 working days later.
const MONDAY = new Date('2026-11-23T10:00:00.000Z')
const DUE = '2026-12-30T10:00:00.000Z'
const asked = { workingDays: 10, reason: 'The ward manager is away. (Invented.)', consent: 'asked' }
const phoned = { ...asked, consent: 'phone' }

t.test('extensions', async (t) => {
  let clock = MONDAY
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  t.beforeEach(() => {
    clock = MONDAY
  })

  type Seen = { reference: string; receipt: string; version: number }
  const extend = (
    { reference, version }: Omit<Seen, 'receipt'>,
    body: object,
    { key = keys.provider, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/extensions`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const change = ({ reference, version }: Omit<Seen, 'receipt'>, body: object) =>
    call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body,
    })
  /** One that is moderated and acknowledged: only the answer is due. */
  const inWork = async (changes: Record<string, unknown> = {}): Promise<Seen> => {
    const made = await publishedCase(harness, changes)
    const { body } = await change(made, { status: 'in_progress' })
    return { ...made, version: body.version }
  }
  const waiting = async (): Promise<Seen> => {
    const made = await inWork()
    const { body, status, text } = await extend(made, asked)
    if (status !== 201) throw new Error(text)
    return { ...made, version: body.version }
  }
  const answerOf =
    (mine: Seen) =>
    (answer: string, more: Record<string, string> = {}) =>
      reporterOf(harness, mine).post('extension-answers', { answer }, more)

  await t.test('the reporter is asked, agrees, and the answer is due later', async (t) => {
    const mine = await inWork()
    const { status, body, headers } = await extend(mine, asked, { 'acting-user': 'pals-3' })
    t.equal(status, 201)
    t.match(headers.etag, /^"4-/)
    const extension = {
      workingDays: 10,
      reason: asked.reason,
      consent: 'asked',
      state: 'waiting',
      createdAt: MONDAY.toISOString(),
      answeredAt: null,
    }
    t.match(body, { version: 4, extension, respondDueAt: DUE, dueAt: DUE }, 'nothing moves before they agree')
    t.ok((await toldOf(harness, mine)).includes('extension_for_reporter'))

    const { read } = reporterOf(harness, mine)
    const own = (await read()).body
    t.match(own, { extension })
    t.ok(own.allowedActions.includes('answer_extension'))

    clock = new Date('2026-11-25T10:00:00.000Z')
    const agreed = await answerOf(mine)('agreed')
    t.equal(agreed.status, 201, agreed.text)
    t.match(agreed.body, {
      view: 'reporter',
      version: 5,
      extension: { state: 'agreed', answeredAt: clock.toISOString() },
    })
    t.notOk(agreed.body.allowedActions.includes('answer_extension'))
    t.match(await staffView(harness, mine), {
      extension: { state: 'agreed' },
      respondDueAt: '2027-01-14T10:00:00.000Z',
      dueAt: '2027-01-14T10:00:00.000Z',
    })
    t.match((await eventsOf(harness, mine)).slice(-2), [
      { type: 'case.extension_asked', fields: ['extension'], actingUser: 'pals-3', caseVersion: 4 },
      { type: 'case.extension_answered', reason: 'agreed', fields: ['extension', 'dueAt'], actingUser: null },
    ])
    refused(t, await answerOf(mine)('declined'), 409, 'already_answered')
    t.notMatch(harness.logged(), /ward manager/)
    const dump = await rows(db.pool, 'select reason_sealed from extensions')
    t.notMatch(JSON.stringify(dump), /ward manager/)
  })

  await t.test('a reporter who does not agree changes nothing, and may be asked again', async (t) => {
    const mine = await waiting()
    const { body } = await answerOf(mine)('declined')
    t.match(body.extension, { state: 'declined' })
    const after = await staffView(harness, mine)
    t.match(after, { respondDueAt: DUE, dueAt: DUE })
    t.match((await eventsOf(harness, mine)).at(-1), { reason: 'declined', fields: ['extension'] })
    refused(t, await answerOf(mine)('agreed'), 409, 'already_answered')
    t.equal((await extend({ ...mine, version: after.version }, asked)).status, 201)
  })

  await t.test('whoever has the consent already vouches for it', async (t) => {
    for (const consent of ['phone', 'email', 'letter', 'in_person']) {
      const mine = await inWork()
      const { status, body } = await extend(mine, { ...asked, consent }, { 'acting-user': 'pals-4' })
      t.equal(status, 201)
      t.match(body, { extension: { state: 'agreed', consent }, dueAt: '2027-01-14T10:00:00.000Z' })
      const [kept] = await rows<{ by: string }>(
        db.pool,
        'select acting_user as by from extensions where reference = $1',
        [body.extension.extension],
      )
      t.equal(kept?.by, 'pals-4')
      t.match((await eventsOf(harness, mine)).at(-1), {
        type: 'case.extension_answered',
        reason: 'agreed',
        actingUser: 'pals-4',
      })
      t.notOk((await toldOf(harness, mine)).includes('extension_for_reporter'))
      refused(t, await answerOf(mine)('agreed'), 409, 'move_not_allowed')
    }
  })

  await t.test('consent that comes otherwise takes the place of a question that waits', async (t) => {
    const mine = await waiting()
    refused(t, await extend(mine, asked), 409, 'move_not_allowed')
    const { body } = await extend(mine, phoned)
    t.match(body, { extension: { state: 'agreed', consent: 'phone' }, dueAt: '2027-01-14T10:00:00.000Z' })
    refused(t, await answerOf(mine)('agreed'), 409, 'move_not_allowed')
    const states = await rows(
      db.pool,
      'select state from extensions where case_id = (select id from cases where reference = $1) order by id',
      [mine.reference],
    )
    t.same(states, [{ state: 'cancelled' }, { state: 'agreed' }])
  })

  await t.test('whoever left no e-mail address is asked by telephone', async (t) => {
    const mine = await inWork({ contact: { name: 'Invented Person', phone: '020 7946 0123' } })
    refused(t, await extend(mine, asked), 400, 'validation_failed', ['body /consent no_email'])
    t.equal((await extend(mine, phoned)).status, 201)
  })

  await t.test('all of them together are sixty working days at most', async (t) => {
    const mine = await inWork()
    const one = await extend(mine, { ...phoned, workingDays: 40 })
    const two = { ...mine, version: one.body.version }
    const over = await extend(two, { ...phoned, workingDays: 21 })
    refused(t, over, 400, 'validation_failed', ['body /workingDays no_days_left'])
    t.match(over.body.errors[0].detail, /20 are left/)
    refused(t, await extend(two, { ...asked, workingDays: 21 }), 400, 'validation_failed')
    t.equal((await extend(two, { ...asked, workingDays: 20 })).status, 201)
    await answerOf(mine)('agreed')
    const { version } = await staffView(harness, mine)
    refused(t, await extend({ ...mine, version }, { ...phoned, workingDays: 1 }), 400, 'validation_failed')
  })

  await t.test('closing cancels what waits, and a clock that does not run is not extended', async (t) => {
    const mine = await waiting()
    const { body } = await change(mine, { status: 'resolved' })
    t.match(body.extension, { state: 'cancelled' })
    refused(t, await answerOf(mine)('agreed'), 409, 'move_not_allowed')
    refused(t, await extend({ ...mine, version: body.version }, phoned), 409, 'move_not_allowed')
    const calm = await createCase(harness, { kind: 'feedback', wantsResponse: false })
    refused(t, await extend(calm, phoned), 409, 'move_not_allowed')
    const withdrawn = await createCase(harness)
    await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
    refused(t, await extend({ ...withdrawn, version: 2 }, phoned), 409, 'move_not_allowed')
    const never = await createCase(harness)
    const none = await answerOf(never)('agreed')
    refused(t, none, 409, 'move_not_allowed')
    t.same(none.body.allowed, ['add', 'withdraw_publication', 'withdraw_case'])
  })

  await t.test('a clock that stands still is extended too', async (t) => {
    const mine = await inWork()
    const paused = await call({
      method: 'POST',
      url: `/v1/cases/${mine.reference}/pause`,
      key: keys.provider,
      headers: staff(mine.version),
      body: { text: 'Which ward? (Invented.)' },
    })
    const longer = await extend({ ...mine, version: paused.body.version }, phoned)
    t.match(longer.body, { dueAt: null, respondDueAt: '2027-01-14T10:00:00.000Z' })
    clock = new Date('2026-11-25T10:00:00.000Z')
    await reporterOf(harness, mine).post('additions', { text: 'Ward nine. (Invented.)' })
    t.equal((await staffView(harness, mine)).dueAt, '2027-01-18T10:00:00.000Z')
  })

  await t.test('what is asked for is checked, and a repeat is answered again', async (t) => {
    const mine = await inWork()
    const { consent: _, ...unsaid } = asked
    for (const body of [
      unsaid,
      { ...asked, workingDays: 0 },
      { ...asked, workingDays: 61 },
      { ...asked, reason: ' ' },
      { ...asked, consent: 'presumed' },
      { ...asked, days: 1 },
    ])
      refused(t, await extend(mine, body), 400, 'validation_failed')
    refused(t, await extend({ ...mine, version: 1 }, asked), 412, 'version_stale')
    const url = `/v1/cases/${mine.reference}/extensions`
    const bare = { method: 'POST' as const, url, key: keys.provider, body: asked }
    refused(t, await call({ ...bare, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...bare, headers: { 'if-match': '"3"' } }), 400, 'validation_failed')

    const repeat = { 'idempotency-key': 'once' }
    const [first, second] = [await extend(mine, asked, repeat), await extend(mine, asked, repeat)]
    t.same(second.body, first.body)
    const answer = answerOf(mine)
    refused(t, await answer('maybe'), 400, 'validation_failed')
    const [agreed, again] = [await answer('agreed', repeat), await answer('agreed', repeat)]
    t.same([agreed.status, again.status], [201, 201])
    t.same(again.body, agreed.body)
    t.equal((await staffView(harness, mine)).dueAt, '2027-01-14T10:00:00.000Z', 'once')
    refused(t, await answer('declined', repeat), 422, 'idempotency_key_reused')
  })

  await t.test('of two answers at once one counts', async (t) => {
    const answer = answerOf(await waiting())
    const both = await Promise.all([answer('agreed'), answer('declined')])
    t.same(both.map(({ status }) => status).sort(), [201, 409])
  })

  await t.test('nobody else asks or answers', async (t) => {
    const mine = await waiting()
    refused(t, await extend(mine, asked, { key: keys.other_provider }), 403, 'not_your_case')
    refused(t, await extend(mine, asked, { key: keys.commissioner }), 403, 'scope_missing')
    refused(t, await extend({ ...mine, reference: '0000-0000-0000-0' }, asked), 404, 'not_found')
    const url = `/v1/cases/${mine.reference}/extension-answers`
    const body = { answer: 'agreed' }
    refused(t, await call({ method: 'POST', url, body, key: keys.case_handler }), 401, 'key_missing')
    refused(t, await call({ method: 'POST', url, body }), 401, 'key_missing')
    const other = await createCase(harness)
    refused(t, await answerOf({ ...mine, receipt: other.receipt })('agreed'), 404, 'not_found')
    refused(t, await answerOf({ ...mine, reference: '0000-0000-0000-0' })('agreed'), 404, 'not_found')
    const { body: shown } = await call({ url: `/v1/cases/${mine.reference}` })
    t.notOk('extension' in shown)
  })
})
