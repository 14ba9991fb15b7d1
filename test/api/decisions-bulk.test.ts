import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, staff, startHarness } from './harness.ts'

t.test('several decisions at once', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const decideAll = (
    decisions: unknown,
    { key = keys.case_handler, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: '/v1/decisions',
      key,
      headers: { 'acting-user': 'person-1', ...headers },
      body: { decisions },
    })
  const publish = {
    action: 'publish',
    reason: 'fit_to_publish',
    commissioned: 'locally',
    moderatedText: 'Fit to read. (Invented.)',
  }
  const keep = { action: 'keep_private', reason: 'identifies_somebody', commissioned: 'locally' }
  const made = async (count: number) => {
    const cases = []
    for (let n = 0; n < count; n++) cases.push(await createCase(harness))
    return cases.map(({ reference, version }) => ({ reference, version }))
  }

  await t.test('each has its result, in the order given', async (t) => {
    const [one, two, three] = await made(3)
    const { status, body } = await decideAll([
      { ...three, decision: keep },
      { ...one, decision: publish },
      { ...two, decision: { ...publish, action: 'refer' } },
    ])
    t.equal(status, 200)
    t.match(body.items, [
      {
        reference: three?.reference,
        done: true,
        problem: null,
        case: { publication: 'kept_private', version: 2 },
      },
      {
        reference: one?.reference,
        done: true,
        problem: null,
        case: { publication: 'published', version: 2 },
      },
      { reference: two?.reference, done: true, problem: null, case: { publication: 'awaiting_second_tier' } },
    ])
    const event = await db.prisma.event.findFirstOrThrow({
      where: { caseReference: one?.reference as string, type: 'case.published' },
    })
    t.equal(event.actingUser, 'person-1')
  })

  await t.test('one that fails says why, as it would alone, and stops no other', async (t) => {
    const [stale, wrong, claimed, good] = await made(4)
    await call({
      method: 'POST',
      url: `/v1/cases/${claimed?.reference}/claims`,
      key: keys.case_handler,
      headers: { 'acting-user': 'somebody-else' },
      body: {},
    })
    const answer = await decideAll([
      { reference: stale?.reference, version: 9, decision: publish },
      { ...wrong, decision: { action: 'publish', reason: 'fit_to_publish' } },
      { ...claimed, decision: publish },
      { reference: '0000-0000-0000-0', version: 1, decision: publish },
      { ...good, decision: { ...publish, action: 'remove' } },
      { ...good, decision: publish },
    ])
    t.equal(answer.status, 200)
    t.same(
      answer.body.items.map(({ done }: { done: boolean }) => done),
      [false, false, false, false, false, true],
    )
    const requestId = answer.headers['request-id']
    t.match(
      answer.body.items.map(({ problem }: { problem: unknown }) => problem),
      [
        { status: 412, code: 'version_stale', currentVersion: 1, requestId },
        {
          status: 400,
          code: 'validation_failed',
          errors: [
            { in: 'body', pointer: '/moderatedText', code: 'moderated_text_missing' },
            { in: 'body', pointer: '/commissioned', code: 'commissioned_missing' },
          ],
          requestId,
        },
        { status: 409, code: 'claimed_by_other', type: /#claimed_by_other$/, title: String, requestId },
        { status: 404, code: 'not_found', requestId },
        { status: 409, code: 'move_not_allowed', allowed: ['publish', 'keep_private', 'refer', 'reject'] },
        null,
      ],
    )
    const alone = await call({
      method: 'POST',
      url: `/v1/cases/${stale?.reference}/decisions`,
      key: keys.case_handler,
      headers: staff(9),
      body: publish,
    })
    const { requestId: _one, ...inBulk } = answer.body.items[0].problem
    const { requestId: _two, ...byItself } = alone.body
    t.same(inBulk, byItself)
  })

  await t.test('what nobody foresaw stops no other either, and is logged', async (t) => {
    const [broken, good] = await made(2)
    await db.pool.query(`update cases set original_sealed = 'broken' where reference = $1`, [
      broken?.reference,
    ])
    const { body } = await decideAll([
      { ...broken, decision: publish },
      { ...good, decision: publish },
    ])
    t.match(body.items[0].problem, { status: 500, code: 'internal' })
    t.equal(body.items[0].problem.detail, undefined, 'and says nothing')
    t.equal(body.items[1].done, true)
    t.match(harness.logged(), /a request failed/)
  })

  await t.test(
    'a repeat decides nothing twice, gives the same answer, and does what was not done',
    async (t) => {
      const [one, two] = await made(2)
      const key = { 'idempotency-key': 'bulk-repeat' }
      const decisions = [
        { ...one, decision: keep },
        { ...two, decision: publish },
      ]
      const claim = { url: `/v1/cases/${two?.reference}/claims`, key: keys.case_handler }
      const other = { 'acting-user': 'somebody-else' }
      await call({ ...claim, method: 'POST', headers: other, body: {} })
      const first = await decideAll(decisions, key)
      t.match(first.body.items, [{ done: true }, { done: false, problem: { code: 'claimed_by_other' } }])
      await call({ ...claim, method: 'DELETE', headers: other })
      const second = await decideAll(decisions, key)
      t.same(second.body.items[0], first.body.items[0])
      t.equal(second.body.items[1].done, true)
      t.same((await decideAll(decisions, key)).body, second.body)
      for (const each of [one, two])
        t.equal(
          await db.prisma.decision.count({ where: { case: { reference: each?.reference as string } } }),
          1,
        )
      refused(t, await decideAll(decisions.slice(0, 1), key), 422, 'idempotency_key_reused')
    },
  )

  await t.test('five of the same at once decide once and answer alike', async (t) => {
    const cases = await made(2)
    const decisions = cases.map((each) => ({ ...each, decision: publish }))
    const answers = await Promise.all(
      Array.from({ length: 5 }, () => decideAll(decisions, { 'idempotency-key': 'bulk-five' })),
    )
    for (const answer of answers) t.same(answer.body, answers[0]?.body)
    t.equal(answers[0]?.body.items[1].done, true)
    for (const { reference } of cases)
      t.equal(await db.prisma.decision.count({ where: { case: { reference } } }), 1)
  })

  await t.test('there is at least one and at most fifty', async (t) => {
    const [one] = await made(1)
    const entry = { ...one, decision: keep }
    refused(t, await decideAll([]), 400, 'validation_failed', ['body /decisions too_few'])
    refused(t, await decideAll(Array(51).fill(entry)), 400, 'validation_failed', ['body /decisions too_many'])
    refused(t, await decideAll([{ ...entry, decision: { action: 'publish' } }]), 400, 'validation_failed', [
      'body /decisions/0/decision/reason missing',
    ])
    const { body } = await decideAll(Array(50).fill(entry))
    t.equal(body.items.filter(({ done }: { done: boolean }) => done).length, 1, 'a version is decided once')
  })

  await t.test('it is for those who moderate', async (t) => {
    const [one] = await made(1)
    const decisions = [{ ...one, decision: keep }]
    for (const key of [keys.provider, keys.integrator, keys.commissioner])
      refused(t, await decideAll(decisions, { key }), 403, 'scope_missing')
    refused(t, await call({ method: 'POST', url: '/v1/decisions', body: { decisions } }), 401, 'key_missing')
    const unnamed = {
      method: 'POST' as const,
      url: '/v1/decisions',
      key: keys.case_handler,
      body: { decisions },
    }
    refused(t, await call(unnamed), 400, 'validation_failed', ['header /Acting-User missing'])
    const { body } = await decideAll(decisions, { key: keys.second_tier })
    t.match(body.items, [{ done: false, problem: { code: 'not_found' } }])
  })
})
