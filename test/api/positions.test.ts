import t from 'tap'
import { refused } from './answers.ts'
import { createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('a position that a reporter gave', async (t) => {
  const harness = await startHarness(t)
  const { call, keys, db } = harness
  const stored = async (reference: string): Promise<unknown> =>
    db.prisma.case.findUniqueOrThrow({
      where: { reference },
      select: { latitude: true, longitude: true, placeGiven: true },
    })
  const position = { latitude: 51.498765432, longitude: -0.118765432 }

  await t.test('is kept to two decimals, and nowhere finer', async (t) => {
    const { reference } = await publishedCase(harness, { position })
    t.same(await stored(reference), { latitude: 51.5, longitude: -0.12, placeGiven: true })
    t.same((await call({ url: `/v1/cases/${reference}` })).body.position, {
      latitude: 51.5,
      longitude: -0.12,
    })
    const tables = ['cases', 'events', 'idempotency_records', 'case_index']
    for (const table of tables) {
      const { rows } = await db.pool.query(
        `select count(*)::int as n from ${table} t where t::text like '%987654%'`,
      )
      t.same(rows, [{ n: 0 }], table)
    }
    t.notMatch(harness.logged(), /987654/)
  })

  await t.test('stays when the case goes to another organisation', async (t) => {
    const { reference, version } = await publishedCase(harness, {
      position: { latitude: 52.2, longitude: 0.1 },
    })
    const moved = await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { organisation: 'T02' },
    })
    t.equal(moved.status, 200)
    t.same(await stored(reference), { latitude: 52.2, longitude: 0.1, placeGiven: true })
  })

  await t.test('without one the case stands, and moves, with its organisation', async (t) => {
    const { reference, version } = await publishedCase(harness)
    t.same(await stored(reference), { latitude: 51.5, longitude: -0.12, placeGiven: false })
    await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { organisation: 'T02' },
    })
    t.same(await stored(reference), { latitude: 54.97, longitude: -1.61, placeGiven: false })
  })

  await t.test('a place that is none is refused', async (t) => {
    const at = async (position: unknown) =>
      call({
        method: 'POST',
        url: '/v1/cases',
        key: keys.integrator,
        body: { kind: 'concern', organisation: 'T01', text: 'Slow. (Invented.)', position },
      })
    refused(t, await at({ latitude: 91, longitude: 0 }), 400, 'validation_failed', [
      'body /position/latitude too_large',
    ])
    refused(t, await at({ latitude: 51 }), 400, 'validation_failed', ['body /position/longitude missing'])
    t.ok((await createCase(harness, { position: { latitude: -90, longitude: 180 } })).reference)
  })
})
