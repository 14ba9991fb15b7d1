import t from 'tap'
import { refused } from './answers.ts'
import { type Answer, PUBLIC_URL, startHarness } from './harness.ts'

t.test('organisations and categories', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  const codes = ({ body }: Answer): string[] => body.items.map(({ code }: { code: string }) => code)
  const list = (query = ''): Promise<Answer> => call({ url: `/v1/organisations${query}` })

  await t.test('one organisation with everything around it, by its code in any form', async (t) => {
    for (const code of ['T01', 't01', 'OLD1', 't%2001']) {
      const { body } = await call({ url: `/v1/organisations/${code}` })
      t.match(body, {
        code: 'T01',
        url: `${PUBLIC_URL}/v1/organisations/T01`,
        kind: 'trust',
        position: { latitude: 51.5, longitude: -0.12 },
        parent: null,
        commissioners: [{ code: 'XCM01', name: 'Example Commissioner' }],
      })
    }
    const site = (await call({ url: '/v1/organisations/T0101' })).body
    t.match(site, { parent: { code: 'T01' }, services: [{ code: 'SRV1', name: 'Example Ward' }] })
    t.equal((await call({ url: '/v1/organisations/T09' })).body.active, false)
  })

  await t.test('an unknown code is not found, one that cannot be is not valid', async (t) => {
    refused(t, await call({ url: '/v1/organisations/NONE1' }), 404, 'not_found')
    for (const code of ['%00', '-1', 'x'.repeat(21), 'a_b'])
      refused(t, await call({ url: `/v1/organisations/${code}` }), 400, 'validation_failed')
  })

  await t.test('by name, then code; filtered by kind, parent and being active', async (t) => {
    t.same(codes(await list()), ['XCM02', 'T09', 'XCM01', 'T0101', 'T0901', 'T01', 'T02'])
    t.same(codes(await list('?kind=commissioner&kind=site')), ['XCM02', 'XCM01', 'T0101', 'T0901'])
    t.same(codes(await list('?parent=T01')), ['T0101'])
    t.same(codes(await list('?parent=old1')), ['T0101'])
    t.same(codes(await list('?active=false')), ['T09'])
    t.same(codes(await list('?active=true&kind=trust')), ['T01', 'T02'])
    refused(t, await list('?parent=NONE1'), 400, 'validation_failed', ['query /parent unknown_organisation'])
    refused(t, await list('?active=maybe'), 400, 'validation_failed', ['query /active wrong_type'])
    refused(t, await list('?kind=shop'), 400, 'validation_failed', ['query /kind/0 unknown_value'])
    refused(t, await list('?active=true&active=false'), 400, 'validation_failed', [
      'query /active wrong_type',
    ])
  })

  await t.test('pages hold each once, also where two share a name', async (t) => {
    for (const code of ['TWIN1', 'TWIN2', 'TWIN3'])
      await db.prisma.organisation.create({ data: { code, name: 'Example Twin', kind: 'trust' } })
    const whole = codes(await list('?limit=100'))
    const found: string[] = []
    let after = ''
    for (;;) {
      const page = await list(`?limit=1${after}`)
      found.push(...codes(page))
      if (page.body.next === null) break
      after = `&after=${page.body.next}`
    }
    t.same(found, whole)
    t.equal(whole.filter((code) => code.startsWith('TWIN')).length, 3)
  })

  await t.test('a cursor with what the store cannot hold is refused', async (t) => {
    for (const values of [['a\u0000', 'b'], ['\ud800', 'b'], [1, 2], ['a'], 'a']) {
      const after = Buffer.from(JSON.stringify(values)).toString('base64url')
      refused(t, await list(`?after=${after}`), 400, 'validation_failed', ['query /after unknown_cursor'])
    }
  })

  await t.test('the thirteen categories, in the order of a form', async (t) => {
    const { body } = await call({ url: '/v1/categories' })
    t.equal(body.items.length, 13)
    t.equal(body.next, null)
    const high = body.items.filter((one: { allowsHighPriority: boolean }) => one.allowsHighPriority)
    t.same(high.map(({ code }: { code: string }) => code).sort(), [
      'cleanliness',
      'communication',
      'delays',
      'dignity',
      'food',
      'medicines',
      'staff',
      'treatment',
    ])
  })
})
