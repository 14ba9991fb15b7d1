import { VectorTile, type VectorTileLayer } from '@mapbox/vector-tile'
import fc from 'fast-check'
import { PbfReader } from 'pbf'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { countPublicFigures } from '../../domain/public-figures.ts'
import { refused } from './answers.ts'
import { PUBLIC_URL, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'
import { makeMap, onMap, tally } from './map-cases.ts'

t.test('tiles', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  const tile = async (address: string, query = ''): Promise<Layers> => {
    const { status, bytes, text } = await call({ url: `/v1/tiles/${address}.mvt${query}` })
    if (status !== 200) throw new Error(text)
    return layersOf(bytes)
  }

  await t.test('a tile where nothing stands is empty', async (t) => {
    const { status, bytes, headers } = await call({ url: '/v1/tiles/4/0/0.mvt' })
    t.equal(status, 200)
    t.equal(bytes.length, 0)
    t.equal(headers['content-type'], 'application/vnd.mapbox-vector-tile')
    t.equal(headers['access-control-allow-origin'], '*')
    t.same(await tile('4/0/0', '?language=cy'), {})
  })

  const cases = await makeMap(db, 700)
  await indexCases(db)
  const shown = onMap(cases)
  const at = (...codes: string[]) => shown.filter(({ organisation }) => codes.includes(organisation))

  await t.test('clusters with their counts, and the cases one by one', async (t) => {
    const here = at('LONDON', 'LAMBETH')
    const { clusters = [], cases: points = [] } = await tile('9/255/170')
    t.equal(sum(clusters), here.length)
    const counts = tally(here.map(({ status }) => status))
    for (const [status, count] of Object.entries(counts))
      t.equal(sum(clusters, `status_${status}`), count, status)
    t.equal(sum(clusters, 'open'), (counts.open ?? 0) + (counts.in_progress ?? 0))
    t.equal(sum(clusters, 'closed'), here.length - sum(clusters, 'open'))
    t.equal(sum(clusters, 'status_withdrawn'), 0)
    t.ok(clusters.every(({ id }) => Number.isSafeInteger(id)))

    t.equal(points.length, here.length)
    const { body } = await call({ url: '/v1/geo-feed?bbox=-0.13,51.4,-0.11,51.6&limit=1000' })
    for (const { properties, longitude, latitude } of points) {
      const listed = body.features.find(({ id }: { id: string }) => id === properties.reference)
      const { reference, kind, category, status, organisationCode: organisation } = listed.properties
      t.strictSame(properties, { reference, kind, category, status, organisation })
      const [east, north] = listed.geometry.coordinates
      t.ok(Math.abs(longitude - east) < 0.001 && Math.abs(latitude - north) < 0.001)
    }
  })

  await t.test('a case stands in exactly one tile of a zoom, also on an edge and at a pole', async (t) => {
    const [world] = [await tile('0/0/0')]
    t.equal(sum(world.clusters), shown.length)
    for (const z of [1, 2, 4]) {
      const all = Array.from({ length: 4 ** z }, (_, n) => `${z}/${n % 2 ** z}/${Math.floor(n / 2 ** z)}`)
      const references: unknown[] = []
      let counted = 0
      for (const address of all) {
        const { clusters, cases: points = [] } = await tile(address)
        counted += sum(clusters)
        t.equal(points.length, sum(clusters), `${address}: all of them one by one`)
        references.push(...points.map(({ properties }) => properties.reference))
      }
      t.equal(counted, shown.length, `zoom ${z}`)
      t.equal(new Set(references).size, shown.length)
    }
  })

  await t.test('with any filter the sums are what the list has', async (t) => {
    const list = async (query: string): Promise<string[]> => {
      const found: string[] = []
      for (let url = `/v1/geo-feed?limit=1000&fields=reference&${query}`; ; ) {
        const { body } = await call({ url })
        found.push(...body.features.map(({ id }: { id: string }) => id))
        if (body.next === null) return found
        url = `/v1/geo-feed?limit=1000&fields=reference&${query}&after=${body.next}`
      }
    }
    await fc.assert(
      fc.asyncProperty(filters, async (query) => {
        const quarters = await Promise.all(
          ['0/0', '1/0', '0/1', '1/1'].map((one) => tile(`1/${one}`, `?${query}`)),
        )
        const references = quarters.flatMap(({ cases: points = [] }) =>
          points.map(({ properties }) => properties.reference),
        )
        t.same(references.sort(), (await list(query)).sort(), query)
        t.equal(
          quarters.reduce((all, { clusters }) => all + sum(clusters), 0),
          references.length,
          query,
        )
      }),
      { numRuns: 25 },
    )
  })

  await t.test('a tile of more than a thousand has no cases one by one', async (t) => {
    const many = (size: number): MadeCase[] =>
      Array.from({ length: size }, (_, n) => ({
        organisation: 'T02',
        kind: 'feedback',
        category: 'parking',
        status: 'open',
        publication: 'published',
        privacy: 'anonymous',
        language: null,
        title: null,
        text: '(Invented.)',
        response: null,
        reportedAt: new Date(Date.UTC(2026, 5, 1) + n * 1_000),
      }))
    await makeCases(db, many(1_000))
    await indexCases(db)
    const full = await tile('14/8118/5184', '?category=parking')
    t.equal(sum(full.clusters), 1_000)
    t.equal(full.cases?.length, 1_000)
    await makeCases(db, many(1))
    await indexCases(db)
    const over = await tile('14/8118/5184', '?category=parking&status=open')
    t.equal(sum(over.clusters), 1_001)
    t.equal(over.cases, undefined)
  })

  await t.test('organisations with figures, of which small ones are not said', async (t) => {
    await db.pool.query(`update cases set due_at = '2026-01-01' where status = 'open'`)
    await countPublicFigures(db, new Date('2026-12-01T00:00:00Z'))
    const { organisations = [] } = await tile('6/31/20')
    const { body } = await call({ url: '/v1/organisation-feed?bbox=-5.62,52.49,-0.01,55.77&limit=1000' })
    const said = body.features.map(
      ({ properties: { url, region, ...rest } }: { properties: Record<string, unknown> }) =>
        Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)),
    )
    const byCode = (one: Record<string, unknown>, other: Record<string, unknown>) =>
      String(one.code) < String(other.code) ? -1 : 1
    t.ok(said.length > 1)
    t.strictSame(organisations.map(({ properties }) => properties).sort(byCode), said.sort(byCode))
    t.ok(organisations.some(({ properties }) => Number(properties.overdue) >= 5))

    t.equal((await tile('5/15/10')).organisations, undefined, 'from zoom 6 on')
    t.equal((await tile('6/31/20', '?kind=feedback')).organisations, undefined, 'without a filter')
    const corner = ['6/31/31', '6/32/31', '6/31/32', '6/32/32']
    const having = await Promise.all(corner.map(async (address) => (await tile(address)).organisations ?? []))
    t.same(
      having.map((found) => found.filter(({ properties }) => properties.code === 'ORIGIN').length),
      [0, 0, 0, 1],
      'on the corner of four it is in one',
    )
  })

  await t.test('a tile that there is not is refused', async (t) => {
    const bad: Record<string, string[]> = {
      '0/1/0': ['path /x no_such_tile'],
      '3/8/8': ['path /x no_such_tile', 'path /y no_such_tile'],
      '15/0/0': ['path /z too_large'],
      '3/-1/0': ['path /x too_small'],
      '3/1.5/0': ['path /x wrong_type'],
      '3/0/99999': ['path /y too_large'],
    }
    for (const [address, fields] of Object.entries(bad))
      refused(t, await call({ url: `/v1/tiles/${address}.mvt` }), 400, 'validation_failed', fields)
    refused(t, await call({ url: '/v1/tiles/3/0/0.mvt?bbox=0,0,1,1' }), 400, 'validation_failed', [
      'query /bbox unknown_field',
    ])
    refused(t, await call({ url: '/v1/tiles/3/0/0.mvt?organisation=NOBODY' }), 400, 'validation_failed', [
      'query /organisation unknown_organisation',
    ])
    refused(t, await call({ url: '/v1/tiles/3/0/0.png' }), 404, 'not_found')
  })

  await t.test('the description leads to the tiles', async (t) => {
    const { body, headers } = await call({ url: '/v1/tiles.json' })
    t.match(headers['content-type'], /^application\/json/)
    t.equal(headers['access-control-allow-origin'], '*')
    t.match(body, {
      tilejson: '3.0.0',
      tiles: [`${PUBLIC_URL}/v1/tiles/{z}/{x}/{y}.mvt`],
      minzoom: 0,
      maxzoom: 14,
      attribution: /Open Government Licence/,
    })
    const query =
      'kind=concern&kind=question&status=open&q=waiting+or+%7Bz%7D&reportedFrom=2026-01-01T00:00:00Z'
    const filtered = (await call({ url: `/v1/tiles.json?${query}` })).body
    const [template] = filtered.tiles as [string]
    t.equal(template.match(/\{z\}/g)?.length, 1, 'what somebody looks for is no part of the template')
    const url = new URL(template.replace('{z}', '0').replace('{x}', '0').replace('{y}', '0'))
    t.same(url.searchParams.getAll('kind'), ['concern', 'question'])
    t.equal(url.searchParams.get('q'), 'waiting or {z}')

    const { bytes } = await call({ url: `${url.pathname}${url.search}` })
    const wanted = shown.filter(
      ({ kind, status, text }) => kind !== 'feedback' && status === 'open' && text.includes('waited'),
    )
    t.equal(sum(layersOf(bytes).clusters), wanted.length)

    const every = await tile('6/31/21')
    for (const { id, fields } of body.vector_layers) {
      const found = every[id] ?? []
      t.ok(found.length > 0, id)
      for (const { properties } of found)
        for (const [name, value] of Object.entries(properties))
          t.equal(fields[name], typeof value === 'string' ? 'String' : 'Number', `${id}.${name}`)
    }
    refused(t, await call({ url: '/v1/tiles.json?organisation=NOBODY' }), 400, 'validation_failed', [
      'query /organisation unknown_organisation',
    ])
    refused(t, await call({ url: '/v1/tiles.json?colour=blue' }), 400, 'validation_failed', [
      'query /colour unknown_field',
    ])
  })
})

const some = (name: string, ...values: string[]) =>
  fc.subarray(values).map((chosen) => chosen.map((value) => `${name}=${value}`))
const filters = fc
  .tuple(
    some('kind', 'concern', 'question'),
    some('category', 'staff', 'food'),
    some('status', 'open', 'in_progress', 'resolved'),
    some('organisation', 'LONDON', 'LINE', 'POLE', 'SOUTH', 'NOWHERE'),
    fc.constantFrom(
      [],
      ['language=cy'],
      ['q=waiting'],
      ['reportedFrom=2026-01-10T00:00:00Z'],
      ['region=London'],
    ),
  )
  .map((parts) => parts.flat().join('&'))

type Point = {
  id: number | undefined
  properties: Record<string, string | number | boolean>
  longitude: number
  latitude: number
}
type Layers = Record<string, Point[]>

function layersOf(bytes: Buffer): Layers {
  const { layers } = new VectorTile(new PbfReader(bytes))
  return Object.fromEntries(Object.entries(layers).map(([name, layer]) => [name, pointsOf(layer)]))
}

function pointsOf(layer: VectorTileLayer): Point[] {
  return Array.from({ length: layer.length }, (_, n) => {
    const feature = layer.feature(n)
    const { coordinates } = feature.toGeoJSON(255, 170, 9).geometry as unknown as {
      coordinates: [number, number]
    }
    return {
      id: feature.id,
      properties: { ...feature.properties },
      longitude: coordinates[0],
      latitude: coordinates[1],
    }
  })
}

function sum(points: readonly Point[] = [], field = 'count'): number {
  return points.reduce((all, { properties }) => all + Number(properties[field]), 0)
}
