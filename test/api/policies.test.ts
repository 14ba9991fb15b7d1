import t from 'tap'
import { refused } from './answers.ts'
import { createCase, staff, startHarness } from './harness.ts'

t.test('policies', async (t) => {
  const clock = new Date('2026-11-23T10:00:00.000Z')
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  const set = (policy: string, version: number, body: object, key = keys.administrator) =>
    call({ method: 'PATCH', url: `/v1/policies/${policy}`, key, headers: staff(version), body })
  const list = async () => (await call({ url: '/v1/policies' })).body.items

  await t.test('everybody may read how long things may take', async (t) => {
    t.same(
      (await list()).map((one: { policy: string; workingDays: number; hours: number }) => [
        one.policy,
        one.workingDays,
        one.hours,
      ]),
      [
        ['acknowledge', 3, null],
        ['escalation', 2, null],
        ['moderate', 1, null],
        ['referral', 2, null],
        ['removal_request', 2, null],
        ['report', 1, null],
        ['respond', 25, null],
        ['urgent', null, 4],
      ],
    )
    for (const key of [keys.form, keys.supplier])
      t.equal((await call({ url: '/v1/policies', key })).status, 200)
    const { headers } = await call({ url: '/v1/policies' })
    const again = await call({ url: '/v1/policies', headers: { 'if-none-match': headers.etag as string } })
    t.equal(again.status, 304)
  })

  await t.test('an administrator changes one for what begins from then on; what runs stays', async (t) => {
    const before = await createCase(harness)
    const { status, body, headers } = await set('moderate', 1, { hours: 6 })
    t.equal(status, 200)
    t.same(body, { policy: 'moderate', label: body.label, workingDays: null, hours: 6, version: 2 })
    t.match(headers.etag, /^"2-/)
    const after = await createCase(harness)
    const dueOf = async ({ reference }: { reference: string }) =>
      (await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })).body.moderateDueAt
    t.equal(await dueOf(before), '2026-11-24T10:00:00.000Z')
    t.equal(await dueOf(after), '2026-11-23T16:00:00.000Z')
    const events = await db.prisma.event.findMany({ where: { type: 'policy.changed' } })
    t.match(events, [{ fields: ['moderate'], actingUser: 'person-1', caseId: null }])
    t.equal((await set('moderate', 2, { workingDays: 1 })).body.workingDays, 1)
  })

  await t.test('a change of nothing makes no version', async (t) => {
    t.equal((await set('urgent', 1, { hours: 4 })).body.version, 1)
    t.equal(await db.prisma.event.count({ where: { fields: { has: 'urgent' } } }), 0)
  })

  await t.test('one change of two to the same version is kept', async (t) => {
    const both = await Promise.all([
      set('respond', 1, { workingDays: 30 }),
      set('respond', 1, { workingDays: 40 }),
    ])
    t.same(both.map(({ status }) => status).sort(), [200, 412])
    const stale = await set('respond', 1, { workingDays: 50 })
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 2)
  })

  await t.test('working days or hours, not both, and within reason', async (t) => {
    for (const body of [
      {},
      { workingDays: 1, hours: 1 },
      { workingDays: 251 },
      { hours: -1 },
      { workingDays: null },
      { label: 'x' },
    ])
      refused(t, await set('report', 1, body), 400, 'validation_failed')
  })

  await t.test('nobody else changes one', async (t) => {
    const body = { hours: 1 }
    for (const role of [
      'case_handler',
      'second_tier',
      'provider',
      'commissioner',
      'integrator',
      'supplier',
      'feed_provider',
      'form',
    ] as const)
      refused(t, await set('report', 1, body, keys[role]), 403, 'scope_missing')
    const request = { method: 'PATCH' as const, url: '/v1/policies/report', body }
    refused(t, await call(request), 401, 'key_missing')
    const own = { ...request, key: keys.administrator }
    refused(t, await call({ ...own, headers: { 'acting-user': 'a' } }), 428, 'version_required')
    refused(t, await call({ ...own, headers: { 'if-match': '"1"' } }), 400, 'validation_failed')
    refused(t, await set('none', 1, body), 404, 'not_found')
    t.match(
      (await list()).find(({ policy }: { policy: string }) => policy === 'report'),
      { version: 1, workingDays: 1 },
    )
  })
})
