import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { type Harness, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

/*
 * Whatever reads by a saved query has what the same filter, written out, has: list, count, map, clusters, tile, table,
 * change log and feed.
 */

const KINDS = ['concern', 'question', 'feedback'] as const
const START = Date.UTC(2026, 0, 1)

const filters: Record<string, unknown>[] = [
  {},
  { organisation: ['T01'] },
  { organisation: ['T0101'], kind: ['concern', 'feedback'] },
  { region: ['North'], status: ['open', 'in_progress'] },
  { category: ['delays', 'staff'], language: ['en'] },
  { q: 'parking' },
  { kind: ['feedback'], q: 'nurse or ward' },
  { bbox: [-0.11, 51.4, 0.1, 51.6] },
  { near: [-0.12, 51.5], radius: 300, status: ['resolved'] },
  { polygon: [-2, 54, -1, 54, -1.5, 56], kind: ['concern'] },
]

t.test('a saved query has what its filter has, written out', async (t) => {
  const harness = await startHarness(t)
  await makeCases(harness.db, made())
  await indexCases(harness.db)
  let selected = 0
  for (const [n, filter] of filters.entries()) {
    const body = { name: `filter ${n} (invented)`, filter }
    const key = harness.keys.supplier
    const saved = await harness.call({ method: 'POST', url: '/v1/queries', key, body })
    t.equal(saved.status, 201, saved.text)
    selected += await agreed(t, harness, `query=${saved.body.id}`, filter)
  }
  t.ok(selected > 100, 'the filters select something')
})

async function agreed(t: Test, { call }: Harness, query: string, filter: object): Promise<number> {
  const written = writtenOut(filter)
  const both = async (path: string, but: readonly string[] = []) => {
    const apart = new URLSearchParams([...written].filter(([name]) => !but.includes(name)))
    const [one, other] = [await call({ url: `${path}&${query}` }), await call({ url: `${path}&${apart}` })]
    t.equal(one.status, 200, `${path} ${one.text.slice(0, 300)}`)
    return [one, other] as const
  }
  const [list, listWritten] = await both('/v1/cases?limit=100')
  t.same(list.body, listWritten.body, `the list of ${written}`)
  const references: string[] = list.body.items.map(({ reference }: { reference: string }) => reference)

  const [count, countWritten] = await both('/v1/case-counts?by=status')
  t.same(count.body, countWritten.body)
  t.equal(count.body.total, references.length)
  const [map, mapWritten] = await both('/v1/geo-feed?limit=100')
  t.same(map.body, mapWritten.body)
  t.equal(map.body.features.length, references.length, 'all of them stand somewhere')
  const [table, tableWritten] = await both('/v1/cases?format=csv&fields=reference')
  t.equal(table.text, tableWritten.text)
  if (!('bbox' in filter || 'near' in filter || 'polygon' in filter)) {
    const [clusters, clustersWritten] = await both('/v1/clusters?zoom=6')
    t.same(clusters.body, clustersWritten.body)
    const counts = clusters.body.features.map(
      (one: { properties: { count: number } }) => one.properties.count,
    )
    t.equal(
      counts.reduce((all: number, one: number) => all + one, 0),
      references.length,
    )
    const [tile, tileWritten] = await both('/v1/tiles/5/15/10.mvt?')
    t.ok(tile.bytes.equals(tileWritten.bytes), 'the tile')
  }

  // The log has no parameter for words, and takes those of a saved query all the same.
  const log = await call({ url: `/v1/events?limit=1000&${query}` })
  const heard = log.body.items.filter(({ gone }: { gone: boolean }) => !gone)
  t.same(heard.map((line: { case: string }) => line.case).sort(), [...references].sort(), 'the log')
  if (!('q' in filter)) t.same((await both('/v1/events?limit=1000'))[1].body.items, log.body.items)
  const [feed, feedWritten] = await both('/v1/feeds/cases.atom?')
  const entries = ({ text }: { text: string }) => text.match(/<entry>.*?<\/entry>/gs)
  t.same(entries(feed), entries(feedWritten), 'the feed')
  for (const reference of references.slice(0, 3)) t.ok(feed.text.includes(reference))
  return references.length
}

function writtenOut(filter: object): URLSearchParams {
  const isPlace = (name: string) => ['bbox', 'near', 'polygon'].includes(name)
  return new URLSearchParams(
    Object.entries(filter).flatMap(([name, value]) =>
      (isPlace(name) ? [String(value)] : [value].flat()).map((one): [string, string] => [name, String(one)]),
    ),
  )
}

function made(): MadeCase[] {
  const pick = <T>(from: readonly T[], n: number): T => from[n % from.length] as T
  return Array.from({ length: 90 }, (_, n) => ({
    organisation: pick(['T01', 'T0101', 'T02'], n),
    kind: pick(KINDS, Math.floor(n / 3)),
    category: pick(['delays', 'staff', 'food', 'delays'], Math.floor(n / 2)),
    status: pick(['open', 'in_progress', 'resolved', 'no_action_needed'], Math.floor(n / 5)),
    publication: n % 11 === 0 ? 'kept_private' : 'published',
    privacy: n % 13 === 0 ? 'private' : 'anonymous',
    language: pick(['en', 'en-GB', 'cy', null], n),
    title: null,
    text: `${pick(['parking', 'nurse', 'ward', 'waiting', 'parking and a nurse'], n)} (invented)`,
    response: null,
    reportedAt: new Date(START + n * 3_600_000),
  }))
}
