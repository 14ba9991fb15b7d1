import t from 'tap'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, draft, handledDraft, startHarness } from './harness.ts'

t.test('case handlers create cases that are moderated already', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const submit = (
    body: unknown,
    key = keys.case_handler,
    headers: Record<string, string> = { 'acting-user': 'handler-1' },
  ): Promise<Answer> => call({ method: 'POST', url: '/v1/cases', key, body, headers })
  const staffCase = async (answer: Answer): Promise<Answer['body']> =>
    (await call({ url: `/v1/cases/${answer.body.reference}`, key: keys.case_handler })).body
  const asPublic = async (answer: Answer): Promise<Answer> =>
    call({ url: `/v1/cases/${answer.body.reference}` })
  const eventsOf = async (answer: Answer) =>
    db.prisma.event.findMany({ where: { caseReference: answer.body.reference }, orderBy: { id: 'asc' } })
  const decisionsOf = async (answer: Answer) =>
    db.prisma.decision.findMany({ where: { case: { reference: answer.body.reference } } })

  await t.test('S11 a public case needs a moderated text, and is published at once with it', async (t) => {
    const before = await db.prisma.case.count()
    const without = handledDraft({}, { moderatedText: undefined })
    for (const body of [without, { ...without, moderation: { commissioned: 'locally', action: 'publish' } }])
      refused(t, await submit(body), 400, 'validation_failed', [
        'body /moderation/moderatedText moderated_text_missing',
      ])
    t.equal(await db.prisma.case.count(), before)

    const answer = await submit(
      handledDraft(
        { privacy: 'named' },
        { moderatedTitle: 'Waiting (invented)', breach: true, priority: 'high' },
      ),
    )
    t.match(answer.body, { publication: 'published', version: 1, guidance: null })
    t.match((await asPublic(answer)).body, {
      view: 'public',
      text: 'They waited for hours. (Invented.)',
      title: 'Waiting (invented)',
      authorName: 'Invented Person',
    })
    t.match(await staffCase(answer), {
      breach: true,
      priority: 'high',
      commissioned: 'locally',
      decisionReason: 'fit_to_publish',
      original: { text: 'We waited for hours. (Invented.)' },
    })
    t.same(
      (await eventsOf(answer)).map(({ type, reason, actingUser }) => [type, reason, actingUser]),
      [
        ['case.created', null, 'handler-1'],
        ['case.published', 'fit_to_publish', 'handler-1'],
      ],
    )
    t.match(await decisionsOf(answer), [
      { action: 'publish', reason: 'fit_to_publish', actingUser: 'handler-1', edits: [] },
    ])
  })

  await t.test('S12 who commissions it, and the channel, are needed and known', async (t) => {
    const before = await db.prisma.case.count()
    const bad: Array<[Record<string, unknown>, string]> = [
      [handledDraft({ moderation: {} }), 'body /moderation/commissioned missing'],
      [handledDraft({}, { commissioned: 'regionally' }), 'body /moderation/commissioned unknown_value'],
      [handledDraft({ moderation: undefined }), 'body /moderation missing'],
      [handledDraft({ channel: 'telepathy' }), 'body /channel unknown_value'],
      [handledDraft({ channel: undefined }), 'body /channel missing'],
    ]
    for (const [body, field] of bad) refused(t, await submit(body), 400, 'validation_failed', [field])
    t.equal(await db.prisma.case.count(), before)
  })

  await t.test('nobody else sends a case with its moderation', async (t) => {
    const { moderation } = handledDraft()
    for (const key of [keys.form, keys.integrator])
      refused(t, await submit(draft({ moderation }), key, {}), 400, 'validation_failed', [
        'body /moderation moderation_not_allowed',
      ])
  })

  await t.test('what its reporter wants private is kept private, without a text', async (t) => {
    const answer = await submit(handledDraft({ privacy: 'private' }))
    t.equal(answer.body.publication, 'kept_private')
    t.match(await staffCase(answer), { moderated: null, decisionReason: 'fit_to_publish' })
    t.match(await decisionsOf(answer), [{ action: 'keep_private' }], 'kept is what it comes down to')
    t.equal((await asPublic(answer)).body.view, 'stub')
    const asked = await submit(handledDraft({ privacy: 'private' }, { action: 'keep_private' }))
    t.equal((await staffCase(asked)).decisionReason, 'reporter_asked')
  })

  await t.test('a case that is kept private against its reporter says why', async (t) => {
    const kept = { action: 'keep_private', moderatedText: undefined }
    refused(t, await submit(handledDraft({}, kept)), 400, 'validation_failed', [
      'body /moderation/reason missing',
    ])
    const answer = await submit(handledDraft({}, { ...kept, reason: 'identifies_somebody' }))
    t.equal(answer.body.publication, 'kept_private')
    t.match(await decisionsOf(answer), [{ action: 'keep_private', reason: 'identifies_somebody' }])
  })

  await t.test('a case that is referred is for the second tier, and for nobody in public', async (t) => {
    const answer = await submit(handledDraft({}, { action: 'refer', moderatedText: undefined }))
    t.equal(answer.body.publication, 'awaiting_second_tier')
    t.equal((await asPublic(answer)).status, 404)
    t.match((await eventsOf(answer)).at(-1), {
      type: 'case.referred_to_second_tier',
      reason: 'second_opinion',
    })
    t.equal(
      (await call({ url: `/v1/cases/${answer.body.reference}`, key: keys.second_tier })).body.view,
      'staff',
    )
  })

  await t.test('an urgent one waits with its text, whoever says that it is urgent', async (t) => {
    const bySaying = await submit(handledDraft({}, { urgent: true }))
    const byText = await submit(handledDraft({ text: 'I want to die. (Invented.)' }))
    t.equal(bySaying.body.guidance, null)
    t.match(byText.body.guidance, /116 123/)
    for (const answer of [bySaying, byText]) {
      t.equal(answer.body.publication, 'awaiting_moderation')
      t.match(await staffCase(answer), {
        urgent: true,
        moderated: { text: 'They waited for hours. (Invented.)' },
        decisionReason: null,
      })
      t.equal((await asPublic(answer)).body.view, 'stub')
      t.same(await decisionsOf(answer), [])
    }
  })

  await t.test('a client that tries things out publishes nothing and tells nobody', async (t) => {
    const key = await harness.addClient({ name: 'trying handler', role: 'case_handler', test: true })
    const answer = await submit(
      handledDraft({ text: 'I want to die. (Invented.)' }, { action: 'publish' }),
      key,
    )
    t.equal(answer.status, 201, answer.text)
    const calm = await submit(handledDraft(), key)
    t.equal(calm.body.publication, 'kept_private')
    await noteAll(db)
    const cases = await db.prisma.case.findMany({
      where: { reference: { in: [answer.body.reference, calm.body.reference] } },
      include: { notifications: true },
    })
    for (const one of cases) t.match(one, { test: true, notifications: [] })
  })

  await t.test('a repeat is the same case with one decision, and an answer of the same words', async (t) => {
    const headers = { 'acting-user': 'handler-1', 'idempotency-key': 'handled' }
    const body = handledDraft(
      { text: 'I want to die. (Invented.)' },
      { action: 'keep_private', reason: 'safeguarding' },
    )
    const answers = await Promise.all(
      Array.from({ length: 3 }, () => submit(body, keys.case_handler, headers)),
    )
    const [first] = answers as [Answer]
    t.match(first.body.guidance, /116 123/)
    for (const answer of answers) t.same(answer.body, first.body)
    t.equal((await decisionsOf(first)).length, 1)
  })
})
