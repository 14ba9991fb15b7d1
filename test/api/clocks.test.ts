import t from 'tap'
import { references, refused } from './answers.ts'
import { createCase, staff, startHarness } from './harness.ts'

// The Thursday before Good Friday: the next working days are Tuesday, Wednesday and Thursday.
const MAUNDY = new Date('2026-04-02T13:00:00.000Z')
const HOUR = 3_600_000

t.test('clocks and the lists of what is due', async (t) => {
  let clock = MAUNDY
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  // The store writes when a case was reported by its own clock; the tests have theirs.
  const create = async (changes: Record<string, unknown> = {}) => {
    const made = await createCase(harness, changes)
    await db.pool.query('update cases set reported_at = $2 where reference = $1', [made.reference, clock])
    return made
  }
  const change = async (reference: string, version: number, body: object) =>
    (
      await call({
        method: 'PATCH',
        url: `/v1/cases/${reference}`,
        key: keys.case_handler,
        headers: staff(version),
        body,
      })
    ).body
  const read = async (reference: string) =>
    (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body
  const list = (query: string, key = keys.case_handler) =>
    call({ url: `/v1/cases?view=mine&limit=100${query}`, key })

  await t.test('a concern before Easter is acknowledged in three working days', async (t) => {
    const { reference, version } = await create()
    t.match(await read(reference), {
      moderateDueAt: '2026-04-07T13:00:00.000Z',
      acknowledgeDueAt: '2026-04-09T13:00:00.000Z',
      respondDueAt: '2026-05-12T13:00:00.000Z',
      dueAt: '2026-04-07T13:00:00.000Z',
      overdue: false,
    })
    clock = new Date('2026-04-07T13:00:00.000Z')
    t.equal((await read(reference)).overdue, false, 'at its last moment it is in time')
    clock = new Date(clock.getTime() + 1)
    t.equal((await read(reference)).overdue, true)
    const kept = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'keep_private', reason: 'identifies_somebody', commissioned: 'locally' },
    })
    t.match(kept.body, { dueAt: '2026-04-09T13:00:00.000Z', overdue: false })
    const acknowledged = await change(reference, kept.body.version, { status: 'in_progress' })
    t.equal(acknowledged.dueAt, '2026-05-12T13:00:00.000Z')
    const closed = await change(reference, acknowledged.version, { status: 'resolved' })
    t.match(closed, { dueAt: null, overdue: false, respondDueAt: '2026-05-12T13:00:00.000Z' })
    clock = new Date('2026-06-01T09:00:00.000Z')
    const reopened = await change(reference, closed.version, { status: 'open' })
    t.match(reopened, {
      acknowledgedAt: acknowledged.acknowledgedAt,
      respondDueAt: '2026-07-06T09:00:00.000Z',
      dueAt: '2026-07-06T09:00:00.000Z',
    })
    clock = MAUNDY
  })

  await t.test('a closed case that nobody has moderated yet is still due for that', async (t) => {
    const { reference, version } = await create()
    const closed = await change(reference, version, { status: 'resolved' })
    t.equal(closed.dueAt, closed.moderateDueAt)
  })

  await t.test('the second tier has as long as the first had', async (t) => {
    const { reference, version } = await create()
    clock = new Date('2026-04-09T09:00:00.000Z')
    const referred = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'refer', reason: 'second_opinion', commissioned: 'locally' },
    })
    t.match(referred.body, { publication: 'awaiting_second_tier', moderateDueAt: '2026-04-10T09:00:00.000Z' })
    clock = MAUNDY
  })

  await t.test('a referral that waits is due before the answer is', async (t) => {
    const { reference, version } = await create()
    await db.pool.query(
      `update cases set publication = 'kept_private', acknowledged_at = now() where reference = $1`,
      [reference],
    )
    const referral = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/referrals`,
      key: keys.provider,
      headers: staff(version),
      body: { organisation: 'T02' },
    })
    t.equal(referral.body.dueAt, '2026-04-08T13:00:00.000Z')
    const accepted = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/referral-answers`,
      key: keys.other_provider,
      headers: staff(version + 1),
      body: { action: 'accept' },
    })
    t.equal(accepted.body.dueAt, '2026-05-12T13:00:00.000Z')
  })

  await t.test(
    'what is due comes first, page after page, and what no clock runs for is left out',
    async (t) => {
      await db.pool.query('delete from cases')
      const made: string[] = []
      for (let n = 0; n < 7; n++) made.push((await create()).reference)
      // Two at the very same moment, and one without a clock.
      const hours = [5, 3, 3, 1, null, 2, 4]
      for (const [n, reference] of made.entries()) {
        const due = hours[n] == null ? null : new Date(MAUNDY.getTime() + (hours[n] as number) * HOUR)
        await db.pool.query('update cases set due_at = $2 where reference = $1', [reference, due])
      }
      const expected = [3, 5, 1, 2, 6, 0].map((n) => made[n] as string)
      t.same(references(await list('&order=due')), expected)
      const walked: string[] = []
      let after = ''
      for (let pages = 0; pages < 6; pages++) {
        const page = await call({ url: `/v1/cases?view=mine&order=due&limit=2${after}`, key: keys.provider })
        walked.push(...references(page))
        if (page.body.next === null) break
        // What is done meanwhile neither hides nor doubles another.
        if (pages === 0) await db.pool.query('update cases set due_at = null where reference = $1', [made[3]])
        after = `&after=${page.body.next}`
      }
      t.same(walked, expected)

      clock = new Date(MAUNDY.getTime() + 3 * HOUR)
      t.same(references(await list('&overdue=true')), [made[5]], 'on the stroke it is in time')
      t.equal(references(await list('&overdue=false')).length, 6)
      t.same(references(await list('&overdue=true&order=due')), [made[5]])
      clock = MAUNDY
    },
  )

  await t.test('a cursor is for the order that it came from', async (t) => {
    const due = (await call({ url: '/v1/cases?view=mine&order=due&limit=1', key: keys.provider })).body.next
    const newest = (await call({ url: '/v1/cases?view=mine&limit=1', key: keys.provider })).body.next
    const forged = ['2026', '2026-99-99T00:00:00.000Z', '', '-271821-04-20T00:00:00Z'].map((text) =>
      Buffer.from(JSON.stringify([text, 1])).toString('base64url'),
    )
    for (const query of [
      `&after=${due}`,
      `&order=due&after=${newest}`,
      ...forged.map((one) => `&order=due&after=${one}`),
    ])
      refused(t, await list(query), 400, 'validation_failed', ['query /after unknown_cursor'])
  })

  await t.test(
    'T05: breach, formal complaint and assignee are filters for those who work on a case',
    async (t) => {
      const { reference, version } = await create({ organisation: 'T0101' })
      const other = await create({ organisation: 'T02' })
      const marks = { breach: true, formalComplaint: true, assignee: 'pals-4' }
      await change(reference, version, marks)
      await change(other.reference, other.version, marks)
      for (const filter of ['&breach=true', '&formalComplaint=true', '&assignee=pals-4']) {
        t.same(references(await list(filter, keys.provider)), [reference], filter)
        t.same(references(await list(filter, keys.other_provider)), [other.reference], filter)
        t.same(references(await list(filter, keys.commissioner)), [reference], filter)
        t.same(references(await list(filter)).sort(), [reference, other.reference].sort(), filter)
      }
      t.notOk(references(await list('&breach=false', keys.provider)).includes(reference))
      t.same(references(await list('&breach=true&formalComplaint=false')), [])
      t.same(references(await list('&assignee=nobody')), [])
    },
  )

  await t.test('T05: the public has none of these filters, nor the order', async (t) => {
    const own = [
      'publication=published',
      'overdue=true',
      'assignee=a',
      'breach=false',
      'formalComplaint=true',
      'order=due',
    ]
    for (const query of own)
      for (const key of [undefined, keys.case_handler])
        refused(t, await call({ url: `/v1/cases?${query}`, ...(key && { key }) }), 400, 'validation_failed', [
          `query /${query.split('=')[0]} needs_own_view`,
        ])
    const all = await call({ url: `/v1/cases?${own.join('&')}` })
    t.equal(all.body.errors.length, own.length)
    t.equal((await call({ url: '/v1/cases?order=newest' })).status, 200)
  })

  await t.test('an integrator learns by no filter what it does not see', async (t) => {
    for (const query of ['overdue=false', 'assignee=a', 'breach=true', 'order=due'])
      refused(t, await list(`&${query}`, keys.integrator), 400, 'validation_failed', [
        `query /${query.split('=')[0]} needs_staff_key`,
      ])
    t.equal((await list('&formalComplaint=true&order=newest', keys.integrator)).status, 200)
  })
})
