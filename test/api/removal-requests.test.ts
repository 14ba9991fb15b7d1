import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { noteAll } from '../noted.ts'
import { references, refused } from './answers.ts'
import { type Answer, createCase, type Harness, publishedCase, staff, startHarness } from './harness.ts'

const TUESDAY = new Date('2026-11-24T10:00:00.000Z')
const WHY = 'Forty of the same. (Invented.)'

type Headers = Record<string, string>

function operations({ call, db, keys }: Harness) {
  return {
    ask: (
      reference: string,
      version: number,
      body: object = {},
      { key = keys.provider, ...headers } = {} as Headers,
    ) =>
      call({
        method: 'POST',
        url: `/v1/cases/${reference}/removal-requests`,
        key,
        headers: { ...staff(version, 'asker'), ...headers },
        body: { reason: 'vexatious', text: WHY, ...body },
      }),
    decide: (request: string, body: object = {}, { key = keys.case_handler, ...headers } = {} as Headers) =>
      call({
        method: 'POST',
        url: `/v1/removal-requests/${request}/decisions`,
        key,
        headers: { 'acting-user': 'decider', ...headers },
        body: { action: 'remove', reason: 'vexatious', ...body },
      }),
    list: (query = '', key = keys.case_handler): Promise<Answer> =>
      call({ url: `/v1/removal-requests${query}`, key }),
    toStaff: async (reference: string) =>
      (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body,
    inPublic: (reference: string): Promise<Answer> => call({ url: `/v1/cases/${reference}` }),
    events: async (reference: string) =>
      (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).slice(
        2,
      ),
    told: async (reference: string) => {
      await noteAll(db)
      return (
        await rows<{ kind: string }>(
          db.pool,
          `select n.kind from notifications n join cases c on c.id = n.case_id where c.reference = $1 and n.kind = 'removal_for_reporter'`,
          [reference],
        )
      ).length
    },
  }
}

t.test('what was decided before', async (t) => {
  const harness = await startHarness(t, { now: () => TUESDAY })
  const { ask, decide, inPublic, list, toStaff } = operations(harness)

  await t.test('whose request was declined asks again, and hides nothing by it', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const first = await ask(reference, version, { reason: 'personal_data' })
    t.equal((await inPublic(reference)).body.view, 'stub')
    await decide(first.body.request, { action: 'decline', reason: 'fit_to_publish' })
    t.equal((await inPublic(reference)).body.view, 'public')

    const again = await ask(reference, (await toStaff(reference)).version, { reason: 'personal_data' })
    t.equal(again.status, 201, again.text)
    t.equal((await inPublic(reference)).body.view, 'public')
  })

  await t.test('a case handler who removes the case has granted the request', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const { body } = await ask(reference, version)
    const decided = await harness.call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: harness.keys.case_handler,
      headers: staff((await toStaff(reference)).version, 'decider'),
      body: { action: 'remove', reason: 'vexatious' },
    })
    t.equal(decided.status, 201, decided.text)
    const upheld = (await list('?state=upheld')).body.items
    t.match(upheld, [{ request: body.request, decisionReason: 'vexatious' }])
    refused(t, await decide(body.request), 409, 'move_not_allowed')
  })
})

t.test('asking for a removal', async (t) => {
  const harness = await startHarness(t, { now: () => TUESDAY })
  const { call, db, keys } = harness
  const { ask, list, toStaff, inPublic, events } = operations(harness)

  await t.test('a request for vexatious is kept, and changes nothing before it is decided', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const { status, body } = await ask(reference, version)
    t.equal(status, 201)
    t.match(body, {
      kind: 'removal_request',
      case: reference,
      organisation: { code: 'T01', name: 'Example Trust One' },
      reason: 'vexatious',
      text: WHY,
      state: 'open',
      at: TUESDAY.toISOString(),
      dueAt: '2026-11-26T10:00:00.000Z',
      overdue: false,
      decidedAt: null,
      decisionReason: null,
    })
    t.equal((await inPublic(reference)).body.view, 'public')
    t.match(await toStaff(reference), { version: version + 1, publication: 'published', heldUntil: null })
    t.match(await events(reference), [
      { type: 'removal_request.created', actingUser: 'asker', reason: 'vexatious', caseVersion: version + 1 },
    ])
  })

  for (const reason of ['personal_data', 'names_staff', 'threat'])
    await t.test(`a request for ${reason} hides the text at once, for one working day at most`, async (t) => {
      const { reference, version } = await publishedCase(harness)
      t.match((await ask(reference, version, { reason })).body, { dueAt: '2026-11-26T10:00:00.000Z' })
      t.match((await inPublic(reference)).body, { view: 'stub', withheld: 'awaiting_moderation' })
      t.match(await toStaff(reference), { heldUntil: '2026-11-25T10:00:00.000Z', version: version + 1 })
      t.same(
        (await events(reference)).map(({ type }) => type),
        ['removal_request.created', 'case.hidden'],
      )
    })

  await t.test('what a report has hidden can be asked for, and stays hidden no longer for it', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const report = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/reports`,
      body: { reason: 'threat' },
    })
    t.equal((await ask(reference, version + 1, { reason: 'threat' })).status, 201)
    t.match(await toStaff(reference), { heldUntil: report.body.dueAt, version: version + 2 })
  })

  await t.test('an organisation asks once; when that is decided it may ask again', async (t) => {
    const { reference, version } = await publishedCase(harness)
    await ask(reference, version)
    const again = await ask(reference, version + 1, { reason: 'untrue' })
    refused(t, again, 409, 'move_not_allowed')
    t.match(again.body, { detail: /has asked for this already/, allowed: [] })
    await rows(db.pool, `update objections set state = 'declined'`)
    t.equal((await ask(reference, version + 1)).status, 201)
  })

  await t.test('only what is published can be asked for', async (t) => {
    const { reference, version } = await createCase(harness)
    refused(t, await ask(reference, version), 409, 'move_not_allowed')
    const { reference: own, version: first } = await createCase(harness, { privacy: 'private' })
    refused(t, await ask(own, first), 409, 'move_not_allowed')
  })

  await t.test('only the organisation of a case asks', async (t) => {
    const { reference, version } = await publishedCase(harness)
    refused(t, await ask(reference, version, {}, { key: keys.other_provider }), 403, 'not_your_case')
    refused(t, await ask(reference, version, {}, { key: keys.case_handler }), 403, 'not_your_case')
    for (const role of ['integrator', 'commissioner', 'second_tier', 'supplier'] as const)
      refused(t, await ask(reference, version, {}, { key: keys[role] }), 403, 'scope_missing')
    const url = `/v1/cases/${reference}/removal-requests`
    refused(t, await call({ method: 'POST', url, body: {} }), 401, 'key_missing')
    refused(t, await ask('K7QD-M2XW-9TRB-H', 1), 404, 'not_found')
    await rows(db.pool, `update cases set publication = 'rejected' where reference = $1`, [reference])
    refused(t, await ask(reference, version, {}, { key: keys.other_provider }), 404, 'not_found')
  })

  await t.test('a request names the version that was read, and who asks', async (t) => {
    const { reference, version } = await publishedCase(harness)
    refused(t, await ask(reference, version - 1), 412, 'version_stale')
    const url = `/v1/cases/${reference}/removal-requests`
    const body = { reason: 'untrue', text: WHY }
    const without = { method: 'POST' as const, url, key: keys.provider, body }
    refused(t, await call({ ...without, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(
      t,
      await call({ ...without, headers: { 'if-match': `"${version}"` } }),
      400,
      'validation_failed',
      ['header /Acting-User missing'],
    )
    for (const [bad, field] of [
      [{ reason: 'because' }, 'body /reason unknown_value'],
      [{ text: ' ' }, 'body /text wrong_format'],
      [{ urgent: true }, 'body /urgent unknown_field'],
    ] as const)
      refused(t, await ask(reference, version, bad), 400, 'validation_failed', [field])
  })

  await t.test('a repeat with its Idempotency-Key is the same request', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const headers = { 'idempotency-key': 'ask-once' }
    const first = await ask(reference, version, { reason: 'threat' }, headers)
    const repeats = await Promise.all(
      [1, 2, 3].map(() => ask(reference, version, { reason: 'threat' }, headers)),
    )
    for (const repeat of repeats) t.same([repeat.status, repeat.body], [201, first.body])
    t.equal((await toStaff(reference)).version, version + 1)
    refused(t, await ask(reference, version, { reason: 'untrue' }, headers), 422, 'idempotency_key_reused')
  })

  await t.test('a case handler reads all requests, a provider its own', async (t) => {
    const mine = await publishedCase(harness)
    const theirs = await publishedCase(harness, { organisation: 'T02' })
    const one = (await ask(mine.reference, mine.version)).body.request
    const two = (await ask(theirs.reference, theirs.version, {}, { key: keys.other_provider })).body.request
    const names = async (key: string) => {
      const { body } = await list('?limit=100', key)
      return body.items.map(({ request }: { request: string }) => request)
    }
    const all = await names(keys.case_handler)
    t.same(all.slice(-2), [one, two], 'oldest first')
    t.ok((await names(keys.provider)).includes(one))
    t.notOk((await names(keys.provider)).includes(two))
    t.same(await names(keys.other_provider), [two])
    const page = await list('?limit=1', keys.other_provider)
    t.equal(page.body.next, null)
    refused(t, await call({ url: '/v1/removal-requests' }), 401, 'key_missing')
    for (const role of ['second_tier', 'commissioner', 'integrator'] as const)
      refused(t, await list('', keys[role]), 403, 'scope_missing')
    refused(t, await list('?after=x'), 400, 'validation_failed', ['query /after unknown_cursor'])
  })
})

t.test('deciding on a removal', async (t) => {
  const harness = await startHarness(t, { now: () => TUESDAY })
  const { call, db, keys } = harness
  const { ask, decide, list, toStaff, inPublic, events, told } = operations(harness)
  const asked = async (body: object = {}) => {
    const { reference, version } = await publishedCase(harness)
    const { request } = (await ask(reference, version, body)).body
    return { reference, version: version + 1, request: request as string }
  }

  await t.test(
    'M11 what a trust calls vexatious stays until a case handler approves, and then is gone from all public surfaces',
    async (t) => {
      const { reference, version, request } = await asked()
      const surfaces = async () => [
        references(await call({ url: '/v1/cases?limit=100' })).includes(reference),
        (await call({ url: '/v1/geo-feed' })).text.includes(reference),
        (await inPublic(reference)).status === 200,
        (await call({ url: `/v1/cases/${reference}/responses` })).status === 200,
      ]
      t.same(await surfaces(), [true, true, true, true])
      const { status, body } = await decide(request)
      t.equal(status, 201)
      t.match(body, { request, state: 'upheld', decisionReason: 'vexatious', decidedAt: /^2/ })
      t.same(await surfaces(), [false, false, false, false])
      t.match(await toStaff(reference), {
        publication: 'removed',
        decisionReason: 'vexatious',
        version: version + 1,
      })
      t.match((await events(reference)).slice(1), [
        { type: 'removal_request.decided', actingUser: 'decider', caseVersion: version + 1 },
        { type: 'case.removed', actingUser: 'decider', reason: 'vexatious', fields: ['publication'] },
      ])
      t.equal(await told(reference), 1, 'its reporter is told')
      const decisions = await db.prisma.decision.findMany({ orderBy: { id: 'desc' }, take: 1 })
      t.match(decisions, [{ action: 'remove', reason: 'vexatious', actingUser: 'decider' }])
    },
  )

  await t.test('a removal can be undone by a decision on the case', async (t) => {
    const { reference, version, request } = await asked()
    await decide(request)
    const back = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version + 1),
      body: { action: 'publish', reason: 'removal_undone' },
    })
    t.match(back.body, { publication: 'published' })
    t.equal((await inPublic(reference)).body.text, 'They waited for hours. (Invented.)')
    t.match((await list('?state=upheld')).body.items.at(-1), { request }, 'the request stays decided')
  })

  await t.test('declined, a text that was hidden is shown again, and its reporter is not told', async (t) => {
    const { reference, version, request } = await asked({ reason: 'names_staff' })
    t.equal((await inPublic(reference)).body.view, 'stub')
    const { body } = await decide(request, { action: 'decline', reason: 'fit_to_publish' })
    t.match(body, { state: 'declined', decisionReason: 'fit_to_publish' })
    t.equal((await inPublic(reference)).body.view, 'public')
    t.match(await toStaff(reference), { version: version + 1, heldUntil: null, publication: 'published' })
    t.same(
      (await events(reference)).map(({ type }) => type),
      ['removal_request.created', 'case.hidden', 'removal_request.decided', 'case.shown_again'],
    )
    t.equal(await told(reference), 0)
  })

  await t.test('declined, a text stays hidden while a report that wants that is open', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const report = {
      method: 'POST' as const,
      url: `/v1/cases/${reference}/reports`,
      body: { reason: 'threat' },
    }
    const until = (await call(report)).body.dueAt
    const { request } = (await ask(reference, version + 1)).body
    await decide(request, { action: 'decline', reason: 'fit_to_publish' })
    t.match(await toStaff(reference), { publication: 'awaiting_moderation', heldUntil: until })
  })

  await t.test('removed while it was hidden, it stays away when the time is over', async (t) => {
    const { reference, request } = await asked({ reason: 'personal_data' })
    await call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason: 'other' } })
    await decide(request, { reason: 'identifies_somebody' })
    t.match(await toStaff(reference), { publication: 'removed', heldUntil: null })
    t.equal(await db.prisma.objection.count({ where: { case: { reference }, state: 'open' } }), 0)
    t.equal(await told(reference), 1)
  })

  await t.test('nobody decides on their own request', async (t) => {
    const { reference, request } = await asked()
    refused(t, await decide(request, {}, { 'acting-user': 'asker' }), 403, 'not_your_case')
    t.equal((await inPublic(reference)).status, 200)
    t.equal((await decide(request)).status, 201)
  })

  await t.test('a request is decided once, also by two at once', async (t) => {
    const { reference, version, request } = await asked()
    const answers = await Promise.all([
      decide(request),
      decide(request, { action: 'decline', reason: 'fit_to_publish' }),
    ])
    t.same(answers.map(({ status }) => status).sort(), [201, 409])
    refused(t, await decide(request), 409, 'move_not_allowed')
    t.equal((await toStaff(reference)).version, version + 1)
  })

  await t.test('a repeat with its Idempotency-Key is the same decision', async (t) => {
    const { reference, version, request } = await asked()
    const headers = { 'idempotency-key': 'decide-once' }
    const first = await decide(request, {}, headers)
    const second = await decide(request, {}, headers)
    t.same([second.status, second.body], [201, first.body])
    t.equal((await toStaff(reference)).version, version + 1)
    t.equal(await told(reference), 1)
    refused(t, await decide(request, { action: 'decline' }, headers), 422, 'idempotency_key_reused')
  })

  await t.test('what is with the second tier is not removed beside it', async (t) => {
    const { reference, version, request } = await asked()
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'refer', reason: 'second_opinion' },
    })
    refused(t, await decide(request), 409, 'move_not_allowed')
    t.equal((await decide(request, { action: 'decline', reason: 'second_opinion' })).status, 201)
    t.equal((await toStaff(reference)).publication, 'awaiting_second_tier')
  })

  await t.test('what a decision has kept private meanwhile stays so', async (t) => {
    const { reference, version, request } = await asked()
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'keep_private', reason: 'identifies_somebody' },
    })
    t.match((await decide(request)).body, { state: 'upheld' })
    t.equal((await toStaff(reference)).publication, 'kept_private')
    t.equal(await told(reference), 0)
  })

  await t.test('only a case handler decides, on what is there', async (t) => {
    const { request } = await asked()
    for (const role of ['provider', 'integrator', 'commissioner', 'supplier'] as const)
      refused(t, await decide(request, {}, { key: keys[role] }), 403, 'scope_missing')
    refused(t, await decide(request, {}, { key: keys.second_tier }), 404, 'not_found')
    const url = `/v1/removal-requests/${request}/decisions`
    refused(t, await call({ method: 'POST', url, body: {} }), 401, 'key_missing')
    const body = { action: 'decline', reason: 'fit_to_publish' }
    refused(t, await call({ method: 'POST', url, key: keys.case_handler, body }), 400, 'validation_failed', [
      'header /Acting-User missing',
    ])
    for (const unknown of ['K7QD-M2XW-9TRB-H', 'nonsense'])
      refused(t, await decide(unknown), 404, 'not_found')
    refused(t, await decide(request, { action: 'publish' }), 400, 'validation_failed', [
      'body /action unknown_value',
    ])
    const trial = await harness.addClient({ name: 'trial', role: 'case_handler', test: true })
    refused(t, await decide(request, {}, { key: trial }), 403, 'not_your_case')
  })
})
