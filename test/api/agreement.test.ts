import { VectorTile } from '@mapbox/vector-tile'
import fc from 'fast-check'
import { PbfReader } from 'pbf'
import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { isClosed } from '../../domain/case-rules.ts'
import type { CaseStatus } from '../../prisma/client.ts'
import { type Harness, PUBLIC_URL, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

/*
 * List, count, map, clusters, tiles and CSV of one filter have the same cases: over random cases and random filters, held
 * against what a loop over the cases says.
 */

const REGIONS = ['London', 'North', null]
const WORDS = ['parking', 'waiting', 'nurse', 'kind', 'ward', 'appointment', 'lost']
const STATUSES: CaseStatus[] = ['open', 'in_progress', 'resolved', 'no_action_needed', 'unable_to_contact']
const LANGUAGES = ['en', 'en-GB', 'cy', null]
const CATEGORIES = ['delays', 'staff', 'food']
const START = Date.UTC(2025, 0, 1)
const HOUR = 3_600_000

// Places on purpose: on edges of cells and of boxes, in one point, over the antimeridian, and nowhere.
const PLACES: Record<string, [longitude: number, latitude: number] | null> = {
  P1: [-0.12, 51.5],
  P2: [-0.12, 51.5],
  P3: [-0.1, 51.51],
  P4: [0, 51.4779],
  P5: [-1.61, 54.97],
  P6: [-3.18, 55.95],
  P7: [0, 0],
  P8: [179.9, -17],
  P9: [-179.9, -17],
  P10: [-2.8125, 52.48278022207821],
  P11: null,
}
const PARENTS: Record<string, string> = { P2: 'P1', P3: 'P1', P6: 'P5' }
const codes = Object.keys(PLACES)

type Model = MadeCase & { reference: string; place: [number, number] | null }

t.test('list, count, map, clusters, tiles and table of a filter agree', async (t) => {
  const harness = await startHarness(t)
  await makeOrganisations(harness)
  const cases = fc.sample(anyCase, { numRuns: 400, seed: 20261126 })
  const references = await makeCases(harness.db, cases)
  await indexCases(harness.db)
  const models = cases.map(
    (one, n): Model => ({
      ...one,
      reference: references[n] as string,
      place: PLACES[one.organisation] ?? null,
    }),
  )
  await fc.assert(
    fc.asyncProperty(anyFilter, async (filter) => {
      const wanted = models.filter((one) => isSelected(one, filter)).map(({ reference }) => reference)
      const placed = models.filter((one) => one.place !== null && isSelected(one, filter))
      const query = queryOf(filter)
      const list = await allOf(harness, `/v1/cases?${query}`, 'items', 50)
      t.same([...list].sort(), wanted.sort(), `the list of ${query}`)
      t.equal(new Set(list).size, list.length, 'no case twice')
      t.same(list, (await allOf(harness, `/v1/cases?${query}&order=oldest`, 'items', 100)).reverse())
      const map = await allOf(harness, `/v1/geo-feed?${query}`, 'features', 60)
      t.same(
        map,
        list.filter((one) => placed.some(({ reference }) => reference === one)),
        'the map',
      )
      await counted(
        t,
        harness,
        query,
        wanted.length,
        models.filter((one) => isSelected(one, filter)),
      )
      await clustered(t, harness, filter, placed)
      await drawn(t, harness, filter, placed)
      const table = (await harness.call({ url: `/v1/cases?${query}&format=csv&fields=reference` })).text
      t.same(table.slice(1).trim().split('\r\n').slice(1), list, 'the table')
    }),
    { numRuns: 30, seed: 7 },
  )
})

async function counted(
  t: Test,
  { call }: Harness,
  query: string,
  total: number,
  wanted: Model[],
): Promise<void> {
  const { body } = await call({
    url: `/v1/case-counts?${query}&by=status,kind,category,organisation,language,month`,
  })
  t.equal(body.total, total, `the count of ${query}`)
  t.equal(body.capped, false)
  const by = (pick: (one: Model) => string | null): Record<string, number> => {
    const counts: Record<string, number> = {}
    for (const one of wanted) {
      const value = pick(one)
      if (value !== null) counts[value] = (counts[value] ?? 0) + 1
    }
    return counts
  }
  const facet = (name: string): Record<string, number> =>
    Object.fromEntries(
      body.facets[name].map(({ value, count }: { value: string; count: number }) => [value, count]),
    )
  t.same(
    facet('status'),
    by(({ status }) => status),
  )
  t.same(
    facet('kind'),
    by(({ kind }) => kind),
  )
  t.same(
    facet('category'),
    by(({ category }) => category),
  )
  t.same(
    facet('organisation'),
    by(({ organisation }) => organisation),
  )
  t.same(
    facet('language'),
    by(({ language }) => language),
  )
  t.same(
    facet('month'),
    by(({ reportedAt }) => reportedAt.toISOString().slice(0, 7)),
  )
}

// A cell that touches the box counts in full, so the whole world is asked for.
async function clustered(t: Test, { call }: Harness, filter: Filter, placed: Model[]): Promise<void> {
  if (filter.bbox || filter.near || filter.polygon) return
  for (const zoom of [0, 5, 6]) {
    const { body } = await call({ url: `/v1/clusters?zoom=${zoom}&${queryOf(filter)}` })
    const sum = (name: string): number =>
      body.features.reduce(
        (all: number, { properties }: { properties: Record<string, number> }) =>
          all + (properties[name] ?? 0),
        0,
      )
    t.equal(sum('count'), placed.length, `clusters at ${zoom} of ${queryOf(filter)}`)
    t.equal(sum('open'), placed.filter(({ status }) => !isClosed(status as CaseStatus)).length)
  }
}

// The tile of zoom 0 is the whole world, and those of zoom 1 are its quarters.
async function drawn(t: Test, { call }: Harness, filter: Filter, placed: Model[]): Promise<void> {
  if (filter.bbox || filter.near || filter.polygon) return
  const counted = async (tile: string): Promise<number> => {
    const { bytes } = await call({ url: `/v1/tiles/${tile}.mvt?${queryOf(filter)}` })
    const layer = bytes.length === 0 ? undefined : new VectorTile(new PbfReader(bytes)).layers.clusters
    let all = 0
    for (let n = 0; n < (layer?.length ?? 0); n++) all += Number(layer?.feature(n).properties.count)
    return all
  }
  t.equal(await counted('0/0/0'), placed.length, `the tile of ${queryOf(filter)}`)
  const quarters = await Promise.all(['1/0/0', '1/1/0', '1/0/1', '1/1/1'].map(counted))
  t.equal(
    quarters.reduce((all, one) => all + one, 0),
    placed.length,
  )
}

async function allOf(
  { call }: Harness,
  url: string,
  name: 'items' | 'features',
  limit: number,
): Promise<string[]> {
  const found: string[] = []
  let at: string | undefined = `${url}&limit=${limit}`
  while (at !== undefined) {
    const { body, headers, status, text } = await call({ url: at })
    if (status !== 200) throw new Error(`${at}: ${text}`)
    found.push(...body[name].map((one: { reference?: string; id?: string }) => one.reference ?? one.id))
    at = /^<(.+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1]?.slice(PUBLIC_URL.length)
  }
  return found
}

type Filter = {
  organisation?: string[]
  region?: string[]
  kind?: string[]
  category?: string[]
  status?: string[]
  language?: string[]
  reportedFrom?: string
  reportedTo?: string
  q?: string
  bbox?: [number, number, number, number]
  near?: [number, number]
  radius?: number
  polygon?: number[]
}

const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 6 })
const anyCase: fc.Arbitrary<MadeCase> = fc.record({
  organisation: fc.constantFrom(...codes),
  kind: fc.constantFrom('concern', 'question', 'feedback'),
  category: fc.constantFrom(...CATEGORIES),
  status: fc.constantFrom(...STATUSES),
  publication: fc.constantFrom(
    'published',
    'published',
    'published',
    'awaiting_moderation',
    'kept_private',
    'removed',
  ),
  privacy: fc.constantFrom('private', 'anonymous', 'named', 'anonymous'),
  language: fc.constantFrom(...LANGUAGES),
  title: fc.option(
    words.map((all) => all.join(' ')),
    { nil: null },
  ),
  text: words.map((all) => `${all.join(' ')}. (Invented.)`),
  response: fc.option(
    words.map((all) => `Sorry, ${all.join(' ')}. (Invented.)`),
    { nil: null },
  ),
  reportedAt: fc.integer({ min: 0, max: 9_000 }).map((hours) => new Date(START + hours * HOUR)),
})

const some = <T>(values: readonly T[]) =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 })
const time = fc.integer({ min: 0, max: 9_000 }).map((hours) => new Date(START + hours * HOUR).toISOString())
const longitude = fc.constantFrom(-10, -3.18, -2.8125, -0.12, 0, 2, 5)
const latitude = fc.constantFrom(0, 49, 51.4779, 51.5, 52.48278022207821, 54.97, 61)
const anyFilter: fc.Arbitrary<Filter> = fc
  .record(
    {
      organisation: some(codes),
      region: some(['London', 'North']),
      kind: some(['concern', 'question', 'feedback']),
      category: some(CATEGORIES),
      status: fc.oneof(some(STATUSES), fc.constant<string[]>(['open', 'in_progress'])),
      language: some(['en', 'cy', 'en-gb']),
      reportedFrom: time,
      reportedTo: time,
      q: fc.constantFrom(
        ...WORDS,
        'nurses kindness',
        '"lost appointment"',
        'ward or parking',
        'parking -waiting',
        '-kind',
      ),
      area: fc.oneof(
        fc.record({ bbox: fc.tuple(longitude, latitude, longitude, latitude).map(asBox) }),
        fc.constant({ bbox: [179, -20, -179, -10] as [number, number, number, number] }),
        fc.record({
          near: fc.tuple(longitude, latitude),
          radius: fc.constantFrom(1, 2_500, 150_000, 500_000),
        }),
        fc.constant<Filter>({ polygon: [-4, 50, 1, 50, 0.5, 56, -4, 56.5] }),
      ),
    },
    { requiredKeys: [] },
  )
  .map(({ area, ...filter }) => ({ ...filter, ...area }))

function asBox([a, b, c, d]: [number, number, number, number]): [number, number, number, number] {
  return [Math.min(a, c), Math.min(b, d), Math.max(a, c), Math.max(b, d)]
}

function queryOf(filter: Filter): string {
  const { bbox, near, polygon, ...rest } = filter
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(rest))
    for (const one of [value].flat()) query.append(name, String(one))
  for (const [name, value] of Object.entries({ bbox, near, polygon }))
    if (value) query.set(name, value.join(','))
  return query.toString()
}

function isSelected(one: Model, filter: Filter): boolean {
  const { organisation, region, kind, category, status, language, reportedFrom, reportedTo, q } = filter
  const at = one.reportedAt.toISOString()
  return (
    one.publication === 'published' &&
    one.privacy !== 'private' &&
    (!organisation ||
      organisation.some((code) => code === one.organisation || PARENTS[one.organisation] === code)) &&
    (!region || region.includes(regionOf(one.organisation) ?? '')) &&
    (!kind || kind.includes(one.kind)) &&
    (!category || category.includes(one.category)) &&
    (!status || status.includes(one.status)) &&
    (!language ||
      language.some(
        (tag) => one.language?.toLowerCase() === tag || one.language?.toLowerCase().startsWith(`${tag}-`),
      )) &&
    (!reportedFrom || at >= reportedFrom) &&
    (!reportedTo || at < reportedTo) &&
    (q === undefined || hasWords(one, q)) &&
    isWithin(one.place, filter)
  )
}

function regionOf(code: string): string | null {
  const parent = PARENTS[code]
  return parent === undefined ? (REGIONS[codes.indexOf(code) % 3] ?? null) : regionOf(parent)
}

function hasWords({ title, text, response }: Model, q: string): boolean {
  const parts = [title, text, response].map((part) => part ?? '')
  const has = (word: string): boolean => parts.some((part) => part.split(/\W+/).includes(word))
  if (q === 'nurses kindness') return has('nurse') && has('kind')
  if (q === '"lost appointment"') return parts.some((part) => part.includes('lost appointment'))
  if (q === 'ward or parking') return has('ward') || has('parking')
  if (q === 'parking -waiting') return has('parking') && !has('waiting')
  if (q === '-kind') return !has('kind')
  return has(q)
}

function isWithin(place: Model['place'], { bbox, near, radius = 5_000, polygon }: Filter): boolean {
  if (!bbox && !near && !polygon) return true
  if (place === null) return false
  const [x, y] = place
  if (bbox) {
    const [west, south, east, north] = bbox
    if (y < south || y > north) return false
    if (west <= east ? x < west || x > east : x < west && x > east) return false
  }
  if (near && metres(near, place) > radius) return false
  return !polygon || isInside(place, polygon)
}

function metres([a, b]: [number, number], [c, d]: [number, number]): number {
  const rad = Math.PI / 180
  const h =
    Math.sin(((d - b) * rad) / 2) ** 2 +
    Math.cos(b * rad) * Math.cos(d * rad) * Math.sin(((c - a) * rad) / 2) ** 2
  return 2 * 6_371_008.8 * Math.asin(Math.sqrt(h))
}

// By the number of edges to the east.
function isInside([x, y]: [number, number], polygon: readonly number[]): boolean {
  let inside = false
  for (let n = 0; n < polygon.length; n += 2) {
    const [x1 = 0, y1 = 0] = [polygon[n], polygon[n + 1]]
    const [x2 = 0, y2 = 0] = [polygon[(n + 2) % polygon.length], polygon[(n + 3) % polygon.length]]
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) inside = !inside
  }
  return inside
}

async function makeOrganisations({ db }: Harness): Promise<void> {
  for (const [n, [code, place]] of Object.entries(PLACES).entries()) {
    await db.prisma.organisation.create({
      data: {
        code,
        name: `Example ${code}`,
        kind: code in PARENTS ? 'site' : 'trust',
        region: code in PARENTS ? null : (REGIONS[n % 3] ?? null),
        ...(place && { longitude: place[0], latitude: place[1] }),
        ...(code in PARENTS && { parent: { connect: { code: PARENTS[code] as string } } }),
      },
    })
  }
}
