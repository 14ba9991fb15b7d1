import t from 'tap'
import { references, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('the second tier', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const decide = (
    reference: string,
    version: number,
    body: object,
    { key = keys.second_tier, user = 'second-1', ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key,
      headers: { ...staff(version, user), ...headers },
      body: { reason: 'second_opinion', ...body },
    })
  const publish = { action: 'publish', moderatedText: 'Fit to read. (Invented.)' }
  const refer = { action: 'refer', commissioned: 'locally' }
  const referred = async (changes: Record<string, unknown> = {}, user = 'first-1') => {
    const { reference, version } = await createCase(harness, changes)
    const { body } = await decide(reference, version, refer, { key: keys.case_handler, user })
    return { reference, version: body.version as number }
  }
  const queueOf = async (key: string) =>
    (await call({ url: '/v1/queue?limit=100', key })).body.items.map(
      (item: { case: { reference: string } }) => item.case.reference,
    )

  await t.test(
    'M05, V06: a published case that is referred leaves the public and waits for the second tier',
    async (t) => {
      const { reference, version } = await publishedCase(harness)
      const { body } = await decide(reference, version, refer, { key: keys.case_handler, user: 'first-1' })
      t.equal(body.publication, 'awaiting_second_tier')
      t.same(body.allowedDecisions, [], 'the first tier decides it no more')
      refused(t, await call({ url: `/v1/cases/${reference}` }), 404, 'not_found')
      refused(t, await call({ url: `/v1/cases/${reference}/decisions` }), 404, 'not_found')
      t.notOk(references(await call({ url: '/v1/cases?organisation=T01&limit=100' })).includes(reference))
      t.ok((await queueOf(keys.second_tier)).includes(reference))
      t.notOk((await queueOf(keys.case_handler)).includes(reference))
      const answer = await decide(reference, body.version, publish, { key: keys.case_handler })
      refused(t, answer, 409, 'move_not_allowed')
      t.same(answer.body.allowed, [])
    },
  )

  await t.test('it sees what was referred without contact details', async (t) => {
    const { reference } = await referred({ privacy: 'named' })
    const { body, text } = await call({ url: `/v1/cases/${reference}`, key: keys.second_tier })
    t.match(body, { view: 'staff', contact: null, original: { text: 'We waited for hours. (Invented.)' } })
    t.same(body.allowedDecisions.sort(), ['keep_private', 'publish', 'reject'])
    t.notMatch(text, /invented@example|Invented Person/)
  })

  await t.test('M06: what is not referred is not there for it', async (t) => {
    const waiting = await createCase(harness)
    const published = await publishedCase(harness)
    for (const { reference, version } of [waiting, published]) {
      refused(t, await decide(reference, version, publish), 404, 'not_found')
      const claim = { method: 'POST' as const, url: `/v1/cases/${reference}/claims`, body: {} }
      refused(
        t,
        await call({ ...claim, key: keys.second_tier, headers: { 'acting-user': 'second-1' } }),
        404,
        'not_found',
      )
      t.not((await call({ url: `/v1/cases/${reference}`, key: keys.second_tier })).body.view, 'staff')
    }
    t.same(
      references(await call({ url: '/v1/cases?view=mine', key: keys.second_tier })).includes(
        waiting.reference,
      ),
      false,
    )
  })

  await t.test('M07: any decision of the second tier ends the referral', async (t) => {
    for (const [body, publication] of [
      [publish, 'published'],
      [{ action: 'keep_private' }, 'kept_private'],
      [{ action: 'reject' }, 'rejected'],
    ] as const) {
      const { reference, version } = await referred()
      const answer = await decide(reference, version, body)
      t.equal(answer.status, 201, answer.text)
      t.match(answer.body, { publication, contact: null, allowedDecisions: [] })
      t.notOk((await queueOf(keys.second_tier)).includes(reference))
      refused(t, await decide(reference, answer.body.version, publish), 404, 'not_found')
      const read = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
      t.equal(read.body.publication, publication)
    }
  })

  await t.test(
    'a repeat of its decision is answered alike, until somebody else has changed the case',
    async (t) => {
      const { reference, version } = await referred()
      const key = { 'idempotency-key': 'second-tier-repeat' }
      const first = await decide(reference, version, publish, key)
      const again = await decide(reference, version, publish, key)
      t.equal(again.status, 201, again.text)
      t.same(again.body, first.body)
      t.equal(await db.prisma.decision.count({ where: { case: { reference }, action: 'publish' } }), 1)
      await decide(
        reference,
        first.body.version,
        { action: 'keep_private' },
        { key: keys.case_handler, user: 'first-2' },
      )
      refused(t, await decide(reference, version, publish, key), 404, 'not_found')
    },
  )

  await t.test('nobody decides there what they have referred themselves, by whatever key', async (t) => {
    const { reference, version } = await referred({}, 'both-hats')
    const answer = await decide(reference, version, publish, { user: 'both-hats' })
    refused(t, answer, 403, 'not_your_case')
    t.match(answer.body.detail, /referred it to the second tier yourself/)
    const claim = { method: 'POST' as const, url: `/v1/cases/${reference}/claims`, key: keys.second_tier }
    refused(
      t,
      await call({ ...claim, headers: { 'acting-user': 'both-hats' }, body: {} }),
      403,
      'not_your_case',
    )
    t.equal((await decide(reference, version, publish, { user: 'second-1' })).status, 201)
  })

  await t.test('it judges words and names, not who looks after the case', async (t) => {
    const { reference, version } = await referred({ privacy: 'named' })
    refused(
      t,
      await decide(reference, version, {
        ...publish,
        commissioned: 'locally',
        priority: 'high',
        breach: true,
      }),
      400,
      'validation_failed',
      ['commissioned', 'priority', 'breach'].map((field) => `body /${field} not_yours_to_change`),
    )
    await decide(reference, version, { ...publish, privacy: 'anonymous' })
    t.equal((await call({ url: `/v1/cases/${reference}` })).body.authorName, null)
  })

  await t.test('C01: of two at once one decides, the other is told', async (t) => {
    const { reference, version } = await referred()
    const answers = await Promise.all([
      decide(reference, version, publish, { user: 'one' }),
      decide(reference, version, { action: 'keep_private' }, { user: 'two' }),
    ])
    t.same(answers.map(({ status }) => status).sort(), [201, 404])
  })

  await t.test('a report waits for the second tier when its case was referred', async (t) => {
    const { reference } = await publishedCase(harness)
    await call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason: 'threat' } })
    const held = await db.prisma.case.findUniqueOrThrow({ where: { reference } })
    const { body } = await decide(reference, held.version, refer, { key: keys.case_handler, user: 'first-1' })
    const stateNow = async () =>
      (await db.prisma.objection.findFirstOrThrow({ where: { caseId: held.id } })).state
    t.equal(await stateNow(), 'open')
    await decide(reference, body.version, { action: 'reject' })
    t.equal(await stateNow(), 'upheld')
  })
})
