import t from 'tap'
import { noteAll } from '../noted.ts'
import { references, refused } from './answers.ts'
import { type Answer, createCase, draft, publishedCase, staff, startHarness } from './harness.ts'

t.test('what a decision can say', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const commissioned = 'locally'
  const decide = (reference: string, version: number, body: object, user?: string): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version, user),
      body: { reason: 'fit_to_publish', ...body },
    })
  const publish = { action: 'publish', commissioned, moderatedText: 'Fit to read. (Invented.)' }
  const publicView = async (reference: string) => (await call({ url: `/v1/cases/${reference}` })).body
  const events = async (reference: string) =>
    (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).map(
      ({ type }) => type,
    )
  const told = async (reference: string) => {
    await noteAll(db)
    return (await db.prisma.notification.findMany({ where: { case: { reference } }, orderBy: { id: 'asc' } }))
      .map(({ kind }) => kind)
      .filter((kind) => /removal|restoration/.test(kind))
  }

  await t.test('edits with their reasons make the moderated text from the original', async (t) => {
    const text = 'Nurse Example 😀 was rude. (Invented.)'
    const { reference, version } = await createCase(harness, { text })
    const edits = [
      { from: 6, to: 13, reason: 'names_staff' },
      { from: 14, to: 17, reason: 'other', replacement: '' },
    ]
    const { body, status } = await decide(reference, version, { action: 'publish', commissioned, edits })
    t.equal(status, 201)
    t.equal(body.moderated.text, 'Nurse […] was rude. (Invented.)')
    t.equal(body.original.text, text)
    const { body: list } = await call({ url: `/v1/cases/${reference}/decisions`, key: keys.case_handler })
    t.same(list.items[0].edits, [
      { from: 6, to: 13, reason: 'names_staff' },
      { from: 14, to: 17, reason: 'other' },
    ])
  })

  await t.test('no edits at all publish the original text as it is', async (t) => {
    const { reference, version } = await createCase(harness, { text: 'As it is. (Invented.)' })
    await decide(reference, version, { action: 'publish', commissioned, edits: [] })
    t.equal((await publicView(reference)).text, 'As it is. (Invented.)')
  })

  await t.test('edits that do not fit the original are refused by name', async (t) => {
    const { reference, version } = await createCase(harness, { text: 'a😀b (Invented.)' })
    const tryEdits = (...edits: object[]) =>
      decide(reference, version, { action: 'publish', commissioned, edits })
    const reason = 'other'
    for (const [edits, fields] of [
      [[{ from: 0, to: 99, reason }], ['body /edits/0 edit_outside_text']],
      [
        [
          { from: 5, to: 6, reason },
          { from: 0, to: 1, reason },
        ],
        ['body /edits/1 edit_out_of_order'],
      ],
      [[{ from: 1, to: 2, reason }], ['body /edits/0 edit_splits_character']],
      [[{ from: 0, to: 16, reason, replacement: ' ' }], ['body /edits moderated_text_missing']],
      [[{ from: -1, to: 1, reason }], ['body /edits/0/from too_small']],
      [[{ from: 0, to: 1, reason: 'taste' }], ['body /edits/0/reason unknown_value']],
    ] as Array<[object[], string[]]>)
      refused(t, await tryEdits(...edits), 400, 'validation_failed', fields)
    refused(t, await decide(reference, version, { ...publish, edits: [] }), 400, 'validation_failed', [
      'body /edits edits_and_text',
    ])
    t.equal((await publicView(reference)).view, 'stub')
  })

  await t.test('M08: a name is hidden and restored, and both are in the log', async (t) => {
    const { reference, version } = await publishedCase(harness, { privacy: 'named' })
    t.equal((await publicView(reference)).authorName, 'Invented Person')
    const hidden = await decide(reference, version, { action: 'publish', privacy: 'anonymous' })
    t.match(hidden.body, { privacy: 'anonymous', privacyChosen: 'named', publication: 'published' })
    t.equal((await publicView(reference)).authorName, null)
    const shown = await decide(reference, hidden.body.version, { action: 'publish', privacy: 'named' })
    t.match(shown.body, { privacy: 'named', privacyChosen: 'named' })
    t.equal((await publicView(reference)).authorName, 'Invented Person')
    t.same(
      (await events(reference)).filter((type) => type === 'case.privacy_changed'),
      ['case.privacy_changed', 'case.privacy_changed'],
    )
  })

  await t.test('staff make a case private and undo that, and the first choice stays', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const hidden = await decide(reference, version, { action: 'publish', privacy: 'private' })
    t.match(hidden.body, { publication: 'kept_private', privacy: 'private', privacyChosen: 'anonymous' })
    t.match(await publicView(reference), { view: 'stub', withheld: 'private' })
    const shown = await decide(reference, hidden.body.version, { action: 'publish', privacy: 'anonymous' })
    t.equal(shown.body.publication, 'published')
    t.equal((await publicView(reference)).view, 'public')
  })

  await t.test('nobody makes a case more public than its reporter chose', async (t) => {
    for (const [chosen, wanted] of [
      ['anonymous', 'named'],
      ['private', 'anonymous'],
      ['private', 'named'],
    ] as const) {
      const { reference, version } = await createCase(harness, { privacy: chosen })
      refused(
        t,
        await decide(reference, version, { ...publish, privacy: wanted }),
        400,
        'validation_failed',
        ['body /privacy more_public_than_chosen'],
      )
    }
  })

  await t.test('M09: the first decision of a case handler says who commissions the care', async (t) => {
    const { reference, version } = await createCase(harness)
    for (const action of ['publish', 'keep_private', 'refer', 'reject']) {
      const { commissioned: _, ...without } = { ...publish, action }
      refused(t, await decide(reference, version, without), 400, 'validation_failed', [
        'body /commissioned commissioned_missing',
      ])
    }
    const first = await decide(reference, version, { ...publish, commissioned: 'nationally' })
    t.equal(first.body.commissioned, 'nationally')
    const second = await decide(reference, first.body.version, { action: 'keep_private' })
    t.match(second.body, { commissioned: 'nationally', publication: 'kept_private' }, 'and is asked once')
  })

  await t.test('M09: what came from a source says nothing of that', async (t) => {
    await call({
      method: 'POST',
      url: '/v1/sources/pushed/items',
      key: keys.feed_provider,
      body: { items: [{ type: 'story', externalId: 'm09', organisation: 'T01', text: 'Cold. (Invented.)' }] },
    })
    const { reference, version } = await db.prisma.case.findFirstOrThrow({ where: { channel: 'feed' } })
    const { status, body } = await decide(reference, version, { action: 'publish', edits: [] })
    t.equal(status, 201)
    t.equal(body.commissioned, null)
  })

  await t.test('priority and breach are set with a decision, and never public', async (t) => {
    const { reference, version } = await createCase(harness, { category: 'parking' })
    const { body } = await decide(reference, version, { ...publish, priority: 'high', breach: true })
    t.match(body, { priority: 'high', breach: true })
    const { text } = await call({ url: `/v1/cases/${reference}` })
    t.notMatch(text, /priority|breach|commissioned|publication/)
    const back = await decide(reference, body.version, {
      action: 'publish',
      priority: 'normal',
      breach: false,
    })
    t.match(back.body, { priority: 'normal', breach: false })
  })

  await t.test('pictures are hidden and shown by name', async (t) => {
    const { reference, version } = await createCase(harness)
    const { id } = await db.prisma.case.findUniqueOrThrow({ where: { reference } })
    for (const token of ['one', 'two'])
      await db.prisma.image.create({
        data: { token: `${token}-${id}`, caseId: id, mediaType: 'image/png', width: 1, height: 1, bytes: 1 },
      })
    const images = async () =>
      (await publicView(reference)).images.map(({ image }: { image: string }) => image.split('-')[0])
    const one = await decide(reference, version, { ...publish, hiddenImages: [`one-${id}`] })
    t.same(await images(), ['two'])
    const two = await decide(reference, one.body.version, { action: 'publish' })
    t.same(await images(), ['two'], 'as it was when nothing is said')
    const three = await decide(reference, two.body.version, { action: 'publish', hiddenImages: [] })
    t.same(await images(), ['one', 'two'])
    refused(
      t,
      await decide(reference, three.body.version, { action: 'publish', hiddenImages: ['of-another'] }),
      400,
      'validation_failed',
      ['body /hiddenImages/0 unknown_image'],
    )
  })

  await t.test(
    'V04: what is removed is nowhere, and its reporter is told once; it can come back',
    async (t) => {
      const { reference, version } = await publishedCase(harness)
      const removed = await decide(reference, version, { action: 'remove', reason: 'vexatious' })
      t.equal(removed.body.publication, 'removed')
      const hidden = await call({ url: `/v1/cases/${reference}` })
      refused(t, hidden, 404, 'not_found')
      refused(t, await call({ url: `/v1/cases/${reference}/decisions` }), 404, 'not_found')
      t.notOk(references(await call({ url: '/v1/cases?limit=100' })).includes(reference))
      const { text } = await call({ url: '/v1/geo/cases.geojson' })
      t.notOk(text.includes(reference))
      t.same(await told(reference), ['removal_for_reporter'])
      const back = await decide(reference, removed.body.version, {
        action: 'publish',
        reason: 'removal_undone',
      })
      t.equal(back.body.publication, 'published')
      t.equal((await publicView(reference)).view, 'public')
      t.same(await told(reference), ['removal_for_reporter', 'restoration_for_reporter'])
    },
  )

  await t.test(
    'what was never public is rejected without a word, and kept private later with one',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const rejected = await decide(reference, version, {
        action: 'reject',
        reason: 'not_about_care',
        commissioned,
      })
      t.equal(rejected.body.publication, 'rejected')
      refused(t, await call({ url: `/v1/cases/${reference}` }), 404, 'not_found')
      t.same(await told(reference), [])
      await decide(reference, rejected.body.version, { action: 'keep_private', reason: 'second_opinion' })
      t.same(await told(reference), ['restoration_for_reporter'])
    },
  )

  await t.test('a decision ends a hiding and answers the open reports of its case', async (t) => {
    for (const [body, state] of [
      [{ action: 'publish' }, 'declined'],
      [{ ...publish, moderatedText: 'Without the name. (Invented.)' }, 'upheld'],
      [{ action: 'keep_private' }, 'upheld'],
    ] as const) {
      const { reference, version } = await publishedCase(harness)
      await call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason: 'personal_data' } })
      const hidden = await db.prisma.case.findUniqueOrThrow({ where: { reference } })
      t.equal(hidden.publication, 'awaiting_moderation')
      const decided = await decide(reference, hidden.version, body, 'person-9')
      t.equal(decided.status, 201, decided.text)
      t.equal(decided.body.heldUntil, null)
      const report = await db.prisma.objection.findFirstOrThrow({ where: { caseId: hidden.id } })
      t.match(report, { state, decidedBy: 'person-9' })
      t.ok((await events(reference)).includes('report.decided'))
      t.ok(version < hidden.version)
    }
  })

  await t.test('the words of before do not come back after a source has changed them', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await db.pool.query(`update cases set publication = 'awaiting_moderation' where reference = $1`, [
      reference,
    ])
    const kept = await decide(reference, version, { action: 'keep_private' })
    t.equal(kept.body.moderated, null)
    refused(t, await decide(reference, kept.body.version, { action: 'publish' }), 400, 'validation_failed', [
      'body /moderatedText moderated_text_missing',
    ])
  })

  await t.test('a case of a client that tries things out is never published', async (t) => {
    const handler = await harness.addClient({ name: 'test handler', role: 'case_handler', test: true })
    const { reference, version } = await createCase(harness)
    await db.pool.query('update cases set test = true where reference = $1', [reference])
    const { body } = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: handler,
      headers: staff(version),
      body: { reason: 'fit_to_publish', ...publish },
    })
    t.equal(body.publication, 'kept_private')
    t.same(await told(reference), [])
  })

  await t.test('C02: what is sent between read and decision is no conflict', async (t) => {
    const { reference, version } = await createCase(harness)
    await noteAll(db)
    await db.pool.query(
      `update notifications set state = 'sent', sent_at = now() where case_id = (select id from cases where reference = $1)`,
      [reference],
    )
    t.equal((await decide(reference, version, publish)).status, 201)
  })

  await t.test('a decision is told in public as codes, to staff in full', async (t) => {
    const { reference, version } = await createCase(harness, { privacy: 'anonymous' })
    const url = `/v1/cases/${reference}/decisions`
    const note = 'Talked it over. (Invented.)'
    const kept = await decide(reference, version, { action: 'keep_private', commissioned, note }, 'person-7')
    t.same((await call({ url })).body, { items: [], next: null }, 'nothing of what is a stub')
    await decide(reference, kept.body.version, publish)
    const { body, text } = await call({ url })
    t.match(body.items, [
      { action: 'keep_private', reason: 'fit_to_publish', response: null, at: String },
      { action: 'publish', reason: 'fit_to_publish', response: null, at: String },
    ])
    t.notMatch(text, /person-7|Talked|edits/)
    for (const key of [keys.case_handler, keys.provider, keys.commissioner])
      t.match((await call({ url, key })).body.items[0], { note, actingUser: 'person-7', edits: [] })
    t.notMatch((await call({ url, key: keys.integrator })).text, /person-7|Talked/)
    const { noteSealed } = await db.prisma.decision.findFirstOrThrow({ where: { case: { reference } } })
    t.notMatch(noteSealed, /Talked/, 'sealed at rest')
  })

  await t.test('the reporter reads what was decided about a private case', async (t) => {
    const { reference, version, receipt } = await createCase(harness, { privacy: 'private' })
    await decide(reference, version, publish)
    const url = `/v1/cases/${reference}/decisions`
    const { body, text } = await call({ url, headers: { 'case-receipt': receipt } })
    t.match(body.items, [{ action: 'keep_private', reason: 'fit_to_publish' }])
    t.notMatch(text, /person-1/)
    refused(t, await call({ url, headers: { 'case-receipt': 'x'.repeat(43) } }), 404, 'not_found')
    refused(t, await call({ url: '/v1/cases/0000-0000-0000-0/decisions' }), 404, 'not_found')
  })

  await t.test('the private text of a decision is ignored, edits and all', async (t) => {
    const { body } = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: draft({ privacy: 'private' }),
    })
    const answer = await decide(body.reference, 1, {
      action: 'publish',
      commissioned,
      edits: [{ from: 0, to: 9999, reason: 'other' }],
    })
    t.match(answer.body, { publication: 'kept_private', moderated: null })
  })
})
