import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { countOrganisationFeatures, countOverdue } from '../../domain/organisation-figures.ts'
import { type Db, row } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, type Harness, PUBLIC_URL, publishedCase, startHarness } from './harness.ts'

const LATER = new Date('2100-01-01T00:00:00Z')
const LATEST = new Date('2100-01-02T00:00:00Z')

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
        open: 0,
        closed: 0,
        overdue: 0,
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
    await published(harness, 'T0101', 5)
    await publishedCase(harness, { organisation: 'T02', privacy: 'named' })
    await indexCases(db)
    const figuresOf = async (code: string) => {
      const { open, closed, overdue } = (await feed()).body.features.find(
        ({ id }: { id: string }) => id === code,
      ).properties
      return { open, closed, overdue }
    }
    t.same(await figuresOf('T01'), { open: null, closed: 0, overdue: 0 }, 'four are not said')
    t.same(await figuresOf('T0101'), { open: 5, closed: 0, overdue: 0 }, 'five are')
    await db.pool.query(
      `update cases set status = 'resolved', acknowledged_at = now(), closed_at = now(), resolved_at = now(), due_at = null
       where organisation_id = (select id from organisations where code = 'T0101')`,
    )
    await touchAll(db)
    t.same(await figuresOf('T0101'), { open: 0, closed: 5, overdue: 0 })

    const { body } = await call({ url: '/v1/organisations?include=figures&q=T0101&fields=code,figures' })
    t.same(body.items, [{ code: 'T0101', figures: { open: 0, closed: 5, overdue: 0, asOf: null } }])
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

t.test('overdue is counted by a worker', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  const overdue = async (code = 'T01') =>
    (await call({ url: `/v1/organisations?include=figures&q=${code}` })).body.items[0].figures
  const changes = async () =>
    (await row<{ changes: number }>(db.pool, 'select changes from log_state'))?.changes ?? 0

  const references = await published(harness, 'T01', 6)
  await published(harness, 'T02', 3)
  await call({ method: 'POST', url: '/v1/cases', key: harness.keys.integrator, body: waiting() })

  await t.test('what is due and public, by organisation, as of when it was counted', async (t) => {
    const before = await changes()
    t.equal(await countOverdue(db, new Date('2000-01-01T00:00:00Z')), 0)
    t.same(await overdue(), { open: 0, closed: 0, overdue: 0, asOf: '2000-01-01T00:00:00.000Z' })
    t.equal(await changes(), before + 1, 'that it was counted for the first time is told')
    t.equal(await countOverdue(db, LATER), 2)
    t.match(await overdue(), { overdue: 6, asOf: '2100-01-01T00:00:00.000Z' })
    t.match(await overdue('T02'), { overdue: null }, 'three are not said')
    t.equal(await changes(), before + 2)
  })

  await t.test('counting again changes nothing but the time', async (t) => {
    const before = await changes()
    t.equal(await countOverdue(db, LATEST), 0)
    t.match(await overdue(), { overdue: 6, asOf: '2100-01-02T00:00:00.000Z' })
    t.equal(await changes(), before)
  })

  await t.test('the version moves when a number that is said has changed, and only then', async (t) => {
    const before = await changes()
    await settle(db, references.slice(0, 1))
    t.equal(await countOverdue(db, LATER), 1)
    t.match(await overdue(), { overdue: 5 })
    t.equal(await changes(), before + 1)
    await settle(db, references.slice(1, 2))
    await countOverdue(db, LATER)
    t.match(await overdue(), { overdue: null })
    t.equal(await changes(), before + 2)
    await settle(db, references.slice(2, 3))
    t.equal(await countOverdue(db, LATER), 1)
    t.equal(await changes(), before + 2, 'three or four, both are not said')
    await settle(db, references)
    await countOverdue(db, LATER)
    t.match(await overdue(), { overdue: 0 })
    t.equal(await changes(), before + 3)
  })

  await t.test('two at once count once', async (t) => {
    await Promise.all([countOverdue(db, LATER), countOverdue(db, LATEST), countOverdue(db, LATER)])
    t.match(await overdue('T02'), { overdue: null })
  })
})

async function published(harness: Harness, organisation: string, count: number): Promise<string[]> {
  const references: string[] = []
  for (let n = 0; n < count; n++) references.push((await publishedCase(harness, { organisation })).reference)
  return references
}

/** Not public yet, so not counted. */
function waiting(): Record<string, unknown> {
  return {
    kind: 'concern',
    organisation: 'T01',
    category: 'delays',
    text: 'Still waiting. (Invented.)',
    privacy: 'anonymous',
    contact: { name: 'Invented Person', email: 'invented@example.org' },
    acceptsTerms: true,
  }
}

async function settle(db: Db, references: readonly string[]): Promise<void> {
  await db.pool.query('update cases set due_at = null where reference = any($1)', [references])
}

// As an event of each would.
async function touchAll(db: Db): Promise<void> {
  await db.pool.query(`insert into events (type, case_id) select 'case.updated', id from cases`)
  await indexCases(db)
}
