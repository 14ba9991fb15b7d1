import t from 'tap'
import { countOrganisationFeatures } from '../../domain/organisation-figures.ts'
import { countPublicFigures } from '../../domain/public-figures.ts'
import { type Db, row } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, type Harness, PUBLIC_URL, publishedCase, startHarness } from './harness.ts'

const LATER = new Date('2100-01-01T00:00:00Z')

t.test('organisations as a layer of the map', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  const feed = (query = ''): Promise<Answer> => call({ url: `/v1/organisation-feed${query}` })
  const codes = ({ body }: Answer): string[] => body.features.map(({ id }: { id: string }) => id)

  await t.test('by name, those that are active and stand somewhere, longitude first', async (t) => {
    const { body, headers } = await feed()
    t.match(headers['content-type'], 'application/geo+json')
    t.same(codes({ body } as Answer), ['T0101', 'T01', 'T02'])
    t.same(body.features[1], {
      type: 'Feature',
      id: 'T01',
      geometry: { type: 'Point', coordinates: [-0.12, 51.5] },
      properties: {
        code: 'T01',
        url: `${PUBLIC_URL}/v1/organisations/T01`,
        name: 'Example Trust One',
        kind: 'trust',
        region: 'London',
        open: null,
        closed: null,
        overdue: null,
        asOf: null,
      },
    })
  })

  await t.test('in a box, a tree, a region, of a kind; nothing there is an empty collection', async (t) => {
    t.same(codes(await feed('?bbox=-1,51,1,52')), ['T0101', 'T01'])
    t.same(codes(await feed('?bbox=-0.12,51.5,-0.12,51.5')), ['T01'])
    t.same(codes(await feed('?organisation=T01')), ['T0101', 'T01'])
    t.same(codes(await feed('?organisation=old1&kind=site')), ['T0101'])
    t.same(codes(await feed('?region=London')), ['T0101', 'T01'], 'a site is in the region of its trust')
    t.same(codes(await feed('?region=North&region=London&kind=trust')), ['T01', 'T02'])
    t.same((await feed('?bbox=10,51,11,52')).body, { type: 'FeatureCollection', features: [], next: null })
    refused(t, await feed('?bbox=-1,52,1,51'), 400, 'validation_failed', ['query /bbox not_a_box'])
    refused(t, await feed('?organisation=NONE1'), 400, 'validation_failed', [
      'query /organisation unknown_organisation',
    ])
    refused(t, await feed('?kind=shop'), 400, 'validation_failed', ['query /kind/0 unknown_value'])
    refused(t, await feed('?after=x'), 400, 'validation_failed', ['query /after unknown_cursor'])
  })

  await t.test('a box crosses the antimeridian', async (t) => {
    const create = (code: string, longitude: number) =>
      db.prisma.organisation.create({
        data: { code, name: `Example Islands ${code}`, kind: 'trust', latitude: -17, longitude },
      })
    await create('FAR1', 179.5)
    await create('FAR2', -179.5)
    t.same(codes(await feed('?bbox=179,-18,-179,-16')), ['FAR1', 'FAR2'])
    t.same(codes(await feed('?bbox=-180,-18,180,-16')), ['FAR1', 'FAR2'])
    await db.prisma.organisation.deleteMany({ where: { code: { in: ['FAR1', 'FAR2'] } } })
  })

  await t.test('pages hold each once', async (t) => {
    const found: string[] = []
    for (let after = ''; ; ) {
      const page = await feed(`?limit=1${after}`)
      found.push(...codes(page))
      if (page.body.next === null) break
      t.match(page.headers.link, 'rel="next"')
      after = `&after=${page.body.next}`
    }
    t.same(found, ['T0101', 'T01', 'T02'])
    t.equal(await countOrganisationFeatures(db, {}), 3)
    t.equal(await countOrganisationFeatures(db, { kind: ['trust'], bbox: [-1, 51, 1, 52] }), 1)
  })

  await t.test('figures are of its own published cases, and small ones are not said', async (t) => {
    await published(harness, 'T01', 4)
    await published(harness, 'T0101', 10)
    await publishedCase(harness, { organisation: 'T02', privacy: 'named' })
    const figuresOf = async (code: string) => {
      await countPublicFigures(db, LATER)
      const { open, closed, overdue } = (await feed()).body.features.find(
        ({ id }: { id: string }) => id === code,
      ).properties
      return { open, closed, overdue }
    }
    t.same(await figuresOf('T01'), { open: null, closed: null, overdue: null }, 'four are not said')
    t.same(await figuresOf('T0101'), { open: 10, closed: null, overdue: 10 }, 'ten are')
    await settle(db)
    t.same(await figuresOf('T0101'), { open: 10, closed: null, overdue: null }, 'none and few look the same')
    await db.pool.query(
      `update cases set status = 'resolved', acknowledged_at = now(), closed_at = now(), resolved_at = now(), due_at = null
       where organisation_id = (select id from organisations where code = 'T0101')`,
    )
    t.same(await figuresOf('T0101'), { open: null, closed: 10, overdue: null })

    const { body } = await call({ url: '/v1/organisations?include=figures&q=T0101&fields=code,figures' })
    const asOf = LATER.toISOString()
    t.same(body.items, [{ code: 'T0101', figures: { open: null, closed: 10, overdue: null, asOf } }])
    const plain = (await call({ url: '/v1/organisations?q=T0101' })).body.items[0]
    t.notOk('figures' in plain || 'distanceMetres' in plain)
  })
})

t.test('whoever writes an organisation moves the version of the data', async (t) => {
  const { db } = await startHarness(t)
  const changes = async () =>
    (await row<{ changes: number }>(db.pool, 'select changes from log_state'))?.changes ?? 0
  const statements = [
    `insert into organisations (code, name, kind, updated_at) values ('NEW1', 'Example New Trust', 'trust', now())`,
    `update organisations set active = false where code = 'NEW1'`,
    `insert into services (organisation_id, code, name) select id, 'S1', 'Example Ward' from organisations where code = 'NEW1'`,
    `delete from services where code = 'S1'`,
    `delete from organisations where code = 'NEW1'`,
  ]
  for (const statement of statements) {
    const before = await changes()
    await db.pool.query(statement)
    t.ok((await changes()) > before, statement)
  }
})

async function published(harness: Harness, organisation: string, count: number): Promise<string[]> {
  const references: string[] = []
  for (let n = 0; n < count; n++) references.push((await publishedCase(harness, { organisation })).reference)
  return references
}

async function settle(db: Db): Promise<void> {
  await db.pool.query('update cases set due_at = null')
}
