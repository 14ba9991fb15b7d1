import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'
import { eventsOf, moveTo, reporterOf, staffView } from './reporter.ts'

t.test('withdrawals', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const publish = async (reference: string): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff((await staffView(harness, { reference })).version),
      body: {
        action: 'publish',
        reason: 'fit_to_publish',
        moderatedText: 'Fit. (Invented.)',
        commissioned: 'locally',
      },
    })
  const inPublic = async (reference: string) => {
    const lists = await Promise.all(['/v1/cases?limit=100', '/v1/geo-feed'].map((url) => call({ url })))
    return lists.some(({ text }) => text.includes(reference))
  }

  await t.test('consent that is withdrawn makes a case private for good, and work goes on', async (t) => {
    const mine = await publishedCase(harness, { privacy: 'named' })
    await moveTo(harness, mine, 'in_progress')
    t.ok(await inPublic(mine.reference))
    const { body, status } = await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    t.equal(status, 201)
    t.match(body, { privacy: 'private', publication: 'kept_private', status: 'in_progress' })
    t.notOk(body.allowedActions.includes('withdraw_publication'))
    t.notOk(await inPublic(mine.reference))
    t.match((await call({ url: `/v1/cases/${mine.reference}` })).body, { view: 'stub', withheld: 'private' })
    t.same((await call({ url: `/v1/cases/${mine.reference}/responses` })).body.items, [])
    t.match(await staffView(harness, mine), {
      privacy: 'private',
      privacyChosen: 'private',
      decisionReason: 'reporter_asked',
    })
    const event = (await eventsOf(harness, mine)).at(-1)
    t.match(event, {
      type: 'case.consent_withdrawn',
      reason: 'chosen_named',
      fields: ['privacy', 'publication'],
      caseVersion: body.version,
      clientId: null,
    })
    const { rows } = await db.pool.query('select public_name from cases where reference = $1', [
      mine.reference,
    ])
    t.equal(rows[0].public_name, null)
  })

  await t.test('nobody publishes it again', async (t) => {
    const mine = await publishedCase(harness)
    await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    const { body } = await publish(mine.reference)
    t.match(body, { publication: 'kept_private', privacy: 'private' })
    t.notOk(await inPublic(mine.reference))
  })

  await t.test('before moderation the case goes on waiting, and ends private', async (t) => {
    const mine = await createCase(harness)
    const { body } = await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    t.match(body, { privacy: 'private', publication: 'awaiting_moderation' })
    t.match((await eventsOf(harness, mine)).at(-1), { reason: 'chosen_anonymous', fields: ['privacy'] })
    t.match((await publish(mine.reference)).body, { publication: 'kept_private' })
  })

  await t.test(
    'what staff made private themselves can still be withdrawn, so that they cannot undo it',
    async (t) => {
      const mine = await createCase(harness)
      await db.pool.query(`update cases set privacy = 'private' where reference = $1`, [mine.reference])
      const { read, post } = reporterOf(harness, mine)
      t.ok((await read()).body.allowedActions.includes('withdraw_publication'))
      t.equal((await post('withdrawals', { what: 'publication' })).status, 201)
      t.equal((await staffView(harness, mine)).privacyChosen, 'private')
    },
  )

  await t.test('what a report hides does not come back when its consent is withdrawn', async (t) => {
    const mine = await publishedCase(harness)
    await db.pool.query(
      `update cases set publication = 'awaiting_moderation', held_until = now() + interval '1 day' where reference = $1`,
      [mine.reference],
    )
    const { body } = await reporterOf(harness, mine).post('withdrawals', { what: 'publication' })
    t.equal(body.publication, 'kept_private')
    t.equal((await staffView(harness, mine)).heldUntil, null)
  })

  await t.test(
    'a withdrawn case is closed, gone from the public, and still its reporter’s to read',
    async (t) => {
      const mine = await publishedCase(harness, { privacy: 'named' })
      await moveTo(harness, mine, 'in_progress')
      const { body, status } = await reporterOf(harness, mine).post('withdrawals', { what: 'case' })
      t.equal(status, 201)
      t.match(body, { status: 'withdrawn', publication: 'removed', allowedActions: [] })
      t.type(body.closedAt, 'string')
      t.equal(body.resolvedAt, null)
      t.equal(body.responses.length, 1, 'they keep the answers')
      t.notOk(await inPublic(mine.reference))
      for (const path of ['', '/responses']) {
        t.equal((await call({ url: `/v1/cases/${mine.reference}${path}` })).status, 404)
        t.equal((await reporterOf(harness, mine).read(path)).status, 200)
      }
      t.match(await staffView(harness, mine), {
        status: 'withdrawn',
        decisionReason: 'withdrawn_by_reporter',
        allowedStatuses: [],
        allowedDecisions: [],
        dueAt: null,
        overdue: false,
      })
      t.match((await eventsOf(harness, mine)).at(-1), {
        type: 'case.withdrawn',
        fields: ['status', 'publication'],
        caseVersion: body.version,
      })
      refused(t, await publish(mine.reference), 409, 'move_not_allowed')
    },
  )

  await t.test('a withdrawn case is answered no more, and nothing stays open against it', async (t) => {
    const mine = await publishedCase(harness)
    const objects = async (path: string, body: object, headers: object = {}, key?: string) =>
      call({
        method: 'POST',
        url: `/v1/cases/${mine.reference}/${path}`,
        headers: { ...headers },
        body,
        ...(key && { key }),
      })
    t.equal((await objects('reports', { reason: 'vexatious' })).status, 201)
    const asked = await objects(
      'removal-requests',
      { reason: 'untrue', text: 'It was not so. (Invented.)' },
      staff(mine.version, 'pals'),
      keys.provider,
    )
    t.equal(asked.status, 201)
    await reporterOf(harness, mine).post('withdrawals', { what: 'case' })
    const kept = await db.prisma.objection.findMany({ where: { case: { reference: mine.reference } } })
    const closed = { state: 'upheld', decisionReason: 'withdrawn_by_reporter', decidedBy: null }
    t.match(kept, [closed, closed])
    t.ok(kept.every(({ decidedAt }) => decidedAt !== null))
    t.match(
      (await eventsOf(harness, mine)).slice(-3).map(({ type }) => type),
      ['report.decided', 'removal_request.decided', 'case.withdrawn'],
    )
    const { version } = await staffView(harness, mine)
    for (const key of [keys.provider, keys.case_handler]) {
      const answer = await objects('responses', { text: 'Thank you. (Invented.)' }, staff(version), key)
      refused(t, answer, 409, 'move_not_allowed')
    }
  })

  await t.test('it is withdrawn from wherever it stands, once', async (t) => {
    for (const status of ['open', 'in_progress', 'resolved', 'unable_to_resolve', 'unable_to_contact']) {
      const mine = await createCase(harness)
      if (status !== 'open') await moveTo(harness, mine, status)
      const before = await staffView(harness, mine)
      const { read, post } = reporterOf(harness, mine)
      t.ok((await read()).body.allowedActions.includes('withdraw_case'), status)
      const { body } = await post('withdrawals', { what: 'case' })
      t.match(body, { status: 'withdrawn', publication: 'removed' }, status)
      if (before.closedAt !== null) t.equal(body.closedAt, before.closedAt, 'the first closing stays')
      for (const what of ['case', 'publication']) {
        const again = await post('withdrawals', { what })
        refused(t, again, 409, 'move_not_allowed')
        t.same(again.body.allowed, [])
      }
    }
  })

  await t.test('of two withdrawals at once one is made, and a repeat with its key is the same', async (t) => {
    for (const what of ['case', 'publication']) {
      const mine = await publishedCase(harness)
      const { post } = reporterOf(harness, mine)
      const both = await Promise.all([post('withdrawals', { what }), post('withdrawals', { what })])
      t.same(both.map(({ status }) => status).sort(), [201, 409], what)
      t.equal((await staffView(harness, mine)).version, mine.version + 1)
    }
    const mine = await publishedCase(harness)
    const { post } = reporterOf(harness, mine)
    const key = { 'idempotency-key': 'withdrawal' }
    const both = await Promise.all([1, 2].map(() => post('withdrawals', { what: 'case' }, key)))
    t.same(
      both.map(({ status }) => status),
      [201, 201],
    )
    t.same(both[0]?.body, both[1]?.body)
    t.equal((await eventsOf(harness, mine)).filter(({ type }) => type === 'case.withdrawn').length, 1)
  })

  await t.test('a decision and a withdrawal at once end withdrawn', async (t) => {
    const mine = await createCase(harness)
    const [decision, withdrawal] = await Promise.all([
      publish(mine.reference),
      reporterOf(harness, mine).post('withdrawals', { what: 'case' }),
    ])
    t.equal(withdrawal.status, 201)
    t.ok([201, 409, 412].includes(decision.status), decision.text)
    t.match(await staffView(harness, mine), { status: 'withdrawn', publication: 'removed' })
    t.notOk(await inPublic(mine.reference))
  })

  await t.test('what is withdrawn must be said', async (t) => {
    const mine = await createCase(harness)
    const { post } = reporterOf(harness, mine)
    refused(t, await post('withdrawals', {}), 400, 'validation_failed', ['body /what missing'])
    refused(t, await post('withdrawals', { what: 'all' }), 400, 'validation_failed', [
      'body /what unknown_value',
    ])
    t.equal((await staffView(harness, mine)).version, 1)
  })
})
