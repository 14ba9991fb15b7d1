import t from 'tap'
import { references, refused } from './answers.ts'
import { type Answer, PUBLIC_URL, publishedCase, startHarness } from './harness.ts'

const places: Record<string, [longitude: number, latitude: number]> = {
  GREENWICH: [0, 51.4779],
  EDGE: [0.25, 51.5],
  FIJI: [179.5, -17.8],
  TAVEUNI: [-179.9, -16.8],
  LINE: [180, -17],
  POLE: [10, 89.9],
  NULL: [0, 0],
}

t.test('the geo-feed', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  for (const [code, [longitude, latitude]] of Object.entries(places))
    await db.prisma.organisation.create({ data: { code, name: code, kind: 'trust', latitude, longitude } })
  await db.prisma.organisation.create({ data: { code: 'NOWHERE', name: 'Nowhere', kind: 'trust' } })
  const at: Record<string, string> = {}
  for (const organisation of [...Object.keys(places), 'NOWHERE', 'T0101', 'T02'])
    at[organisation] = (await publishedCase(harness, { organisation })).reference

  const feed = (query = ''): Promise<Answer> => call({ url: `/v1/geo-feed${query}` })
  const ids = ({ body }: Answer): string[] => body.features.map(({ id }: { id: string }) => id)
  const inBox = async (bbox: string, more = ''): Promise<string[]> => ids(await feed(`?bbox=${bbox}${more}`))
  const named = (...codes: string[]): string[] => codes.map((code) => at[code] as string).sort()

  await t.test('a feature stands at its organisation, longitude first', async (t) => {
    const { body, headers } = await feed('?bbox=-0.11,51.5,-0.09,51.52')
    t.match(headers['content-type'], /^application\/geo\+json/)
    t.equal(body.type, 'FeatureCollection')
    t.match(body.features, [
      {
        type: 'Feature',
        id: at.T0101,
        geometry: { type: 'Point', coordinates: [-0.1, 51.51] },
        properties: {
          organisationCode: 'T0101',
          responseCount: 0,
          attribution: null,
          url: `${PUBLIC_URL}/v1/cases/${at.T0101}`,
        },
      },
    ])
  })

  await t.test('the edges of a box belong to it', async (t) => {
    t.same(await inBox('0.25,51.4,0.3,51.6'), named('EDGE'), 'west')
    t.same(await inBox('0.2,51.4,0.25,51.6'), named('EDGE'), 'east')
    t.same(await inBox('0.2,51.5,0.3,51.6'), named('EDGE'), 'south')
    t.same(await inBox('0.2,51.4,0.3,51.5'), named('EDGE'), 'north')
    t.same(await inBox('0.25,51.5,0.25,51.5'), named('EDGE'), 'a point')
    t.same(await inBox('0.2500001,51.4,0.3,51.6'), [])
    t.same(await inBox('0.2,51.5000001,0.3,51.6'), [])
    t.same(await inBox('-0.001,-0.001,0.001,0.001'), named('NULL'))
  })

  await t.test('a large box and a small one say the same', async (t) => {
    const large = new Set(await inBox('-10,49,2,61'))
    const small = await inBox('-1,51,1,52')
    t.ok(small.length > 0 && small.every((one) => large.has(one)))
    t.same((await inBox('-1,51,1,52')).sort(), named('GREENWICH', 'EDGE', 'T0101'))
  })

  await t.test('a box over the antimeridian has west greater than east', async (t) => {
    t.same((await inBox('179,-20,-179,-10')).sort(), named('FIJI', 'TAVEUNI', 'LINE'))
    t.same((await inBox('179,-20,180,-10')).sort(), named('FIJI', 'LINE'))
    t.same(await inBox('-180,-20,-179,-10'), named('TAVEUNI'))
    t.same((await inBox('170,-20,-170,-10', '&organisation=FIJI')).sort(), named('FIJI'))
  })

  await t.test('the poles and the whole world', async (t) => {
    t.same(await inBox('9,89,11,90'), named('POLE'))
    const world = await inBox('-180,-90,180,90')
    t.same(world, ids(await feed()))
    t.notOk(world.includes(at.NOWHERE as string), 'a case without a place is not on the map')
  })

  await t.test('a box that is none is refused', async (t) => {
    const bad: Record<string, string[]> = {
      '0,52,1,51': ['query /bbox not_a_box'],
      '0,-91,1,51': ['query /bbox not_a_box'],
      '0,51,1,90.5': ['query /bbox not_a_box'],
      '0,51,1': ['query /bbox too_few'],
      '0,51,1,52,3': ['query /bbox too_many'],
      '0,51,181,52': ['query /bbox/2 too_large'],
      '-181,51,1,52': ['query /bbox/0 too_small'],
      '0,a,1,52': ['query /bbox/1 wrong_type'],
      '0,,1,52': ['query /bbox/1 wrong_type'],
      '0,NaN,1,52': ['query /bbox/1 wrong_type'],
      '0,Infinity,1,52': ['query /bbox/1 too_large'],
      '0,51,Infinity,52': ['query /bbox/2 too_large'],
    }
    for (const [bbox, fields] of Object.entries(bad))
      refused(t, await feed(`?bbox=${bbox}`), 400, 'validation_failed', fields)
    refused(t, await feed('?bbox='), 400, 'validation_failed')
  })

  await t.test('it takes the filters of the list, and no others', async (t) => {
    t.same(await inBox('-10,49,2,61', '&organisation=T02'), named('T02'))
    t.same(await inBox('-10,49,2,61', '&kind=question'), [])
    t.same(ids(await feed('?organisation=NOWHERE')), [])
    for (const query of ['?view=mine', '?publication=published', '?colour=blue'])
      refused(t, await feed(query), 400, 'validation_failed')
    for (const query of ['?limit=0', '?limit=1001']) refused(t, await feed(query), 400, 'validation_failed')
    t.equal((await feed('?limit=1000')).status, 200)
    refused(t, await feed('?after=abc'), 400, 'validation_failed', ['query /after unknown_cursor'])
  })

  await t.test('all pages together are the plain list', async (t) => {
    const found: string[] = []
    let url = '/v1/geo-feed?limit=2&bbox=-180,-90,180,90'
    for (;;) {
      const page = await call({ url })
      found.push(...ids(page))
      const link = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? ''))?.[1]
      t.equal(link === undefined, page.body.next === null)
      if (link === undefined) break
      url = link.slice(PUBLIC_URL.length)
    }
    const list = references(await call({ url: '/v1/cases?limit=100' })).filter((one) => one !== at.NOWHERE)
    t.same(found, list)
  })
})
