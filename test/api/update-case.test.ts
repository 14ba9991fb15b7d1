import t from 'tap'
import { noteAll } from '../noted.ts'
import { canaries, canaryDraft, holdsNone, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('changing a case', async (t) => {
  let clock = new Date()
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  const change = (
    reference: string,
    version: number,
    body: object,
    { key = keys.case_handler, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key,
      headers: { ...staff(version), ...headers },
      body,
    })
  const byProvider = { key: keys.provider }
  const read = async (reference: string, key = keys.case_handler) =>
    (await call({ url: `/v1/cases/${reference}`, key })).body
  const eventsOf = async (reference: string) =>
    (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).filter(
      ({ type }) => type !== 'case.created',
    )
  const told = async (reference: string, kind: string) => {
    await noteAll(db)
    return (
      await db.pool.query(
        `select o.code, n.address from notifications n left join organisations o on o.id = n.organisation_id
         where n.kind = $2::notification_kind and n.case_id = (select id from cases where reference = $1) order by n.id`,
        [reference, kind],
      )
    ).rows
  }
  const organisation = (data: object) => db.prisma.organisation.create({ data: data as never })

  await t.test('R02: a status without an answer changes the status and leaves no answer', async (t) => {
    const { reference, version } = await createCase(harness)
    const { status, body, headers } = await change(reference, version, { status: 'in_progress' }, byProvider)
    t.equal(status, 200)
    t.match(body, { status: 'in_progress', version: 2, acknowledgedAt: clock.toISOString(), responses: [] })
    t.match(headers.etag, /^"2-/)
    t.match(await eventsOf(reference), [
      { type: 'case.status_changed', fields: ['status'], caseVersion: 2, actingUser: 'person-1' },
    ])
  })

  await t.test('R04: a closed case that is set back to open is open, and keeps its times', async (t) => {
    const { reference, version } = await createCase(harness)
    const closed = (await change(reference, version, { status: 'resolved' }, byProvider)).body
    const open = (await change(reference, closed.version, { status: 'open' }, byProvider)).body
    t.match(open, { status: 'open', resolvedAt: closed.resolvedAt, closedAt: closed.closedAt, version: 3 })
  })

  await t.test('R05: acknowledged after five days is 7,200 minutes, for ever', async (t) => {
    const { reference, version } = await createCase(harness)
    clock = new Date(Date.parse((await read(reference)).reportedAt) + 5 * 24 * 3_600_000)
    const first = (await change(reference, version, { status: 'in_progress' }, byProvider)).body
    t.match(first, { minutesToAcknowledge: 7_200, minutesToResolve: null })
    clock = new Date(clock.getTime() + 3_600_000)
    const second = (await change(reference, first.version, { status: 'resolved' }, byProvider)).body
    t.match(second, { minutesToAcknowledge: 7_200, minutesToResolve: 7_260 })
    const third = (await change(reference, second.version, { status: 'open' })).body
    clock = new Date(clock.getTime() + 3_600_000)
    const fourth = (await change(reference, third.version, { status: 'resolved' })).body
    t.match(fourth, { minutesToAcknowledge: 7_200, minutesToResolve: 7_260 })
    clock = new Date()
  })

  await t.test('a provider changes its part, and is told of each field that is not its own', async (t) => {
    const { reference, version } = await createCase(harness, { organisation: 'T0101' })
    const mine = { assignee: 'pals-4', formalComplaint: true, service: 'SRV1' }
    const { body } = await change(reference, version, mine, byProvider)
    t.match(body, { assignee: 'pals-4', formalComplaint: true, service: { code: 'SRV1' }, version: 2 })
    t.match(await eventsOf(reference), [
      { type: 'case.changed', fields: ['service', 'assignee', 'formalComplaint'] },
    ])
    const others = {
      organisation: 'T02',
      category: 'food',
      priority: 'high',
      urgent: true,
      breach: true,
      commissioned: 'locally',
      passedOn: true,
    }
    const refusal = await change(reference, 2, { ...others, assignee: 'pals-5' }, byProvider)
    const fields = Object.keys(others).map((field) => `body /${field} not_yours_to_change`)
    refused(t, refusal, 400, 'validation_failed', fields)
    t.match(await read(reference), { version: 2, assignee: 'pals-4' })
    const cleared = (await change(reference, 2, { assignee: null, service: null }, byProvider)).body
    t.match(cleared, { assignee: null, service: null, version: 3 })
  })

  await t.test('a case handler changes everything, with the reason in the history', async (t) => {
    const { reference, version } = await createCase(harness)
    const changes = { category: 'parking', priority: 'high', breach: true, commissioned: 'nationally' }
    const { body } = await change(reference, version, { ...changes, reason: 'triage' })
    t.match(body, { ...changes, version: 2 })
    t.match(await eventsOf(reference), [
      { type: 'case.changed', reason: 'triage', fields: ['category', 'priority', 'breach', 'commissioned'] },
    ])
    const back = (await change(reference, 2, { priority: 'normal', commissioned: null })).body
    t.match(back, { priority: 'normal', commissioned: null })
  })

  await t.test('a change of nothing makes no version and no event', async (t) => {
    const { reference, version } = await createCase(harness)
    const same = { status: 'open', category: 'delays', organisation: 'OLD1', assignee: null, urgent: false }
    const before = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
    const { status, body, headers } = await change(reference, version, same)
    t.equal(status, 200)
    t.equal(body.version, version)
    t.equal(headers.etag, before.headers.etag)
    t.same(await eventsOf(reference), [])
    refused(t, await change(reference, version, {}), 400, 'validation_failed')
  })

  await t.test('only the fields that did change are in the event', async (t) => {
    const { reference, version } = await createCase(harness)
    await change(reference, version, { category: 'delays', assignee: 'pals-4', status: 'open' })
    t.match(await eventsOf(reference), [{ fields: ['assignee'] }])
  })

  await t.test(
    'triage moves a case with its place, tells the new organisation, and keeps the old one reading',
    async (t) => {
      const { reference, version } = await createCase(harness, { organisation: 'T0101', service: 'SRV1' })
      await change(reference, version, { assignee: 'pals-4' }, byProvider)
      const { body } = await change(reference, 2, { organisation: 'T02' })
      t.match(body, {
        organisation: { code: 'T02' },
        service: null,
        assignee: null,
        position: { latitude: 54.97, longitude: -1.61 },
        referral: null,
      })
      t.match((await eventsOf(reference)).at(-1), { fields: ['organisation', 'service', 'assignee'] })
      t.same(
        await told(reference, 'case_for_organisation').then((all) =>
          all.filter(({ code }) => code === 'T02'),
        ),
        [
          { code: 'T02', address: 1 },
          { code: 'T02', address: 2 },
        ],
      )
      t.match(await read(reference, keys.other_provider), { view: 'staff', contact: { email: /@/ } })
      t.match(await read(reference, keys.provider), { view: 'staff', contact: null })
      refused(t, await change(reference, 3, { assignee: 'x' }, byProvider), 403, 'not_your_case')
      const { rows } = await db.pool.query(
        'select pt ~= mercator(latitude, longitude) as same from cases where reference = $1',
        [reference],
      )
      t.same(rows, [{ same: true }])
      const back = (await change(reference, 3, { organisation: 'T01' })).body
      t.equal(back.organisation.code, 'T01')
      t.match(await read(reference, keys.other_provider), { contact: null })
      t.match(await read(reference, keys.provider), { contact: { email: /@/ } })
    },
  )

  await t.test('a case goes only where cases are taken, and every wrong field is named', async (t) => {
    await organisation({
      code: 'T03',
      name: 'Later',
      kind: 'trust',
      acceptsCasesFrom: new Date('2100-01-01'),
      whereToTurn: 'Ring us. (Invented.)',
    })
    await organisation({ code: 'T0301', name: 'Site', kind: 'site', parent: { connect: { code: 'T03' } } })
    const { reference, version } = await createCase(harness)
    const nowhere = { organisation: 'NONE', category: 'none', service: 'NONE', passedOn: true }
    refused(t, await change(reference, version, nowhere), 400, 'validation_failed', [
      'body /organisation unknown_organisation',
      'body /category unknown_category',
      'body /service unknown_service',
      'body /passedOn only_for_questions',
    ])
    for (const code of ['T09', 'T0901', 'XCM01'])
      refused(t, await change(reference, version, { organisation: code }), 400, 'validation_failed', [
        'body /organisation unknown_organisation',
      ])
    for (const code of ['T03', 'T0301']) {
      const later = await change(reference, version, { organisation: code })
      refused(t, later, 400, 'validation_failed', ['body /organisation organisation_not_yet'])
      t.match(later.body.errors[0].detail, /2100-01-01.*Ring us/)
    }
    t.equal((await read(reference)).version, version)
  })

  await t.test('a service is one of the organisation that the case goes to', async (t) => {
    const { reference, version } = await createCase(harness)
    refused(t, await change(reference, version, { service: 'SRV1' }), 400, 'validation_failed', [
      'body /service unknown_service',
    ])
    const { body } = await change(reference, version, { organisation: 'T0101', service: 'SRV1' })
    t.match(body, { organisation: { code: 'T0101' }, service: { code: 'SRV1' } })
  })

  await t.test(
    'a question is with its organisation only when it is passed on, and may be taken back',
    async (t) => {
      const { reference, version } = await createCase(harness, { ...canaryDraft, kind: 'question' })
      t.equal((await read(reference, keys.provider)).view, 'stub')
      t.same(await told(reference, 'case_for_organisation'), [])
      const moved = (await change(reference, version, { organisation: 'T02' })).body
      t.same(await told(reference, 'case_for_organisation'), [], 'nobody hears of it yet')
      const passed = (await change(reference, moved.version, { passedOn: true, reason: 'for_the_trust' }))
        .body
      t.equal(passed.passedOn, true)
      t.same(
        (await told(reference, 'case_for_organisation')).map(({ code }) => code),
        ['T02', 'T02'],
      )
      t.equal((await read(reference, keys.other_provider)).view, 'staff')
      const before = await call({ url: `/v1/cases/${reference}`, key: keys.provider })
      t.equal(before.body.view, 'stub', 'who had it before it was passed on never saw it')
      holdsNone(t, before.text, 'the stub')
      await change(reference, passed.version, { passedOn: false })
      t.equal((await read(reference, keys.other_provider)).view, 'stub')
      t.match((await eventsOf(reference)).at(-1), { type: 'case.changed', fields: ['passedOn'] })
    },
  )

  await t.test(
    'an urgent case alerts the on-call address each time it becomes urgent, and hurries its clocks',
    async (t) => {
      clock = new Date()
      const { reference, version } = await createCase(harness)
      const urgent = (await change(reference, version, { urgent: true })).body
      const due = new Date(clock.getTime() + 4 * 3_600_000).toISOString()
      t.match(urgent, { urgent: true, moderateDueAt: due, acknowledgeDueAt: due, dueAt: due })
      t.equal((await told(reference, 'urgent_for_on_call')).length, 1)
      await change(reference, 2, { urgent: true, assignee: 'person-1' })
      t.equal((await told(reference, 'urgent_for_on_call')).length, 1)
      const calm = (await change(reference, 3, { urgent: false })).body
      t.ok(calm.moderateDueAt > due)
      t.ok(calm.acknowledgeDueAt > due)
      await change(reference, 4, { urgent: true })
      t.equal((await told(reference, 'urgent_for_on_call')).length, 2)
    },
  )

  await t.test(
    'a reporter with an e-mail address hears that their case has closed, once each time',
    async (t) => {
      const { reference, version } = await createCase(harness)
      await change(reference, version, { status: 'in_progress' })
      t.equal((await told(reference, 'closing_for_reporter')).length, 0)
      await change(reference, 2, { status: 'unable_to_contact' })
      t.equal((await told(reference, 'closing_for_reporter')).length, 1)
      await change(reference, 3, { status: 'open' })
      await change(reference, 4, { status: 'resolved' })
      t.equal((await told(reference, 'closing_for_reporter')).length, 2)
      const byPhone = await createCase(harness, { contact: { name: 'Invented', phone: '020 7946 0123' } })
      await change(byPhone.reference, byPhone.version, { status: 'resolved' })
      t.same(await told(byPhone.reference, 'closing_for_reporter'), [])
    },
  )

  await t.test('an organisation hears of a case each time that it comes to it', async (t) => {
    const { reference, version } = await createCase(harness)
    for (const [n, code] of ['T02', 'T01', 'T02'].entries())
      t.equal((await change(reference, version + n, { organisation: code })).status, 200)
    const heard = (await told(reference, 'case_for_organisation')).filter(({ address }) => address === 1)
    t.same(
      heard.map(({ code }) => code),
      ['T01', 'T02', 'T01', 'T02'],
    )
  })

  await t.test(
    'a move that the table does not have is refused, and nothing else of the change is kept',
    async (t) => {
      const { reference, version } = await createCase(harness)
      const answer = await change(reference, version, { assignee: 'pals-4', status: 'withdrawn' })
      refused(t, answer, 409, 'move_not_allowed')
      t.ok(answer.body.allowed.includes('resolved'))
      t.match(await read(reference), { version, assignee: null, status: 'open' })
    },
  )

  await t.test('C01: of two changes to one version one is kept; the other learns the version', async (t) => {
    const { reference, version } = await createCase(harness)
    const answers = await Promise.all(
      ['one', 'two', 'three'].map((assignee) => change(reference, version, { assignee })),
    )
    t.same(answers.map(({ status }) => status).sort(), [200, 412, 412])
    const stale = answers.find(({ status }) => status === 412) as Answer
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
    t.equal((await eventsOf(reference)).length, 1)
    const late = await change(reference, version, { status: 'resolved' }, byProvider)
    refused(t, late, 412, 'version_stale')
  })

  await t.test('who may not change it is told so, and learns nothing', async (t) => {
    const { reference, version } = await publishedCase(harness, canaryDraft)
    const body = { status: 'resolved' }
    refused(t, await change(reference, version, body, { key: keys.other_provider }), 403, 'not_your_case')
    for (const role of [
      'commissioner',
      'second_tier',
      'integrator',
      'supplier',
      'administrator',
      'feed_provider',
      'form',
    ] as const)
      refused(t, await change(reference, version, body, { key: keys[role] }), 403, 'scope_missing')
    const url = `/v1/cases/${reference}`
    refused(t, await call({ method: 'PATCH', url, body }), 401, 'key_missing')
    const nobody = { method: 'PATCH' as const, url, key: keys.provider, body }
    refused(t, await call({ ...nobody, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...nobody, headers: { 'if-match': '"1"' } }), 400, 'validation_failed')
    refused(t, await change('0000-0000-0000-0', 1, body), 404, 'not_found')
    await db.pool.query(`update cases set publication = 'removed' where reference = $1`, [reference])
    const hidden = await change(reference, version, body, { key: keys.other_provider })
    const none = await change('0000-0000-0000-0', version, body, { key: keys.other_provider })
    t.same({ ...hidden.body, requestId: '' }, { ...none.body, requestId: '' })
  })

  await t.test('nothing of a change shows in events, notifications and logs', async (t) => {
    const { reference, version } = await createCase(harness, canaryDraft)
    await change(reference, version, { assignee: canaries.actingUser, organisation: 'T02', urgent: true })
    await noteAll(db)
    const kept = await Promise.all(
      ['events', 'notifications'].map((table) =>
        db.pool.query(`select json_agg(x)::text as all from ${table} x`),
      ),
    )
    holdsNone(t, kept.map(({ rows }) => rows[0].all).join(), 'events and notifications')
    holdsNone(t, harness.logged(), 'the log')
  })
})
