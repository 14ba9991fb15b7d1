import t from 'tap'
import { newReference } from '../../domain/references.ts'
import { surveyOf, surveyToken } from '../../domain/surveys.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, moveTo, type OwnCase, reporterOf, staffView, toldOf } from './reporter.ts'

const DAY = 24 * 3600_000

t.test('surveys and outcomes', async (t) => {
  let clock = new Date()
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  const idOf = async ({ reference }: { reference: string }) =>
    (await db.prisma.case.findUniqueOrThrow({ where: { reference } })).id
  const tokenOf = async (theCase: OwnCase): Promise<string | undefined> => {
    const survey = await surveyOf(db.pool, Number(await idOf(theCase)))
    return survey && surveyToken(db.pool, db.vault, survey)
  }
  const surveyed = async (changes: object = {}): Promise<OwnCase & { token: string }> => {
    const mine = await publishedCase(harness, { ...changes })
    await moveTo(harness, mine, 'resolved')
    return { ...mine, token: (await tokenOf(mine)) as string }
  }
  const read = (token: string): Promise<Answer> => call({ url: `/v1/surveys/${token}` })
  const answer = (token: string, body: unknown): Promise<Answer> =>
    call({ method: 'POST', url: `/v1/surveys/${token}`, body })
  const outcomeOf = async (theCase: OwnCase) => (await staffView(harness, theCase)).outcome

  await t.test(
    'E03 resolved, unable to resolve and unable to contact are asked once each, nothing else is',
    async (t) => {
      for (const [status, asked] of [
        ['resolved', 1],
        ['unable_to_resolve', 1],
        ['unable_to_contact', 1],
        ['referred_elsewhere', 0],
        ['in_progress', 0],
      ] as const) {
        const mine = await createCase(harness)
        await moveTo(harness, mine, status)
        if (status !== 'in_progress') {
          await moveTo(harness, mine, 'open')
          await moveTo(harness, mine, status)
        }
        const told = (await toldOf(harness, mine)).filter((kind) => kind === 'survey_for_reporter')
        t.equal(told.length, asked, status)
        t.equal((await tokenOf(mine)) !== undefined, asked === 1, status)
      }
      const abusive = await createCase(harness)
      await call({
        method: 'POST',
        url: `/v1/cases/${abusive.reference}/decisions`,
        key: keys.case_handler,
        headers: staff(abusive.version),
        body: { action: 'reject', reason: 'vexatious', commissioned: 'locally' },
      })
      t.equal((await staffView(harness, abusive)).publication, 'rejected')
      await moveTo(harness, abusive, 'resolved')
      t.notOk((await toldOf(harness, abusive)).includes('survey_for_reporter'))
    },
  )

  await t.test('who left no e-mail, withdrew, or said it already is not asked', async (t) => {
    const silent = await createCase(harness, {
      contact: { name: 'Invented Person', phone: '020 7946 0123' },
    })
    await moveTo(harness, silent, 'resolved')
    t.notOk((await toldOf(harness, silent)).includes('survey_for_reporter'))

    const withdrawn = await createCase(harness)
    await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
    t.notOk((await toldOf(harness, withdrawn)).includes('survey_for_reporter'))

    const rated = await createCase(harness)
    await moveTo(harness, rated, 'referred_elsewhere')
    await reporterOf(harness, rated).post('outcomes', { resolved: true })
    await moveTo(harness, rated, 'open')
    await moveTo(harness, rated, 'resolved')
    t.notOk((await toldOf(harness, rated)).includes('survey_for_reporter'))
  })

  await t.test('a case that is only tried out is not asked about', async (t) => {
    const key = await harness.addClient({ name: 'trying handler', role: 'case_handler', test: true })
    const mine = await createCase(harness)
    await db.pool.query('update cases set test = true where reference = $1', [mine.reference])
    const { status, text } = await call({
      method: 'POST',
      url: `/v1/cases/${mine.reference}/responses`,
      key,
      headers: staff(1),
      body: { text: 'Tried out. (Invented.)', status: 'resolved' },
    })
    t.equal(status, 201, text)
    t.equal(await tokenOf(mine), undefined)
    t.same(
      (await toldOf(harness, mine)).filter((kind) => kind === 'survey_for_reporter'),
      [],
    )
  })

  await t.test('the link shows the question, however often it is opened, and records nothing', async (t) => {
    const mine = await surveyed()
    const before = await staffView(harness, mine)
    const first = await read(mine.token)
    t.equal(first.status, 200)
    t.match(first.body, {
      reference: mine.reference,
      organisation: { code: 'T01', name: 'Example Trust One' },
      closedAt: before.closedAt,
      questions: [{ name: 'resolved' }, { name: 'manner' }],
      answered: false,
    })
    t.equal(first.headers['cache-control'], 'private, no-cache')
    const url = `/v1/surveys/${mine.token}`
    const head = await harness.app.inject({ method: 'HEAD', url, headers: { purpose: 'prefetch' } })
    t.equal(head.statusCode, 200)
    t.equal((await harness.app.inject({ url, headers: { 'sec-purpose': 'prefetch' } })).statusCode, 200)
    t.same((await read(mine.token)).body, first.body)
    t.same(await staffView(harness, mine), before)
    t.notOk(harness.logged().includes(mine.token), 'a link is a secret: it is not in the log')
  })

  await t.test('E04 no for resolution and yes for manner are recorded, for everybody to see', async (t) => {
    const mine = await surveyed()
    const { version } = await staffView(harness, mine)
    const { body, status } = await answer(mine.token, { resolved: false, manner: true })
    t.equal(status, 201)
    t.equal(body.answered, true)
    t.equal((await read(mine.token)).body.answered, true)
    const wanted = { resolved: false, manner: true }
    t.match(await staffView(harness, mine), { outcome: wanted, version: version + 1 })
    t.match((await reporterOf(harness, mine).read()).body, { outcome: wanted })
    t.same((await call({ url: `/v1/cases/${mine.reference}` })).body.outcome, wanted)
    t.match((await eventsOf(harness, mine)).at(-1), {
      type: 'case.rated',
      fields: ['outcome'],
      clientId: null,
      caseVersion: version + 1,
    })
  })

  await t.test('E04 who prefers not to say leaves null, and has answered', async (t) => {
    const one = await surveyed()
    t.equal((await answer(one.token, { resolved: null })).status, 201)
    t.match(await outcomeOf(one), { resolved: null, manner: null })
    refused(t, await answer(one.token, { resolved: true }), 409, 'already_answered')
    const two = await surveyed()
    await answer(two.token, { manner: false })
    t.match(await outcomeOf(two), { resolved: null, manner: false })
  })

  await t.test('of five answers at once one counts', async (t) => {
    const mine = await surveyed()
    const answers = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => answer(mine.token, { resolved: n % 2 === 0 })),
    )
    t.same(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409])
    t.equal((await eventsOf(harness, mine)).filter(({ type }) => type === 'case.rated').length, 1)
  })

  await t.test('receipt and survey answer the same question: whichever comes first', async (t) => {
    const one = await surveyed()
    t.equal((await reporterOf(harness, one).post('outcomes', { resolved: true })).status, 201)
    t.equal((await read(one.token)).body.answered, true)
    refused(t, await answer(one.token, { resolved: false }), 409, 'already_answered')
    t.match(await outcomeOf(one), { resolved: true })

    const two = await surveyed()
    const both = await Promise.all([
      answer(two.token, { resolved: false }),
      reporterOf(harness, two).post('outcomes', { resolved: true }),
    ])
    t.same(both.map(({ status }) => status).sort(), [201, 409])
  })

  await t.test('a link that is forged, unknown or of another purpose is the same 404', async (t) => {
    const mine = await surveyed()
    const other = await surveyed()
    const [id = '', expires = '', mac = ''] = mine.token.split('.')
    const unknown = await surveyToken(db.pool, db.vault, { id: 999_999, expiresAt: clock.toISOString() })
    const tokens = [
      `${other.token.split('.')[0]}.${expires}.${mac}`,
      `${id}.${Number(expires) + 1}.${mac}`,
      `${id}.${expires}.${'A'.repeat(22)}`,
      `${id}.${expires}.${mac.slice(0, -1)}`,
      `0${mine.token}`,
      `${id}.${expires}.`,
      'nothing',
      mine.receipt,
      unknown.replace(/\.\d+\./, `.${expires}.`),
      await surveyToken(db.pool, db.vault, {
        id: 999_999,
        expiresAt: new Date(clock.getTime() + DAY).toISOString(),
      }),
    ]
    const answers = new Set<string>()
    for (const token of tokens)
      for (const one of [await read(token), await answer(token, { resolved: true })]) {
        refused(t, one, 404, 'not_found')
        answers.add(one.text.replace(one.body.requestId, ''))
      }
    t.equal(answers.size, 1)
    t.equal(await outcomeOf(mine), null)
    refused(t, await reporterOf(harness, { ...mine, receipt: mine.token }).read(), 404, 'not_found')
  })

  await t.test('a link works for thirty days', async (t) => {
    const mine = await surveyed()
    const { expiresAt } = (await read(mine.token)).body
    const end = Date.parse(expiresAt)
    t.ok(Math.abs(end - clock.getTime() - 30 * DAY) < 2_000)
    clock = new Date(end - 1_000)
    t.equal((await read(mine.token)).status, 200)
    clock = new Date(end)
    refused(t, await read(mine.token), 404, 'not_found')
    refused(t, await answer(mine.token, { resolved: true }), 404, 'not_found')
    clock = new Date()
    t.equal(await outcomeOf(mine), null)
  })

  await t.test('what was withdrawn or removed since is not asked about any more', async (t) => {
    const withdrawn = await surveyed()
    await reporterOf(harness, withdrawn).post('withdrawals', { what: 'case' })
    const removed = await surveyed()
    await db.pool.query(`update cases set publication = 'removed' where reference = $1`, [removed.reference])
    for (const { token } of [withdrawn, removed]) {
      refused(t, await read(token), 404, 'not_found')
      refused(t, await answer(token, { resolved: true }), 404, 'not_found')
    }
  })

  await t.test('a case that is open again is still asked about, and a key makes no difference', async (t) => {
    const mine = await surveyed()
    await moveTo(harness, mine, 'open')
    for (const key of [keys.integrator, keys.form, 'cc_sk_nothing'])
      t.equal((await call({ url: `/v1/surveys/${mine.token}`, key })).status, 200)
    const { status } = await call({
      method: 'POST',
      url: `/v1/surveys/${mine.token}`,
      key: keys.case_handler,
      body: { resolved: false },
    })
    t.equal(status, 201)
    t.match((await eventsOf(harness, mine)).at(-1), { type: 'case.rated', clientId: null })
  })

  await t.test('an answer answers something', async (t) => {
    const mine = await surveyed()
    for (const [body, fields] of [
      [{}, ['body  too_few']],
      [{ resolved: 'yes' }, ['body /resolved wrong_type']],
      [{ resolved: true, comment: 'x' }, ['body /comment unknown_field']],
    ] as Array<[object, string[]]>) {
      refused(t, await answer(mine.token, body), 400, 'validation_failed', fields)
      refused(t, await reporterOf(harness, mine).post('outcomes', body), 400, 'validation_failed', fields)
    }
    t.equal(await outcomeOf(mine), null)
  })

  await t.test('by receipt an outcome is rated once, after the case was closed', async (t) => {
    const mine = await createCase(harness)
    const { post, read: readOwn } = reporterOf(harness, mine)
    refused(t, await post('outcomes', { resolved: true }), 409, 'move_not_allowed')
    await moveTo(harness, mine, 'resolved')
    t.ok((await readOwn()).body.allowedActions.includes('rate'))
    const key = { 'idempotency-key': 'rating' }
    const rated = await post('outcomes', { resolved: true, manner: null }, key)
    t.equal(rated.status, 201)
    t.match(rated.body.outcome, { resolved: true, manner: null, at: clock.toISOString() })
    t.notOk(rated.body.allowedActions.includes('rate'))
    t.equal((await post('outcomes', { resolved: true, manner: null }, key)).status, 201)
    refused(t, await post('outcomes', { resolved: false }), 409, 'already_answered')
    t.match(await outcomeOf(mine), { resolved: true, manner: null })
  })

  await t.test('a withdrawn case is not rated, by receipt or by link', async (t) => {
    const mine = await surveyed()
    const { post } = reporterOf(harness, mine)
    await post('withdrawals', { what: 'case' })
    refused(t, await post('outcomes', { resolved: true }), 409, 'move_not_allowed')
    refused(t, await answer(mine.token, { resolved: true }), 404, 'not_found')
    refused(t, await read(newReference()), 404, 'not_found')
  })
})
