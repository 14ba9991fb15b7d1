import t from 'tap'
import { noteAll } from '../noted.ts'
import { canaries, canaryDraft, holdsNone, references, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('referrals', async (t) => {
  // A Monday, far from any bank holiday.
  const clock = new Date('2026-11-23T10:00:00.000Z')
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  const site = await harness.addClient({
    name: 'site',
    role: 'provider',
    organisationIds: [await idOf('T0101')],
  })
  const post = (
    path: string,
    version: number,
    body: object,
    { key = keys.provider, ...headers }: Record<string, string>,
  ): Promise<Answer> =>
    call({ method: 'POST', url: path, key, headers: { ...staff(version), ...headers }, body })
  const refer = (reference: string, version: number, body: object, headers: Record<string, string> = {}) =>
    post(`/v1/cases/${reference}/referrals`, version, body, headers)
  const answer = (reference: string, version: number, body: object, headers: Record<string, string> = {}) =>
    post(`/v1/cases/${reference}/referral-answers`, version, body, { key: keys.other_provider, ...headers })
  const change = (reference: string, version: number, body: object, key = keys.case_handler) =>
    call({ method: 'PATCH', url: `/v1/cases/${reference}`, key, headers: staff(version), body })
  const read = async (reference: string, key = keys.case_handler) =>
    (await call({ url: `/v1/cases/${reference}`, key })).body
  const notes = async (reference: string, key: string) =>
    (await call({ url: `/v1/cases/${reference}/notes`, key })).body.items
  const eventsOf = async (reference: string) =>
    (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).slice(1)
  const told = async (reference: string) => {
    await noteAll(db)
    return (
      await db.pool.query(
        `select distinct n.key, o.code from notifications n join organisations o on o.id = n.organisation_id
         where n.kind = 'referral_for_organisation' and n.address = 1 and n.case_id = (select id from cases where reference = $1) order by 1`,
        [reference],
      )
    ).rows.map(({ code }) => code)
  }
  const toT02 = { organisation: 'T02', note: 'The ward is theirs. (Invented.)' }
  const declined = { action: 'decline', note: 'Not our ward. (Invented.)' }

  function idOf(code: string): Promise<number> {
    return db.prisma.organisation.findUniqueOrThrow({ where: { code } }).then(({ id }) => id)
  }

  await t.test(
    'a referred case is with the new organisation at once, open, and waits to be taken',
    async (t) => {
      const { reference, version } = await createCase(harness, { organisation: 'T0101', service: 'SRV1' })
      const before = (await change(reference, version, { assignee: 'pals-4' })).body
      const { status, body, headers } = await refer(reference, before.version, toT02)
      t.equal(status, 201)
      t.match(headers.etag, /^"3-/)
      t.match(body, {
        view: 'staff',
        organisation: { code: 'T02' },
        status: 'open',
        service: null,
        assignee: null,
        contact: null,
        messages: [],
        allowedStatuses: [],
        referral: {
          from: { code: 'T0101' },
          to: { code: 'T02' },
          state: 'waiting',
          at: clock.toISOString(),
          dueAt: '2026-11-25T10:00:00.000Z',
          answeredAt: null,
        },
        position: { latitude: 54.97, longitude: -1.61 },
        version: 3,
      })
      t.same(await told(reference), ['T02'])
      t.match((await eventsOf(reference)).at(-1), {
        type: 'case.referred',
        fields: ['organisation', 'service', 'assignee', 'notes'],
        caseVersion: 3,
        actingUser: 'person-1',
      })
      t.match(await read(reference, keys.other_provider), { contact: { email: /@/ } })
      const listed = await call({ url: '/v1/cases?view=mine&limit=100', key: keys.provider })
      t.ok(references(listed).includes(reference), 'who referred it keeps reading it')
      t.match(await notes(reference, keys.other_provider), [
        { text: toT02.note, shared: true, organisation: { code: 'T0101' }, actingUser: 'person-1' },
      ])
    },
  )

  await t.test('accepted, it is acknowledged and the waiting ends', async (t) => {
    const { reference, version } = await createCase(harness)
    await refer(reference, version, toT02)
    const { status, body } = await answer(reference, 2, { action: 'accept', note: 'Ours. (Invented.)' })
    t.equal(status, 201)
    t.match(body, {
      status: 'in_progress',
      acknowledgedAt: clock.toISOString(),
      version: 3,
      organisation: { code: 'T02' },
      referral: { state: 'accepted', answeredAt: clock.toISOString() },
    })
    t.same(
      (await eventsOf(reference)).map(({ type }) => type),
      ['case.referred', 'case.referral_accepted', 'case.status_changed'],
    )
    t.equal((await notes(reference, keys.case_handler)).length, 2)
    t.match(await read(reference, keys.provider), { view: 'staff', contact: null })
    const further = await refer(reference, 3, { organisation: 'T01' }, { key: keys.other_provider })
    t.equal(further.status, 201, 'and may be referred on, or back')
    t.match(await read(reference, keys.provider), { contact: { email: /@/ } })
  })

  await t.test(
    'declined, it goes back with the reason, and whoever declined has nothing to do with it',
    async (t) => {
      const { reference, version } = await createCase(harness, canaryDraft)
      await refer(reference, version, toT02)
      const { status, body, text } = await answer(reference, 2, declined)
      t.equal(status, 201)
      t.match(body, {
        organisation: { code: 'T01' },
        referral: { state: 'declined' },
        position: { latitude: 51.5, longitude: -0.12 },
        allowedStatuses: [],
        contact: null,
      })
      for (const canary of [canaries.email, canaries.phone, canaries.name]) t.notOk(text.includes(canary))
      t.equal((await read(reference, keys.other_provider)).view, 'stub')
      refused(
        t,
        await call({ url: `/v1/cases/${reference}/notes`, key: keys.other_provider }),
        403,
        'not_your_case',
      )
      const theirs = await call({ url: '/v1/cases?view=mine&limit=100', key: keys.other_provider })
      t.notOk(references(theirs).includes(reference))
      t.match(await read(reference, keys.provider), { contact: { email: canaries.email }, status: 'open' })
      t.same(
        (await notes(reference, keys.provider)).map((note: { text: string }) => note.text),
        [toT02.note, declined.note],
      )
      t.same((await told(reference)).sort(), ['T01', 'T02'])
      t.match((await eventsOf(reference)).at(-1), {
        type: 'case.referral_declined',
        fields: ['organisation', 'notes'],
        organisationId: await idOf('T01'),
      })
    },
  )

  await t.test('whoever declines says why, and nobody answers twice', async (t) => {
    const { reference, version } = await createCase(harness)
    await refer(reference, version, toT02)
    refused(t, await answer(reference, 2, { action: 'decline' }), 400, 'validation_failed', [
      'body /note note_missing',
    ])
    t.match(await read(reference), { organisation: { code: 'T02' }, referral: { state: 'waiting' } })
    const both = await Promise.all([
      answer(reference, 2, { action: 'accept' }),
      answer(reference, 2, declined),
    ])
    t.equal(both.filter(({ status }) => status === 201).length, 1)
    const { version: now, referral } = await read(reference)
    t.ok(['accepted', 'declined'].includes(referral.state))
    const key = referral.state === 'accepted' ? keys.other_provider : keys.provider
    refused(t, await answer(reference, now, declined, { key }), 409, 'move_not_allowed')
  })

  await t.test('a case is on its way to one place at a time', async (t) => {
    await db.prisma.organisation.create({ data: { code: 'T04', name: 'Example Trust Four', kind: 'trust' } })
    const { reference, version } = await createCase(harness)
    const targets = ['T02', 'T04'].map((organisation) => refer(reference, version, { organisation }))
    const answers = await Promise.all(targets)
    t.equal(answers.filter(({ status }) => status === 201).length, 1)
    const { organisation, referral } = await read(reference)
    t.equal(referral.to.code, organisation.code)
    const key = keys.case_handler
    refused(t, await refer(reference, 2, { organisation: 'T0101' }, { key }), 409, 'move_not_allowed')
    const moved = (await change(reference, 2, { organisation: 'T0101' })).body
    t.match(moved, { organisation: { code: 'T0101' }, referral: { state: 'cancelled' } })
    t.equal((await refer(reference, 3, toT02)).status, 201, 'the central team has ended the first')
  })

  await t.test(
    'a case handler refers too, and the answer goes to the organisation that had it',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const referred = (await refer(reference, version, toT02, { key: keys.case_handler })).body
      t.match(referred, { referral: { from: { code: 'T01' }, to: { code: 'T02' } }, contact: { email: /@/ } })
      t.match(await notes(reference, keys.other_provider), [{ organisation: null, shared: true }])
      await answer(reference, 2, declined)
      t.match(await read(reference), { organisation: { code: 'T01' } })
    },
  )

  await t.test('among its own organisations a provider passes a case on without asking', async (t) => {
    const { reference, version } = await createCase(harness)
    const { body } = await refer(reference, version, { organisation: 'T0101' })
    t.match(body, {
      organisation: { code: 'T0101' },
      referral: { state: 'accepted' },
      contact: { email: /@/ },
    })
    t.same(await told(reference), [])
    const up = await refer(reference, 2, { organisation: 'T01' }, { key: site })
    t.match(up.body, { referral: { state: 'waiting' }, contact: null }, 'a site asks its trust')
    t.equal((await answer(reference, 3, { action: 'accept' }, { key: keys.provider })).status, 201)
    refused(t, await change(reference, 4, { status: 'resolved' }, site), 403, 'not_your_case')
  })

  await t.test('a referral that waits ends with the case', async (t) => {
    const { reference, version } = await createCase(harness)
    await refer(reference, version, toT02)
    const closed = (await change(reference, 2, { status: 'unable_to_contact' }, keys.other_provider)).body
    t.match(closed, { referral: { state: 'cancelled' }, respondDueAt: closed.respondDueAt })
    refused(t, await answer(reference, 3, declined), 409, 'move_not_allowed')
    const again = await refer(reference, 3, { organisation: 'T01' }, { key: keys.other_provider })
    refused(t, again, 409, 'move_not_allowed')
    t.same(again.body.allowed, ['open', 'in_progress'], 'a closed case is reopened first')
  })

  await t.test('a referral needs somewhere else that takes cases', async (t) => {
    const { reference, version } = await createCase(harness)
    const wrong = {
      T01: 'same_organisation',
      OLD1: 'same_organisation',
      T09: 'unknown_organisation',
      XCM01: 'unknown_organisation',
      NONE: 'unknown_organisation',
    }
    for (const [organisation, code] of Object.entries(wrong))
      refused(t, await refer(reference, version, { organisation }), 400, 'validation_failed', [
        `body /organisation ${code}`,
      ])
    await db.prisma.organisation.create({
      data: { code: 'T05', name: 'Later', kind: 'trust', acceptsCasesFrom: new Date('2100-01-01') },
    })
    refused(t, await refer(reference, version, { organisation: 'T05' }), 400, 'validation_failed', [
      'body /organisation organisation_not_yet',
    ])
    t.match(await read(reference), { version, referral: null })
  })

  await t.test('a question is referred only when its organisation has it', async (t) => {
    const { reference, version } = await createCase(harness, { kind: 'question' })
    const key = keys.case_handler
    refused(t, await refer(reference, version, toT02, { key }), 409, 'move_not_allowed')
    await change(reference, version, { passedOn: true })
    t.equal((await refer(reference, 2, toT02)).status, 201)
    await answer(reference, 3, declined)
    t.match(await read(reference, keys.provider), { view: 'staff', organisation: { code: 'T01' } })
  })

  await t.test('a repeat with its Idempotency-Key refers and answers once', async (t) => {
    const { reference, version } = await createCase(harness)
    const referred = await Promise.all(
      [1, 2, 3].map(() => refer(reference, version, toT02, { 'idempotency-key': 'refer-once' })),
    )
    t.same(
      referred.map(({ status }) => status),
      [201, 201, 201],
    )
    t.equal(new Set(referred.map(({ text }) => text)).size, 1)
    const back = await Promise.all(
      [1, 2].map(() => answer(reference, 2, declined, { 'idempotency-key': 'answer-once' })),
    )
    t.same(
      back.map(({ status }) => status),
      [201, 201],
    )
    t.equal(back[0]?.text, back[1]?.text)
    t.equal((await eventsOf(reference)).length, 2)
    t.equal((await notes(reference, keys.provider)).length, 2)
    const other = { organisation: 'T02' }
    refused(
      t,
      await refer(reference, version, other, { 'idempotency-key': 'refer-once' }),
      422,
      'idempotency_key_reused',
    )
  })

  await t.test('who may not refer or answer is told so', async (t) => {
    const { reference, version } = await publishedCase(harness)
    refused(
      t,
      await refer(reference, version, { organisation: 'T01' }, { key: keys.other_provider }),
      403,
      'not_your_case',
    )
    for (const role of [
      'commissioner',
      'second_tier',
      'integrator',
      'supplier',
      'administrator',
      'feed_provider',
      'form',
    ] as const) {
      refused(t, await refer(reference, version, toT02, { key: keys[role] }), 403, 'scope_missing')
      refused(t, await answer(reference, version, declined, { key: keys[role] }), 403, 'scope_missing')
    }
    for (const path of ['referrals', 'referral-answers']) {
      const body = path === 'referrals' ? toT02 : declined
      const request = { method: 'POST' as const, url: `/v1/cases/${reference}/${path}`, body }
      refused(t, await call(request), 401, 'key_missing')
      const staffKey = { ...request, key: keys.provider }
      refused(t, await call({ ...staffKey, headers: { 'acting-user': 'a' } }), 428, 'version_required')
      refused(t, await call({ ...staffKey, headers: staff(version - 1) }), 412, 'version_stale')
      const nowhere = { ...staffKey, url: `/v1/cases/0000-0000-0000-0/${path}`, headers: staff(1) }
      refused(t, await call(nowhere), 404, 'not_found')
    }
    refused(t, await answer(reference, version, declined, { key: keys.provider }), 409, 'move_not_allowed')
    await refer(reference, version, toT02)
    for (const key of [keys.provider, keys.case_handler])
      refused(t, await answer(reference, version + 1, declined, { key }), 403, 'not_your_case')
    refused(t, await refer(reference, version + 1, { organisation: 'T01' }), 403, 'not_your_case')
  })

  await t.test('what is said with a referral is sealed, and in no event', async (t) => {
    const { reference, version } = await createCase(harness)
    await refer(reference, version, { organisation: 'T02', note: canaries.text })
    await answer(reference, 2, { action: 'decline', note: canaries.title })
    await noteAll(db)
    const kept = await Promise.all(
      ['events', 'notifications', 'notes', 'referrals', 'idempotency_records'].map((table) =>
        db.pool.query(`select json_agg(x)::text as all from ${table} x`),
      ),
    )
    holdsNone(t, kept.map(({ rows }) => rows[0].all).join(), 'the tables')
    holdsNone(t, harness.logged(), 'the log')
  })
})
