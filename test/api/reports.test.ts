import t from 'tap'
import { rows } from '../../prisma/client.ts'
import { references, refused } from './answers.ts'
import { type Answer, createCase, publishedCase, staff, startHarness } from './harness.ts'

const TUESDAY = new Date('2026-11-24T10:00:00.000Z')

t.test('reports from the public', async (t) => {
  const harness = await startHarness(t, { now: () => TUESDAY })
  const { call, db, keys } = harness
  const report = (reference: string, body: object = { reason: 'personal_data' }): Promise<Answer> =>
    call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body })
  const decide = (reference: string, version: number, body: object): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { commissioned: 'locally', ...body },
    })
  const publish = { action: 'publish', reason: 'fit_to_publish', moderatedText: 'Fit to read. (Invented.)' }
  const listed = async (reference: string): Promise<boolean> =>
    references(await call({ url: '/v1/cases?limit=100' })).includes(reference)
  const inPublic = async (reference: string) => (await call({ url: `/v1/cases/${reference}` })).body
  const toStaff = async (reference: string) =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
  const events = async (reference: string) =>
    (await db.prisma.event.findMany({ where: { caseReference: reference }, orderBy: { id: 'asc' } })).slice(2)
  const mapped = async (reference: string): Promise<boolean> =>
    (await call({ url: '/v1/geo-feed' })).text.includes(reference)

  for (const reason of ['personal_data', 'names_staff', 'threat'])
    await t.test(`a report for ${reason} hides the text at once, for one working day`, async (t) => {
      const { reference, version } = await publishedCase(harness)
      t.ok(await listed(reference))
      t.ok(await mapped(reference))
      const { status, body } = await report(reference, { reason, text: 'The second line. (Invented.)' })
      t.equal(status, 201)
      t.match(body, { report: /^[0-9A-Z-]{16}$/, hidden: true })
      t.match(await inPublic(reference), { view: 'stub', withheld: 'awaiting_moderation' })
      t.notOk(await listed(reference))
      t.notOk(await mapped(reference))
      t.match(await toStaff(reference), {
        publication: 'awaiting_moderation',
        heldUntil: body.dueAt,
        moderateDueAt: body.dueAt,
        version: version + 1,
      })
      t.ok(Date.parse(body.dueAt) > TUESDAY.getTime())
      t.ok(Date.parse(body.dueAt) <= TUESDAY.getTime() + 38 * 3_600_000, 'one working day at most')
      const about = { reason, actingUser: null, clientId: null, caseVersion: version + 1 }
      t.match(await events(reference), [
        { type: 'report.created', ...about },
        { type: 'case.hidden', ...about, fields: ['publication'] },
      ])
    })

  await t.test('a report for anything else changes nothing before it is decided', async (t) => {
    const { reference, version } = await publishedCase(harness)
    for (const reason of ['offensive', 'not_about_us', 'untrue', 'vexatious', 'other'])
      t.match((await report(reference, { reason })).body, { hidden: false })
    t.equal((await inPublic(reference)).view, 'public')
    t.match(await toStaff(reference), { version, publication: 'published', heldUntil: null })
    t.same(
      (await events(reference)).map(({ type, caseVersion }) => [type, caseVersion]),
      Array(5).fill(['report.created', version]),
    )
  })

  await t.test('five reports at once are all kept, and hide the case once', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const answers = await Promise.all(Array.from({ length: 5 }, () => report(reference)))
    t.same(
      answers.map(({ status, body }) => [status, body.hidden]),
      Array(5).fill([201, true]),
    )
    t.equal((await toStaff(reference)).version, version + 1)
    const types = (await events(reference)).map(({ type }) => type)
    t.equal(types.filter((type) => type === 'report.created').length, 5)
    t.equal(types.filter((type) => type === 'case.hidden').length, 1)
  })

  await t.test('a text that was judged after a report is not hidden again by the public', async (t) => {
    const { reference } = await publishedCase(harness)
    await report(reference)
    const judged = await decide(reference, (await toStaff(reference)).version, publish)
    t.match(judged.body, { publication: 'published', heldUntil: null })
    t.match((await report(reference, { reason: 'threat' })).body, { hidden: false })
    t.equal((await inPublic(reference)).view, 'public')
    t.equal((await toStaff(reference)).version, judged.body.version)
  })

  await t.test('a text that has had its time hidden is not hidden again by the public', async (t) => {
    const { reference } = await publishedCase(harness)
    await report(reference)
    await rows(
      db.pool,
      `update cases set publication = 'published', held_until = null where reference = $1`,
      [reference],
    )
    t.match((await report(reference)).body, { hidden: false })
    await rows(
      db.pool,
      `insert into events (type, case_id, fields) select 'case.changed', id, '{text}' from cases where reference = $1`,
      [reference],
    )
    t.match((await report(reference)).body, { hidden: true }, 'another text may be')
  })

  await t.test('what the public does not read is not there to be reported', async (t) => {
    const { reference: waiting } = await createCase(harness)
    const { reference: own } = await createCase(harness, { privacy: 'private' })
    const { reference: removed } = await publishedCase(harness)
    const { version } = await toStaff(removed)
    await decide(removed, version, { action: 'remove', reason: 'not_suitable' })
    for (const reference of [waiting, own, removed, 'K7QD-M2XW-9TRB-H', 'nonsense'])
      refused(t, await report(reference), 404, 'not_found')
    const { n } = (
      await rows<{ n: number }>(
        db.pool,
        'select count(*)::int as n from objections j join cases c on c.id = j.case_id where c.reference = any($1)',
        [[waiting, own, removed]],
      )
    )[0] as { n: number }
    t.equal(n, 0)
  })

  await t.test('what fills in the hidden field is refused without a word', async (t) => {
    const { reference } = await publishedCase(harness)
    const body = { reason: 'personal_data', website: 'https://robot.example' }
    const there = await report(reference, body)
    refused(t, there, 400, 'submission_refused', [])
    refused(t, await report('K7QD-M2XW-9TRB-H', body), 400, 'submission_refused', [])
    t.equal((await inPublic(reference)).view, 'public')
    t.equal((await report(reference, { reason: 'other', website: '' })).status, 201)
  })

  await t.test('a report that cannot be is refused with the place of each mistake', async (t) => {
    const { reference } = await publishedCase(harness)
    for (const [body, fields] of [
      [{}, ['body /reason missing']],
      [{ reason: 'because' }, ['body /reason unknown_value']],
      [{ reason: 'other', text: ' ' }, ['body /text wrong_format']],
      [{ reason: 'other', text: 'x'.repeat(2_001) }, ['body /text too_long']],
      [{ reason: 'other', email: 'a@example.org' }, ['body /email unknown_field']],
    ] as Array<[object, string[]]>)
      refused(t, await report(reference, body), 400, 'validation_failed', fields)
  })

  await t.test('the text of a report is sealed, and in no log and no event', async (t) => {
    const { reference } = await publishedCase(harness)
    await report(reference, { reason: 'other', text: 'CANARYREPORT (invented)' })
    const [kept] = await rows<{ row: string }>(
      db.pool,
      `select to_jsonb(j)::text || coalesce((select string_agg(to_jsonb(e)::text, '') from events e), '') as row
       from objections j join cases c on c.id = j.case_id where c.reference = $1`,
      [reference],
    )
    t.notMatch(kept?.row, 'CANARYREPORT')
    t.notMatch(harness.logged(), 'CANARYREPORT')
    const list = await call({ url: '/v1/reports?limit=100', key: keys.case_handler })
    t.ok(list.body.items.some(({ text }: { text: string }) => text === 'CANARYREPORT (invented)'))
  })
})

t.test('the list of reports', async (t) => {
  const harness = await startHarness(t, { now: () => TUESDAY })
  const { call, db, keys } = harness
  const list = (query = '', key?: string): Promise<Answer> =>
    call({ url: `/v1/reports${query}`, ...(key !== undefined && { key }) })
  const reasons = ({ body }: Answer): string[] => body.items.map(({ reason }: { reason: string }) => reason)
  const { reference, version } = await publishedCase(harness)
  for (const reason of ['other', 'untrue', 'vexatious'])
    await call({ method: 'POST', url: `/v1/cases/${reference}/reports`, body: { reason } })

  await t.test('a case handler reads them oldest first, page by page', async (t) => {
    const first = await list('?limit=2', keys.case_handler)
    t.same(reasons(first), ['other', 'untrue'])
    t.match(first.headers.link, /rel="next"/)
    t.match(first.body.items[0], {
      kind: 'report',
      case: reference,
      organisation: null,
      text: null,
      state: 'open',
      at: TUESDAY.toISOString(),
      overdue: false,
      decidedAt: null,
    })
    const second = await list(`?limit=2&after=${first.body.next}`, keys.case_handler)
    t.same([reasons(second), second.body.next], [['vexatious'], null])
    refused(t, await list('?after=nonsense', keys.case_handler), 400, 'validation_failed', [
      'query /after unknown_cursor',
    ])
    refused(t, await list('?state=closed', keys.case_handler), 400, 'validation_failed')
  })

  await t.test('an undecided report is overdue when its time is over', async (t) => {
    await rows(db.pool, `update objections set due_at = $1 where reason = 'untrue'`, [
      new Date(TUESDAY.getTime() - 1),
    ])
    const { body } = await list('', keys.case_handler)
    t.same(
      body.items.map(({ overdue }: { overdue: boolean }) => overdue),
      [false, true, false],
    )
  })

  await t.test('nobody else reads them', async (t) => {
    refused(t, await list(), 401, 'key_missing')
    for (const role of ['integrator', 'provider', 'commissioner', 'supplier', 'administrator'] as const)
      refused(t, await list('', keys[role]), 403, 'scope_missing')
    t.same((await list('', keys.second_tier)).body.items, [], 'the second tier reads those of its own cases')
    const trial = await harness.addClient({ name: 'trial', role: 'case_handler', test: true })
    t.same((await list('', trial)).body.items, [])
  })

  await t.test('a decision on the case closes its reports', async (t) => {
    await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'remove', reason: 'not_suitable' },
    })
    t.same((await list('', keys.case_handler)).body.items, [])
    const upheld = await list('?state=upheld', keys.case_handler)
    t.same(reasons(upheld), ['other', 'untrue', 'vexatious'])
    t.match(upheld.body.items[0], { state: 'upheld', decisionReason: 'not_suitable', overdue: false })
    t.equal(await db.prisma.event.count({ where: { type: 'report.decided' } }), 3)
  })
})
