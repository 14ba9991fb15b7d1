import fc from 'fast-check'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { startHarness } from './harness.ts'
import type { MadeCase } from './made-cases.ts'
import { makeMap, onMap, places, tally } from './map-cases.ts'

type Feature = {
  id: string
  bbox: [number, number, number, number]
  geometry: { coordinates: [number, number] }
  properties: { count: number; open: number; closed: number; byStatus: Record<string, number> }
}

t.test('clusters', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness

  await t.test('nothing there', async (t) => {
    const { body, headers } = await call({ url: '/v1/clusters?zoom=6' })
    t.match(headers['content-type'], /^application\/geo\+json/)
    t.same(body, { type: 'FeatureCollection', features: [], capped: false })
    t.same((await call({ url: '/v1/clusters?zoom=6&language=cy' })).body.features, [])
  })

  const cases = await makeMap(db, 700)
  await indexCases(db)
  const clusters = async (query: string): Promise<Feature[]> => {
    const { status, body, text } = await call({ url: `/v1/clusters?${query}` })
    if (status !== 200 || body.capped) throw new Error(text)
    return body.features
  }

  await t.test('a cluster stands in the middle of its cases and counts them by status', async (t) => {
    const [only, ...others] = await clusters('zoom=8&bbox=-0.2,51.45,-0.11,51.55')
    t.same(others, [])
    const here = onMap(cases).filter(({ organisation }) => ['LONDON', 'LAMBETH'].includes(organisation))
    const byStatus = tally(here.map(({ status }) => status))
    const open = here.filter(({ status }) => ['open', 'in_progress'].includes(status)).length
    t.strictSame(only?.properties, { count: here.length, open, closed: here.length - open, byStatus })
    t.equal(only?.id, '11/1023/681')
    t.same(only?.bbox, [-0.175781, 51.399206, 0, 51.508742])
    const [longitude = 0, latitude = 0] = only?.geometry.coordinates ?? []
    const near = (a: number, b: number) => Math.abs(a - b) < 0.000_1
    const mean = (axis: 0 | 1) =>
      here.reduce((sum, { organisation }) => sum + (places[organisation]?.[axis] ?? 0), 0) / here.length
    t.ok(near(longitude, mean(0)) && near(latitude, mean(1)), `${longitude}, ${latitude}`)
  })

  await t.test('what is kept ready and what is counted now say the same, and it is the truth', async (t) => {
    await fc.assert(
      fc.asyncProperty(questions, async ({ zoom, bbox, kind, category, status }) => {
        const query = [
          `zoom=${zoom}`,
          ...(bbox ? [`bbox=${bbox}`] : []),
          ...(kind ?? []).map((one) => `kind=${one}`),
          ...(category ?? []).map((one) => `category=${one}`),
          ...(status ?? []).map((one) => `status=${one}`),
        ].join('&')
        const kept = await clusters(query)
        // Everything was reported after that: the filter leaves out nothing, and nothing is kept ready for it.
        t.strictSame(await clusters(`${query}&reportedFrom=1990-01-01T00:00:00Z`), kept, query)
        const wanted = onMap(cases).filter(
          (one) =>
            (kind?.includes(one.kind) ?? true) &&
            (category?.includes(one.category) ?? true) &&
            (status?.includes(one.status) ?? true),
        )
        const cells = tally(wanted.map((one) => cellOf(one, zoom + 3)).filter((id) => touches(id, bbox)))
        t.strictSame(
          Object.fromEntries(kept.map(({ id, properties }) => [id, properties.count])),
          cells,
          query,
        )
      }),
      { numRuns: 60 },
    )
  })

  await t.test('other filters count now', async (t) => {
    const count = async (query: string) =>
      (await clusters(`zoom=3&${query}`)).reduce((sum, { properties }) => sum + properties.count, 0)
    const number = (is: (one: MadeCase) => boolean) => onMap(cases).filter(is).length
    t.equal(
      await count('organisation=LEEDS'),
      number(({ organisation }) => organisation === 'LEEDS'),
    )
    t.equal(
      await count('language=cy'),
      number(({ language }) => language === 'cy'),
    )
    t.equal(
      await count('q=waiting'),
      number(({ text }) => text.includes('waited')),
    )
    t.equal(
      await count('q=waiting&organisation=LEEDS&status=open'),
      number((one) => one.text.includes('waited') && one.organisation === 'LEEDS' && one.status === 'open'),
    )
    t.equal(
      await count('reportedFrom=2026-01-03T00:00:00Z'),
      number(({ reportedAt }) => reportedAt >= new Date('2026-01-03')),
    )
    t.equal(await count('region=London'), 0)
  })

  await t.test('a box over the antimeridian', async (t) => {
    const sum = async (bbox: string) =>
      (await clusters(`zoom=5&bbox=${bbox}`)).reduce((all, { properties }) => all + properties.count, 0)
    const of = (...codes: string[]) => onMap(cases).filter(({ organisation }) => codes.includes(organisation))
    t.equal(await sum('179,-20,-179,-10'), of('FIJI', 'LINE', 'TAVEUNI').length)
    t.equal(await sum('179,-20,180,-10'), of('FIJI', 'LINE').length)
    t.equal(await sum('-180,-20,-179,-10'), of('TAVEUNI').length)
  })

  await t.test('what changes is followed', async (t) => {
    const before = (await clusters('zoom=14&bbox=-1.55,53.79,-1.54,53.80'))[0]?.properties
    await db.pool.query(`
      with moved as (
        update cases set publication = 'removed' where id in (
          select c.id from cases c join organisations o on o.id = c.organisation_id
          where o.code = 'LEEDS' and publication = 'published' limit 1) returning id, reference, organisation_id)
      insert into events (type, case_id, case_reference, organisation_id, fields, case_version)
      select 'case.removed', id, reference, organisation_id, '{}', 2 from moved`)
    await indexCases(db)
    const after = (await clusters('zoom=14&bbox=-1.55,53.79,-1.54,53.80'))[0]?.properties
    t.equal(after?.count, (before?.count ?? 0) - 1)
  })

  await t.test('what cannot be asked is refused', async (t) => {
    const bad: Record<string, string[]> = {
      '': ['query /zoom missing'],
      'zoom=15': ['query /zoom too_large'],
      'zoom=-1': ['query /zoom too_small'],
      'zoom=6.5': ['query /zoom wrong_type'],
      'zoom=7': ['query /zoom too_many_cells'],
      'zoom=14&bbox=-2,51,0,52': ['query /bbox too_many_cells'],
      'zoom=6&bbox=0,52,1,51': ['query /bbox not_a_box'],
      'zoom=6&bbox=0,-91,1,51': ['query /bbox not_a_box'],
      'zoom=6&organisation=NOBODY': ['query /organisation unknown_organisation'],
      'zoom=6&q=the': ['query /q no_words'],
      'zoom=6&near=0,51': ['query /near unknown_field'],
    }
    for (const [query, fields] of Object.entries(bad))
      await t.test(query, async (t) =>
        refused(t, await call({ url: `/v1/clusters?${query}` }), 400, 'validation_failed', fields),
      )
  })
})

const some = <T>(...values: T[]) =>
  fc.option(fc.subarray(values, { minLength: 1 }), { nil: undefined, freq: 2 })
const degrees = (most: number) =>
  fc.oneof(fc.double({ min: -most, max: most, noNaN: true }), fc.constantFrom(-most, -45, 0, 45, most))
// Around a place, as far as a zoom's cells allow; or anywhere in the world where they are few.
const near = fc
  .record({
    zoom: fc.integer({ min: 0, max: 14 }),
    place: fc.constantFrom(...Object.values(places)),
    size: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ zoom, place: [longitude, latitude], size }) => {
    const around = (60 * size) / 2 ** zoom
    const wrapped = (degrees: number) => (((degrees + 540) % 360) - 180).toFixed(7)
    const within = (degrees: number) => Math.max(-90, Math.min(90, degrees)).toFixed(7)
    return {
      zoom,
      bbox: [
        wrapped(longitude - around),
        within(latitude - around),
        wrapped(longitude + around / 2),
        within(latitude + around / 2),
      ].map(Number),
    }
  })
const anywhere = fc
  .record({
    zoom: fc.integer({ min: 0, max: 6 }),
    a: degrees(90),
    b: degrees(90),
    west: degrees(180),
    east: degrees(180),
  })
  .map(({ zoom, a, b, west, east }) => ({ zoom, bbox: [west, Math.min(a, b), east, Math.max(a, b)] }))
const world = fc.record({ zoom: fc.integer({ min: 0, max: 6 }), bbox: fc.constant(undefined) })
const questions = fc
  .tuple(
    fc.oneof(near, anywhere, world),
    some('concern', 'question', 'feedback'),
    some('staff', 'delays', 'food', 'parking'),
    some('open', 'in_progress', 'resolved', 'no_action_needed'),
  )
  .map(([where, kind, category, status]) => ({ ...where, kind, category, status }))

const column = (longitude: number, level: number) =>
  Math.max(0, Math.min(2 ** level - 1, Math.floor(((longitude + 180) / 360) * 2 ** level)))
const row = (latitude: number, level: number) => {
  const radians = (Math.max(-85.05112878, Math.min(85.05112878, latitude)) * Math.PI) / 180
  const y = 0.5 - Math.log(Math.tan(Math.PI / 4 + radians / 2)) / (2 * Math.PI)
  return Math.max(0, Math.min(2 ** level - 1, Math.floor(y * 2 ** level)))
}

function cellOf({ organisation }: MadeCase, level: number): string {
  const [longitude, latitude] = places[organisation] as [number, number]
  return `${level}/${column(longitude, level)}/${row(latitude, level)}`
}

function touches(id: string, bbox: number[] | undefined): boolean {
  if (bbox === undefined) return true
  const [level = 0, x = 0, y = 0] = id.split('/').map(Number)
  const [west = 0, south = 0, east = 0, north = 0] = bbox
  const [first, last] = [column(west, level), column(east, level)]
  const across = west <= east ? x >= first && x <= last : x >= first || x <= last
  return across && y >= row(north, level) && y <= row(south, level)
}
