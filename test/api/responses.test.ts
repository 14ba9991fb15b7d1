import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('responses', async (t) => {
  let clock = new Date()
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  const t02 = await db.prisma.organisation.findUniqueOrThrow({ where: { code: 'T02' } })
  const otherTrust = await harness.addClient({ name: 'other', role: 'provider', organisationIds: [t02.id] })
  const respond = (
    reference: string,
    version: number,
    body: unknown,
    { key = keys.provider, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const sorry = { text: 'We are sorry. (Invented.)' }
  const read = async (reference: string) =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body

  await t.test('R01: an answer that resolves sets the status and every time', async (t) => {
    const { reference, version } = await createCase(harness)
    clock = new Date(Date.now() + 60_000)
    const { body, status, headers } = await respond(reference, version, { ...sorry, status: 'resolved' })
    t.equal(status, 201)
    const at = clock.toISOString()
    t.match(body.case, { status: 'resolved', acknowledgedAt: at, closedAt: at, resolvedAt: at, version: 2 })
    t.match(body.response, {
      text: sorry.text,
      organisation: { code: 'T01' },
      authorName: null,
      source: null,
    })
    t.same(body.case.responses, [{ ...body.response, publication: 'published' }])
    t.match(headers.etag, /^"2-/)
    t.ok(headers.location?.endsWith(`/v1/cases/${reference}/responses`))
    const events = await db.prisma.event.findMany({
      where: { caseReference: reference },
      orderBy: { id: 'asc' },
    })
    t.same(
      events.map(({ type }) => type),
      ['case.created', 'response.created', 'case.status_changed'],
    )
  })

  await t.test(
    'R05: acknowledged five days later is 7,200 minutes, and later moves never change that',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const { reportedAt } = await read(reference)
      clock = new Date(Date.parse(reportedAt) + 5 * 24 * 3600_000)
      const first = (await respond(reference, version, { ...sorry, status: 'in_progress' })).body.case
      t.equal((Date.parse(first.acknowledgedAt) - Date.parse(reportedAt)) / 60_000, 7_200)
      t.same([first.closedAt, first.resolvedAt], [null, null])
      clock = new Date(clock.getTime() + 3600_000)
      const second = (await respond(reference, first.version, { ...sorry, status: 'unable_to_resolve' })).body
        .case
      t.equal(second.acknowledgedAt, first.acknowledgedAt)
      t.match(second, { closedAt: clock.toISOString(), resolvedAt: null })
    },
  )

  await t.test(
    'R04: a closed case reopens, keeps its times, and closes again without new ones',
    async (t) => {
      const { reference, version } = await createCase(harness)
      clock = new Date()
      const closed = (await respond(reference, version, { ...sorry, status: 'resolved' })).body.case
      clock = new Date(Date.now() + 3600_000)
      const open = (await respond(reference, closed.version, { ...sorry, status: 'open' })).body.case
      t.match(open, { status: 'open', resolvedAt: closed.resolvedAt, closedAt: closed.closedAt })
      const again = (await respond(reference, open.version, { ...sorry, status: 'resolved' })).body.case
      t.equal(again.resolvedAt, closed.resolvedAt)
    },
  )

  await t.test('a move that the table does not have is refused, with those that it has', async (t) => {
    const { reference, version } = await createCase(harness)
    const withdrawn = await respond(reference, version, { ...sorry, status: 'withdrawn' })
    refused(t, withdrawn, 409, 'move_not_allowed')
    t.same(
      withdrawn.body.allowed,
      (await call({ url: `/v1/cases/${reference}`, key: keys.provider })).body.allowedStatuses,
    )
    refused(
      t,
      await respond(reference, version, { ...sorry, status: 'no_action_needed' }),
      409,
      'move_not_allowed',
    )
    const resolved = (await respond(reference, version, { ...sorry, status: 'resolved' })).body.case
    const sideways = await respond(reference, resolved.version, { ...sorry, status: 'unable_to_contact' })
    refused(t, sideways, 409, 'move_not_allowed')
    t.same(sideways.body.allowed, ['open', 'in_progress'])
    t.equal((await read(reference)).responses.length, 1, 'the refused answers were not stored')
  })

  await t.test('feedback may need no action', async (t) => {
    const { reference, version } = await createCase(harness, { kind: 'feedback', contact: undefined })
    const { body } = await respond(reference, version, { ...sorry, status: 'no_action_needed' })
    t.match(body.case, { status: 'no_action_needed', resolvedAt: null })
  })

  await t.test('an answer without a status, or with the one it has, moves nothing', async (t) => {
    const { reference, version } = await createCase(harness)
    const one = (await respond(reference, version, sorry)).body.case
    const two = (await respond(reference, one.version, { ...sorry, status: 'open' })).body.case
    t.match(two, { status: 'open', acknowledgedAt: null, version: 3 })
    t.equal(two.responses.length, 2)
  })

  await t.test('R02: an answer without a text is none', async (t) => {
    const { reference, version } = await createCase(harness)
    for (const [body, fields] of [
      [{ status: 'resolved' }, ['body /text missing']],
      [{ text: ' ', status: 'resolved' }, ['body /text wrong_format']],
      [{ text: 'x'.repeat(10_001) }, ['body /text too_long']],
      [{ text: 1 }, ['body /text wrong_type']],
      [{ ...sorry, status: 'closed' }, ['body /status unknown_value']],
      [{ ...sorry, authorName: 'x' }, ['body /authorName unknown_field']],
      [{ text: 'a\u0000' }, ['body /text wrong_format']],
    ] as Array<[object, string[]]>)
      refused(t, await respond(reference, version, body), 400, 'validation_failed', fields)
    t.match(await read(reference), { status: 'open', version: 1 })
  })

  await t.test('R03: another trust may read a published case, but not answer it', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const other = { key: otherTrust }
    t.equal((await call({ url: `/v1/cases/${reference}`, key: otherTrust })).body.view, 'public')
    refused(t, await respond(reference, version, sorry, other), 403, 'not_your_case')
    refused(t, await respond(reference, version, sorry, { key: keys.commissioner }), 403, 'scope_missing')
    const waiting = await createCase(harness)
    refused(t, await respond(waiting.reference, 1, sorry, other), 403, 'not_your_case')
    t.equal((await read(reference)).responses.length, 0)
  })

  await t.test('another trust cannot tell a hidden case from none', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await db.pool.query(`update cases set publication = 'removed' where reference = $1`, [reference])
    const hidden = await respond(reference, version, sorry, { key: otherTrust })
    const none = await respond('0000-0000-0000-0', version, sorry, { key: otherTrust })
    refused(t, hidden, 404, 'not_found')
    t.same({ ...hidden.body, requestId: '' }, { ...none.body, requestId: '' })
  })

  await t.test(
    'a provider answers for the site of its own, a case handler for the central team',
    async (t) => {
      const { reference, version } = await createCase(harness, { organisation: 'T0101' })
      const one = await respond(reference, version, sorry)
      t.equal(one.body.response.organisation.code, 'T0101')
      const two = await respond(reference, one.body.case.version, sorry, { key: keys.case_handler })
      t.equal(two.body.response.organisation, null)
    },
  )

  await t.test(
    'C01: of two answers to one version one is stored; the other learns the version',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const answers = await Promise.all([
        respond(reference, version, { text: 'One. (Invented.)' }),
        respond(reference, version, { text: 'Two. (Invented.)' }, { key: keys.case_handler }),
      ])
      t.same(answers.map(({ status }) => status).sort(), [201, 412])
      const stale = answers.find(({ status }) => status === 412) as Answer
      refused(t, stale, 412, 'version_stale')
      t.equal(stale.body.currentVersion, 2)
      t.equal(stale.headers.etag, '"2"')
      t.equal((await read(reference)).responses.length, 1)
    },
  )

  await t.test('without If-Match it is 428, without Acting-User 400', async (t) => {
    const { reference } = await createCase(harness)
    const request = {
      method: 'POST' as const,
      url: `/v1/cases/${reference}/responses`,
      key: keys.provider,
      body: sorry,
    }
    refused(t, await call({ ...request, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...request, headers: { 'if-match': '"1"' } }), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
  })

  await t.test('an answer is public as soon as its case is, and hidden with it', async (t) => {
    const { reference, version } = await createCase(harness)
    const { body } = await respond(reference, version, sorry)
    const publicAnswers = async () =>
      (await call({ url: `/v1/cases/${reference}/responses` })).body.items.length
    t.equal(await publicAnswers(), 0)
    const decide = (action: string, at: number) =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/decisions`,
        key: keys.case_handler,
        headers: staff(at),
        body: {
          action,
          reason: 'fit_to_publish',
          commissioned: 'locally',
          ...(action === 'publish' && { commissioned: 'locally', moderatedText: 'Fit. (Invented.)' }),
        },
      })
    const shown = await decide('publish', body.case.version)
    t.equal(await publicAnswers(), 1)
    await decide('keep_private', shown.body.version)
    t.equal(await publicAnswers(), 0)
    for (const key of [keys.provider, keys.case_handler, keys.commissioner, keys.integrator])
      t.equal((await call({ url: `/v1/cases/${reference}/responses`, key })).body.items.length, 1)
  })

  await t.test('a list of answers honours If-None-Match', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const url = `/v1/cases/${reference}/responses`
    const { headers } = await call({ url })
    const again = await call({ url, headers: { 'if-none-match': headers.etag as string } })
    t.equal(again.status, 304)
    t.equal(again.text, '')
    await respond(reference, version, sorry)
    t.equal((await call({ url, headers: { 'if-none-match': headers.etag as string } })).status, 200)
  })
})
