import t from 'tap'
import { newReference } from '../../domain/references.ts'
import { refused } from './answers.ts'
import { createCase, publishedCase, staff, startHarness } from './harness.ts'
import { makeCases } from './made-cases.ts'
import { tableIn } from './tables.ts'

const URL = '/v1/statistics/queues'
const MINUTE = 60_000
type Age = {
  queue: string
  waiting: number
  overdue: number
  oldestAt: string | null
  oldestMinutes: number | null
  medianMinutes: number | null
  p90Minutes: number | null
}

t.test('how old each queue is', async (t) => {
  const clock = { now: new Date() }
  const harness = await startHarness(t, { now: () => clock.now })
  const { call, db, keys } = harness
  const ages = async (key = keys.case_handler, query = ''): Promise<Age[]> => {
    clock.now = new Date()
    return (await call({ url: `${URL}${query}`, key })).body.items
  }
  const ageOf = async (queue: string, key?: string, query?: string) =>
    (await ages(key, query)).find((age) => age.queue === queue)
  const waiting = async (key?: string, query?: string) =>
    Object.fromEntries(
      (await ages(key, query)).filter((age) => age.waiting > 0).map((age) => [age.queue, age.waiting]),
    )
  const set = (reference: string, change: string) =>
    db.pool.query(`update cases set ${change} where reference = $1`, [reference])
  // What is to be of one queue alone: decided, and no clock runs.
  const calm = async (): Promise<string> => {
    const { reference } = await createCase(harness)
    await set(
      reference,
      `publication = 'kept_private', acknowledge_due_at = null, respond_due_at = null, due_at = null`,
    )
    return reference
  }
  const ago = (minutes: number) => `now() - interval '${minutes} minutes'`
  const ahead = (minutes: number) => ago(-minutes)
  const empty = async () => {
    await db.pool.query('delete from cases')
  }

  await t.test('without anything that waits, every queue is there and empty', async (t) => {
    const names = [
      ...['moderation', 'second_tier', 'questions', 'acknowledgement', 'response', 'referral'],
      ...['removal_request', 'report', 'escalation', 'quarantine'],
    ]
    const nothing = {
      waiting: 0,
      overdue: 0,
      oldestAt: null,
      oldestMinutes: null,
      medianMinutes: null,
      p90Minutes: null,
    }
    for (const role of ['case_handler', 'second_tier', 'administrator'] as const)
      t.same(
        await ages(keys[role]),
        names.map((queue) => ({ queue, ...nothing })),
        role,
      )
    for (const role of ['provider', 'commissioner'] as const)
      t.same(
        (await ages(keys[role])).map(({ queue }) => queue),
        ['acknowledgement', 'response', 'referral', 'escalation'],
        role,
      )
  })

  await t.test('a queue says how much waits, how much is overdue, and how long it has', async (t) => {
    const minutes = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 1000]
    const cases = minutes.map((one) => ({
      organisation: 'T01',
      kind: 'concern' as const,
      category: 'delays',
      status: 'open',
      publication: 'awaiting_moderation' as const,
      privacy: 'anonymous' as const,
      language: null,
      title: null,
      text: 'It was slow. (Invented.)',
      response: null,
      reportedAt: new Date(Date.now() - one * MINUTE),
    }))
    await makeCases(db, cases)
    await db.pool.query(`update cases set moderate_due_at = created_at + interval '95 minutes'`)
    const age = await ageOf('moderation')
    t.match(age, { waiting: 11, overdue: 2, oldestMinutes: 1000, medianMinutes: 60, p90Minutes: 100 })
    const oldest = Date.parse(age?.oldestAt as string)
    t.ok(Math.abs(Date.now() - 1000 * MINUTE - oldest) < MINUTE)
  })

  await t.test('a case waits for a decision since it came to where it is', async (t) => {
    await empty()
    const { reference, version } = await createCase(harness)
    await set(reference, `created_at = ${ago(500)}`)
    const body = { action: 'refer', reason: 'second_opinion', commissioned: 'locally' }
    const url = `/v1/cases/${reference}/decisions`
    t.match(await waiting(), { moderation: 1 })
    await call({ method: 'POST', url, key: keys.case_handler, headers: staff(version), body })
    t.match(await ageOf('moderation'), { waiting: 0 })
    t.match(await ageOf('second_tier'), { waiting: 1, oldestMinutes: 0 })
    const withdrawn = await createCase(harness)
    await set(withdrawn.reference, `status = 'withdrawn', acknowledged_at = now(), closed_at = now()`)
    t.match(await ageOf('moderation'), { waiting: 0 }, 'what was taken back waits for nobody')
  })

  await t.test('clocks: to acknowledge, and to answer', async (t) => {
    await empty()
    const { reference } = await createCase(harness)
    await set(
      reference,
      `publication = 'kept_private', created_at = ${ago(300)}, acknowledge_due_at = ${ago(1)}, respond_due_at = ${ahead(60)}, due_at = ${ago(1)}`,
    )
    t.same(await waiting(), { acknowledgement: 1, response: 1 })
    t.match(await ageOf('acknowledgement'), { overdue: 1, oldestMinutes: 300 })
    t.match(await ageOf('response'), { overdue: 0, oldestMinutes: 300 })
    await set(
      reference,
      `status = 'in_progress', acknowledged_at = now(), respond_due_at = ${ago(1)}, due_at = ${ago(1)}`,
    )
    t.same(await waiting(), { response: 1 })
    t.match(await ageOf('response'), { overdue: 1 })
    await set(reference, `paused_at = now()`)
    t.same(await waiting(), {}, 'a paused one waits for its reporter')
    await set(
      reference,
      `paused_at = null, status = 'resolved', closed_at = now(), resolved_at = now(), due_at = null`,
    )
    t.same(await waiting(), {})
  })

  await t.test('what reopens begins anew', async (t) => {
    await empty()
    const made = await publishedCase(harness)
    const change = async (version: number, status: string) =>
      call({
        method: 'PATCH',
        url: `/v1/cases/${made.reference}`,
        key: keys.provider,
        headers: staff(version),
        body: { status },
      })
    await change(made.version, 'resolved')
    await set(made.reference, `created_at = ${ago(9000)}`)
    t.same(await waiting(), {})
    await change(made.version + 1, 'open')
    t.match(await ageOf('response'), { waiting: 1, oldestMinutes: 0 })
  })

  await t.test('questions wait with the central team until they are passed on', async (t) => {
    await empty()
    const { reference } = await createCase(harness, { kind: 'question' })
    await set(
      reference,
      `publication = 'kept_private', created_at = ${ago(30)}, acknowledge_due_at = ${ago(1)}, due_at = ${ago(1)}`,
    )
    t.same(await waiting(), { questions: 1 })
    t.match(await ageOf('questions'), { overdue: 1, oldestMinutes: 30 })
    t.same(await waiting(keys.provider), {})
    await set(reference, 'passed_on = true')
    t.same(await waiting(), { acknowledgement: 1, response: 1 })
    t.same(await waiting(keys.provider), { acknowledgement: 1, response: 1 })
    await set(reference, `passed_on = false, status = 'in_progress', acknowledged_at = now()`)
    t.match(await ageOf('questions'), { waiting: 1, overdue: 0 })
    await set(reference, `status = 'resolved', closed_at = now(), resolved_at = now(), due_at = null`)
    t.same(await waiting(), {})
  })

  await t.test('referrals, objections, escalations and the quarantine', async (t) => {
    await empty()
    const reference = await calm()
    const organisation = (code: string) => `(select id from organisations where code = '${code}')`
    const theCase = `(select id from cases where reference = '${reference}')`
    await db.pool.query(
      `insert into referrals (case_id, from_id, to_id, created_at, due_at)
       values (${theCase}, ${organisation('T02')}, ${organisation('T01')}, ${ago(10)}, ${ago(1)})`,
    )
    for (const [kind, minutes] of [
      ['removal_request', 20],
      ['report', 30],
    ] as const)
      await db.pool.query(
        `insert into objections (reference, kind, case_id, organisation_id, reason, created_at, due_at)
         values ($1, $2, ${theCase}, ${kind === 'report' ? 'null' : organisation('T01')}, 'untrue', ${ago(minutes)}, ${ahead(1)})`,
        [newReference(), kind],
      )
    await db.pool.query(
      `insert into escalations (reference, case_id, to_id, reason, created_at, due_at)
       values ($1, ${theCase}, ${organisation('XCM01')}, 'overdue', ${ago(40)}, ${ago(2)})`,
      [newReference()],
    )
    await db.pool.query(
      `insert into quarantined_items (reference, source_id, fingerprint, reason, detail, raw_sealed, read_by, first_seen_at)
       values ($1, (select id from sources where name = 'pushed'), sha256('one'), 'organisation_unknown', 'x', 'x', 'x', ${ago(50)})`,
      [newReference()],
    )
    const short = async (key?: string, query?: string) =>
      (await ages(key, query))
        .filter((age) => age.waiting > 0)
        .map((age) => [age.queue, age.overdue, age.oldestMinutes])
    const central = [
      ['referral', 1, 10],
      ['removal_request', 0, 20],
      ['report', 0, 30],
      ['escalation', 1, 40],
    ]
    for (const role of ['case_handler', 'second_tier', 'administrator'] as const)
      t.same(await short(keys[role]), [...central, ['quarantine', 0, 50]], role)
    t.same(await short(keys.provider), [central[0], central[3]])
    t.same(await short(keys.commissioner), [central[0], central[3]])
    t.same(await short(keys.other_provider), [])
    t.same(await short(keys.case_handler, '?organisation=T01'), central, 'no organisation has the quarantine')
    t.same(await short(keys.case_handler, '?organisation=T02'), [])

    await db.pool.query(`update escalations set to_id = ${organisation('XCM02')}`)
    t.same(await short(keys.commissioner), [central[0]], 'it went to another commissioner')
    await db.pool.query(
      `update organisations set active = false, succeeded_by_id = ${organisation('XCM01')} where code = 'XCM02'`,
    )
    t.same(
      await short(keys.commissioner),
      [central[0], central[3]],
      'what that one has taken over is its own',
    )
    await db.pool.query(`update organisations set active = true, succeeded_by_id = null where code = 'XCM02'`)
    await db.pool.query(`update escalations set to_id = null`)
    t.same(await short(keys.commissioner), [central[0]], 'or to the national contact')
    await db.pool.query(`update escalations set state = 'acknowledged', acknowledged_at = now()`)
    await db.pool.query(`update objections set state = 'declined'`)
    await db.pool.query(`update referrals set state = 'accepted'`)
    await db.pool.query('update quarantined_items set dismissed_at = now()')
    t.same(await short(), [])
  })

  await t.test('everybody gets the ages of what is theirs, and nothing that is tried out', async (t) => {
    await empty()
    await createCase(harness)
    await createCase(harness, { organisation: 'T0101' })
    await createCase(harness, { organisation: 'T02' })
    const tried = await createCase(harness)
    await set(tried.reference, 'test = true')
    t.match(await waiting(), { moderation: 3, acknowledgement: 3 })
    t.same(await waiting(keys.provider), { acknowledgement: 2, response: 2 })
    t.same(await waiting(keys.commissioner), { acknowledgement: 2, response: 2 })
    t.same(await waiting(keys.other_provider), { acknowledgement: 1, response: 1 })
    t.same(await waiting(keys.other_commissioner), {})
    t.match(await waiting(keys.case_handler, '?organisation=T01'), { moderation: 2 })
    t.match(await waiting(keys.case_handler, '?organisation=t0101'), { moderation: 1 })
    t.same(await waiting(keys.provider, '?organisation=T02'), {})
    const trying = await harness.addClient({ name: 'try', role: 'case_handler', test: true })
    t.match(await waiting(trying), { moderation: 1 })
    t.notOk((await ages(trying)).some(({ queue }) => queue === 'quarantine'))
  })

  await t.test('as a table; and who may not, and what cannot be', async (t) => {
    const { rows } = tableIn(t, await call({ url: `${URL}?format=csv`, key: keys.administrator }))
    t.match(rows[0], { queue: 'moderation', waiting: '3' })
    t.equal(rows.length, 10)
    for (const role of ['integrator', 'supplier', 'feed_provider'] as const)
      refused(t, await call({ url: URL, key: keys[role] }), 403, 'scope_missing')
    refused(t, await call({ url: URL }), 401, 'key_missing')
    refused(
      t,
      await call({ url: `${URL}?organisation=NONE`, key: keys.provider }),
      400,
      'validation_failed',
      ['query /organisation unknown_organisation'],
    )
  })
})
