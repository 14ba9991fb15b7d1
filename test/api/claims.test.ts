import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('claims', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const claim = (
    reference: string,
    user: string,
    body: object = {},
    key = keys.case_handler,
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/claims`,
      key,
      headers: { 'acting-user': user },
      body,
    })
  const giveBack = (reference: string, user: string, key = keys.case_handler): Promise<Answer> =>
    call({ method: 'DELETE', url: `/v1/cases/${reference}/claims`, key, headers: { 'acting-user': user } })
  const decide = (reference: string, version: number, user: string): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version, user),
      body: { action: 'keep_private', reason: 'identifies_somebody', commissioned: 'locally' },
    })
  const read = async (reference: string) =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
  const runOut = (reference: string) =>
    db.pool.query(
      `update case_claims set until = now() - interval '1 second' where case_id = (select id from cases where reference = $1)`,
      [reference],
    )

  await t.test('a claim is seen on the case, lasts as long as asked, and changes no version', async (t) => {
    const { reference, version } = await createCase(harness)
    const { status, body } = await claim(reference, 'one', { minutes: 30 })
    t.equal(status, 201)
    t.equal(body.actingUser, 'one')
    const minutes = (Date.parse(body.until) - Date.now()) / 60_000
    t.ok(minutes > 28 && minutes < 32, `${minutes} minutes`)
    t.match(await read(reference), { version, claim: body })
    const event = await db.prisma.event.findFirstOrThrow({
      where: { caseReference: reference, type: 'case.claimed' },
    })
    t.match(event, { actingUser: 'one', caseVersion: version })
  })

  await t.test('claiming again makes it longer, never shorter', async (t) => {
    const { reference } = await createCase(harness)
    const first = (await claim(reference, 'one')).body
    const longer = (await claim(reference, 'one', { minutes: 60 })).body
    t.ok(longer.until > first.until)
    t.equal((await claim(reference, 'one', { minutes: 1 })).body.until, longer.until)
    t.equal(await db.prisma.event.count({ where: { caseReference: reference, type: 'case.claimed' } }), 1)
  })

  await t.test('of five people who claim a case at once one gets it', async (t) => {
    const { reference } = await createCase(harness)
    const answers = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((user) => claim(reference, user)))
    t.same(answers.map(({ status }) => status).sort(), [201, 409, 409, 409, 409])
    const winner = answers.find(({ status }) => status === 201)?.body
    t.same((await read(reference)).claim, winner)
    for (const answer of answers.filter(({ status }) => status === 409)) {
      refused(t, answer, 409, 'claimed_by_other')
      t.match(answer.body.detail, winner.actingUser)
    }
  })

  await t.test('nobody else decides while it runs; whoever holds it does, and it is over', async (t) => {
    const { reference, version } = await createCase(harness)
    await claim(reference, 'one')
    const other = await decide(reference, version, 'two')
    refused(t, other, 409, 'claimed_by_other')
    t.match(other.body.detail, /^one is deciding on it until 20/)
    t.equal((await read(reference)).publication, 'awaiting_moderation')
    const own = await decide(reference, version, 'one')
    t.equal(own.status, 201)
    t.equal(own.body.claim, null)
    t.equal((await decide(reference, own.body.version, 'two')).status, 201)
  })

  await t.test('a claim that has run out holds nobody up', async (t) => {
    const { reference, version } = await createCase(harness)
    await claim(reference, 'one')
    await runOut(reference)
    t.equal((await read(reference)).claim, null)
    t.equal((await claim(reference, 'two')).body.actingUser, 'two')
    refused(t, await claim(reference, 'one'), 409, 'claimed_by_other')
    await runOut(reference)
    t.equal((await decide(reference, version, 'three')).status, 201)
  })

  await t.test("a claim is given back by whoever holds it, and another's stays", async (t) => {
    const { reference } = await createCase(harness)
    await claim(reference, 'one')
    t.equal((await giveBack(reference, 'two')).status, 204)
    t.equal((await read(reference)).claim.actingUser, 'one')
    t.equal((await giveBack(reference, 'one')).status, 204)
    t.equal((await giveBack(reference, 'one')).status, 204, 'twice is once')
    t.equal((await read(reference)).claim, null)
    t.equal((await claim(reference, 'two')).status, 201)
  })

  await t.test('only what can be decided is claimed', async (t) => {
    const { reference } = await createCase(harness)
    await db.pool.query(`update cases set publication = 'awaiting_second_tier' where reference = $1`, [
      reference,
    ])
    refused(t, await claim(reference, 'one'), 409, 'move_not_allowed')
    t.equal((await claim(reference, 'second', {}, keys.second_tier)).status, 201)
    const published = await publishedCase(harness)
    t.equal((await claim(published.reference, 'one')).status, 201)
  })

  await t.test('who may not decide claims nothing', async (t) => {
    const { reference } = await createCase(harness)
    for (const key of [keys.provider, keys.commissioner, keys.integrator, keys.supplier]) {
      refused(t, await claim(reference, 'x', {}, key), 403, 'scope_missing')
      refused(t, await giveBack(reference, 'x', key), 403, 'scope_missing')
    }
    for (const unknown of ['0000-0000-0000-0', 'nonsense']) {
      refused(t, await claim(unknown, 'x'), 404, 'not_found')
      refused(t, await giveBack(unknown, 'x'), 404, 'not_found')
    }
    const url = `/v1/cases/${reference}/claims`
    refused(t, await call({ method: 'POST', url, body: {} }), 401, 'key_missing')
    refused(
      t,
      await call({ method: 'POST', url, key: keys.case_handler, body: {} }),
      400,
      'validation_failed',
      ['header /Acting-User missing'],
    )
    for (const [body, field] of [
      [{ minutes: 0 }, 'body /minutes too_small'],
      [{ minutes: 61 }, 'body /minutes too_large'],
      [{ minutes: '5' }, 'body /minutes wrong_type'],
      [{ hours: 1 }, 'body /hours unknown_field'],
    ] as const)
      refused(t, await claim(reference, 'x', body), 400, 'validation_failed', [field])
  })
})
