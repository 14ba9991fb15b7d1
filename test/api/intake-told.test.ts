import t from 'tap'
import { noteAll } from '../noted.ts'
import { refused } from './answers.ts'
import { type Answer, draft, handledDraft, SERVICE, startHarness } from './harness.ts'

t.test('who is told of a new case, and what the reporter is told at once', async (t) => {
  const now = new Date('2026-11-22T23:30:00.000Z')
  const harness = await startHarness(t, { now: () => now })
  const { call, db, keys } = harness
  const submit = (
    body: unknown,
    key = keys.integrator,
    headers: Record<string, string> = {},
  ): Promise<Answer> => call({ method: 'POST', url: '/v1/cases', key, body, headers })
  const told = async ({ body }: Answer): Promise<string[]> => {
    await noteAll(db)
    const found = await db.prisma.notification.findMany({ where: { case: { reference: body.reference } } })
    return found.map(({ kind }) => kind).sort()
  }
  const stored = async ({ body }: Answer) =>
    db.prisma.case.findUniqueOrThrow({ where: { reference: body.reference } })

  await t.test('S01 the provider at both addresses, and the reporter who left an e-mail', async (t) => {
    const organisation = ['case_for_organisation', 'case_for_organisation']
    t.same(await told(await submit(draft())), [...organisation, 'receipt_for_reporter'])
    const contact = { name: 'Invented', phone: '020 7946 0000' }
    t.same(await told(await submit(draft({ contact }))), organisation)
  })

  await t.test('nobody but the reporter is told of a question', async (t) => {
    t.same(await told(await submit(draft({ kind: 'question' }))), ['receipt_for_reporter'])
  })

  await t.test(
    'feedback is told at once where the organisation, or whoever is told for it, wants that',
    async (t) => {
      const feedback = draft({ kind: 'feedback', contact: undefined, organisation: 'T0101' })
      t.same(await told(await submit(feedback)), [])
      await db.prisma.organisation.update({
        where: { code: 'T01' },
        data: { feedbackNotice: 'at_once', notifyEmail: 'pals@example.org' },
      })
      t.same(await told(await submit(feedback)), ['case_for_organisation', 'case_for_organisation'])
      t.same(await told(await submit({ ...feedback, organisation: 'T02' })), [])
    },
  )

  await t.test(
    'a text that speaks of danger is urgent, alerts whoever is on call, and is answered with guidance',
    async (t) => {
      const body = draft({
        kind: 'question',
        title: 'Help',
        text: 'I want to kill myself. (Invented.)',
        contact: { email: 'a@example.org' },
      })
      const headers = { 'idempotency-key': 'danger' }
      const answer = await submit(body, keys.integrator, headers)
      t.match(answer.body.guidance, /999.*116 123/)
      t.match(await stored(answer), { urgent: true, publication: 'awaiting_moderation' })
      t.same(await told(answer), ['receipt_for_reporter', 'urgent_for_on_call'])
      t.same((await submit(body, keys.integrator, headers)).body, answer.body, 'also when it is repeated')
      t.same(await told(answer), ['receipt_for_reporter', 'urgent_for_on_call'])
      const calm = await submit(draft())
      t.equal(calm.body.guidance, null)
      t.equal((await stored(calm)).urgent, false)
    },
  )

  await t.test('every 201 carries the notice that this is not for emergencies', async (t) => {
    t.equal((await submit(draft())).body.notice, SERVICE.notice)
  })

  await t.test('the clocks run, and the contact can be found again', async (t) => {
    const one = await stored(await submit(draft()))
    t.ok(one.dueAt !== null && one.moderateDueAt !== null)
    t.ok(one.emailIndex !== null)
    t.equal(one.phoneIndex, null)
    t.same((await stored(await submit(draft()))).emailIndex, one.emailIndex)
  })

  await t.test('before its first day an organisation takes no cases, and says where to turn', async (t) => {
    const set = (code: string, data: object) => db.prisma.organisation.update({ where: { code }, data })
    const day = (text: string) => new Date(`${text}T00:00:00Z`)
    await set('T02', {
      acceptsCasesFrom: day('2026-11-23'),
      whereToTurn: 'Telephone 020 7946 0102. (Invented.)',
    })
    const answer = await submit(draft({ organisation: 'T02' }))
    refused(t, answer, 400, 'validation_failed', ['body /organisation organisation_not_yet'])
    t.match(answer.body.errors[0].detail, /2026-11-23.*020 7946 0102/)
    const byPhone = await submit(handledDraft({ organisation: 'T02' }), keys.case_handler, {
      'acting-user': 'h',
    })
    refused(t, byPhone, 400, 'validation_failed', ['body /organisation organisation_not_yet'])
    refused(t, await call({ url: '/v1/forms/concern?organisation=T02' }), 400, 'validation_failed', [
      'query /organisation organisation_not_yet',
    ])
    await set('T02', { acceptsCasesFrom: day('2026-11-22') })
    t.equal((await submit(draft({ organisation: 'T02' }))).status, 201)
  })
})

t.test('ratings', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const rate = (ratings: unknown, changes = {}): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: draft({ kind: 'feedback', contact: undefined, ratings, ...changes }),
    })
  const stars = (question: string, answer: string, instrument = 'hospital_stars') => ({
    instrument,
    question,
    answer,
  })
  const recommend = stars('recommend', 'likely')

  await t.test('are kept with their words, and a scale that says which end is best', async (t) => {
    const answer = await rate([
      recommend,
      stars('dignity', 'very_satisfied'),
      stars('overall', 'dont_know', 'friends_and_family_2020'),
      stars('recommend', 'extremely_unlikely', 'friends_and_family_2013'),
    ])
    t.equal(answer.status, 201, answer.text)
    const { body } = await call({ url: `/v1/cases/${answer.body.reference}`, key: keys.case_handler })
    const scale = { min: 1, max: 5, best: 'max' }
    t.match(body.ratings, [
      { answer: 'Likely', value: 4, scale },
      { question: 'Were you treated with dignity and respect?', answer: 'Very satisfied', value: 5, scale },
      { answer: "Don't know", value: null, scale },
      { question: /How likely are you to recommend/, answer: 'Extremely unlikely', value: 1, scale },
    ])
  })

  await t.test('B01 without the question that the instrument needs nothing is stored', async (t) => {
    const before = await db.prisma.case.count()
    refused(t, await rate([stars('dignity', 'satisfied')]), 400, 'validation_failed', [
      'body /ratings rating_missing',
    ])
    t.equal(await db.prisma.case.count(), before)
  })

  await t.test('fit the organisation, and are questions and answers that there are, once each', async (t) => {
    const bad: Array<[unknown[], string]> = [
      [[stars('recommend', 'likely', 'practice_stars')], 'body /ratings/0/instrument unknown_instrument'],
      [[recommend, stars('parking', 'satisfied')], 'body /ratings/1/question unknown_question'],
      [[recommend, stars('dignity', 'always')], 'body /ratings/1/answer unknown_answer'],
      [[recommend, stars('recommend', 'unlikely')], 'body /ratings/1 rated_twice'],
    ]
    for (const [ratings, field] of bad) refused(t, await rate(ratings), 400, 'validation_failed', [field])
    refused(
      t,
      await rate([recommend], { kind: 'question', wantsResponse: false }),
      400,
      'validation_failed',
      ['body /ratings ratings_not_for_kind'],
    )
    t.equal((await rate([])).status, 201)
  })
})
