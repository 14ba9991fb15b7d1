import t from 'tap'
import { fieldsOf, references, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('moderation', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const decide = (reference: string, version: number, body: unknown, headers: object = {}): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: { ...staff(version), ...headers },
      body,
    })
  const commissioned = 'locally'
  const publish = {
    action: 'publish',
    reason: 'fit_to_publish',
    commissioned,
    moderatedText: 'Fit to read. (Invented.)',
  }
  const keep = { action: 'keep_private', reason: 'identifies_somebody', commissioned }
  const isListed = async (reference: string): Promise<boolean> =>
    references(await call({ url: '/v1/cases?limit=100' })).includes(reference)

  await t.test('publishing shows the moderated text and keeps the original', async (t) => {
    const { reference, version } = await createCase(harness, { title: 'Title of the reporter' })
    const { body, headers, status } = await decide(reference, version, {
      ...publish,
      moderatedTitle: 'Fit title',
    })
    t.equal(status, 201)
    t.match(body, {
      view: 'staff',
      publication: 'published',
      version: 2,
      decisionReason: 'fit_to_publish',
      original: { title: 'Title of the reporter', text: 'We waited for hours. (Invented.)' },
      moderated: { title: 'Fit title', text: 'Fit to read. (Invented.)' },
      contact: { name: 'Invented Person' },
    })
    t.match(headers.etag, /^"2-/)
    t.match((await call({ url: `/v1/cases/${reference}` })).body, {
      title: 'Fit title',
      text: publish.moderatedText,
    })
    const events = await db.prisma.event.findMany({
      where: { caseReference: reference },
      orderBy: { id: 'asc' },
    })
    t.match(events.at(-1), {
      type: 'case.published',
      actingUser: 'person-1',
      caseVersion: 2,
      reason: 'fit_to_publish',
    })
  })

  await t.test(
    'M02: what its reporter wants public is not published without a moderated text; it may be kept private',
    async (t) => {
      const { reference, version } = await createCase(harness)
      refused(
        t,
        await decide(reference, version, { action: 'publish', reason: 'fit_to_publish', commissioned }),
        400,
        'validation_failed',
        ['body /moderatedText moderated_text_missing'],
      )
      const kept = await decide(reference, version, keep)
      t.match(kept.body, { publication: 'kept_private', privacy: 'anonymous', privacyChosen: 'anonymous' })
    },
  )

  await t.test('M03: publishing a private case keeps it private and ignores the text', async (t) => {
    const { reference, version } = await createCase(harness, { privacy: 'private' })
    const { body } = await decide(reference, version, publish)
    t.match(body, { publication: 'kept_private', moderated: null, privacy: 'private' })
    t.match((await call({ url: `/v1/cases/${reference}` })).body, { view: 'stub', withheld: 'private' })
    t.notOk(await isListed(reference))
  })

  await t.test('M04: a public named case that is kept private leaves the public with its name', async (t) => {
    const { reference, version } = await publishedCase(harness, { privacy: 'named' })
    t.ok(await isListed(reference))
    const { body } = await decide(reference, version, keep)
    t.match(body, { publication: 'kept_private', privacyChosen: 'named' })
    t.notOk(await isListed(reference))
    t.equal((await call({ url: `/v1/cases/${reference}` })).body.view, 'stub')
    const { publicName } = await db.prisma.case.findUniqueOrThrow({ where: { reference } })
    t.equal(publicName, null)
    const again = await decide(reference, body.version, { action: 'publish', reason: 'reporter_asked' })
    t.match(again.body, { publication: 'published' }, 'the text of before serves')
    t.equal((await call({ url: `/v1/cases/${reference}` })).body.authorName, 'Invented Person')
  })

  await t.test('a title can be cleared, and stays when nothing is said', async (t) => {
    const { reference, version } = await createCase(harness)
    const one = await decide(reference, version, { ...publish, moderatedTitle: 'A title' })
    const two = await decide(reference, one.body.version, publish)
    t.equal(two.body.moderated.title, 'A title')
    const three = await decide(reference, two.body.version, { ...publish, moderatedTitle: null })
    t.equal(three.body.moderated.title, null)
  })

  await t.test('a decision without a recognised action publishes nothing', async (t) => {
    const { reference, version } = await createCase(harness)
    for (const [body, fields] of [
      [{}, ['body /action missing', 'body /reason missing']],
      [{ ...publish, action: 'approve' }, ['body /action unknown_value']],
      [{ ...publish, action: null }, ['body /action unknown_value', 'body /action wrong_type']],
      [{ ...publish, reason: 'because' }, ['body /reason unknown_value']],
      [{ ...publish, moderatedText: ' ' }, ['body /moderatedText wrong_format']],
      [{ ...publish, moderatedText: 'x'.repeat(10_001) }, ['body /moderatedText too_long']],
      [{ ...publish, moderatedTitle: '' }, ['body /moderatedTitle too_short']],
      [{ ...publish, version: 1 }, ['body /version unknown_field']],
      [{ ...publish, commissioned: 'telepathically' }, ['body /commissioned unknown_value']],
      [{ ...publish, note: ' ' }, ['body /note wrong_format']],
    ] as Array<[object, string[]]>)
      refused(t, await decide(reference, version, body), 400, 'validation_failed', fields)
    t.equal((await call({ url: `/v1/cases/${reference}` })).body.withheld, 'awaiting_moderation')
    t.equal((await decide(reference, version, { ...publish, moderatedText: 'x'.repeat(10_000) })).status, 201)
  })

  await t.test('what its reporter or its source has taken back stays as it is', async (t) => {
    for (const change of [
      "publication = 'removed', decision_reason = 'removed_by_source'",
      "publication = 'removed', decision_reason = 'withdrawn_by_reporter'",
      "status = 'withdrawn', acknowledged_at = now(), closed_at = now()",
    ]) {
      const { reference, version } = await createCase(harness)
      await db.pool.query(`update cases set ${change} where reference = $1`, [reference])
      const answer = await decide(reference, version, publish)
      refused(t, answer, 409, 'move_not_allowed')
      t.same(answer.body.allowed, [], change)
    }
  })

  await t.test('C01: a decision names the version that was read', async (t) => {
    const { reference, version } = await createCase(harness)
    const url = `/v1/cases/${reference}/decisions`
    const without = { method: 'POST' as const, url, key: keys.case_handler, body: publish }
    refused(t, await call({ ...without, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    for (const etag of ['*', 'W/"1"', '"x"', '1', '"1", "2"', '"99999999999"'])
      refused(
        t,
        await call({ ...without, headers: { 'acting-user': 'a', 'if-match': etag } }),
        428,
        'version_required',
      )
    t.equal((await decide(reference, version, keep)).status, 201)
    const stale = await decide(reference, version, publish)
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
    t.equal(stale.headers.etag, '"2"')
    t.equal(
      (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body.publication,
      'kept_private',
    )
    const fresh = await decide(reference, 0, publish, { 'if-match': stale.headers.etag })
    t.equal(fresh.status, 201, 'the ETag of the answer serves')
  })

  await t.test('C01: of two case handlers at once one decides, the other is told', async (t) => {
    const { reference, version } = await createCase(harness)
    const answers = await Promise.all([
      decide(reference, version, publish, { 'acting-user': 'one' }),
      decide(reference, version, keep, { 'acting-user': 'two' }),
    ])
    t.same(answers.map(({ status }) => status).sort(), [201, 412])
    const events = await db.prisma.event.count({ where: { caseReference: reference } })
    t.equal(events, 2, 'created and decided once')
  })

  await t.test('the ETag that a read gives is the one a decision wants', async (t) => {
    const { reference } = await createCase(harness)
    const { headers } = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
    t.equal((await decide(reference, 0, publish, { 'if-match': headers.etag })).status, 201)
  })

  await t.test('who acts must be said', async (t) => {
    const { reference, version } = await createCase(harness)
    const answer = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: { 'if-match': `"${version}"` },
      body: publish,
    })
    refused(t, answer, 400, 'validation_failed', ['header /Acting-User missing'])
    const long = await decide(reference, version, publish, { 'acting-user': 'x'.repeat(201) })
    t.same(fieldsOf(long), ['header /Acting-User too_long'])
  })

  await t.test('a provider decides nothing, and what is not there is not found', async (t) => {
    const { reference, version } = await createCase(harness)
    const url = `/v1/cases/${reference}/decisions`
    for (const key of [keys.provider, keys.commissioner, keys.administrator, keys.integrator])
      refused(
        t,
        await call({ method: 'POST', url, key, headers: staff(version), body: publish }),
        403,
        'scope_missing',
      )
    refused(t, await decide('0000-0000-0000-0', 1, publish), 404, 'not_found')
    refused(t, await decide('nonsense', 1, publish), 404, 'not_found')
  })
})
