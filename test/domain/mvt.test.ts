import { VectorTile } from '@mapbox/vector-tile'
import fc from 'fast-check'
import { PbfReader } from 'pbf'
import t from 'tap'
import { EXTENT, encodeTile, type FieldValue, type PointLayer } from '../../domain/mvt.ts'

t.test('a tile of two layers, byte by byte', async (t) => {
  const tile = encodeTile([
    {
      name: 'a',
      x: [25, 4095],
      y: [17, 0],
      ids: [300, 0],
      fields: { n: [1, null], s: ['é', 'é'], none: [null, null] },
    },
    { name: 'nothing', x: [], y: [], fields: { n: [] } },
    { name: 'b', x: [-1], y: [4096], fields: {} },
  ])
  const feature = (...bytes: number[]) => [0x12, bytes.length, ...bytes]
  const layer = (...bytes: number[]) => [0x1a, bytes.length, ...bytes]
  const a = [
    ...[0x78, 2, 0x0a, 1, 0x61],
    ...feature(0x08, 0xac, 2, 0x12, 4, 0, 0, 1, 1, 0x18, 1, 0x22, 3, 9, 50, 34),
    ...feature(0x08, 0, 0x12, 2, 1, 1, 0x18, 1, 0x22, 4, 9, 0xfe, 0x3f, 0),
    ...[0x1a, 1, 0x6e, 0x1a, 1, 0x73],
    ...[0x22, 2, 0x28, 1, 0x22, 4, 0x0a, 2, 0xc3, 0xa9],
    ...[0x28, 0x80, 0x20],
  ]
  const b = [0x78, 2, 0x0a, 1, 0x62, ...feature(0x18, 1, 0x22, 4, 9, 1, 0x80, 0x40), 0x28, 0x80, 0x20]
  t.same([...tile], [...layer(...a), ...layer(...b)])
})

t.test('a tile without points has no bytes', async (t) => {
  t.equal(encodeTile([]).length, 0)
  t.equal(encodeTile([{ name: 'empty', x: [], y: [], fields: { n: [] } }]).length, 0)
})

t.test('any layers are read back by another library as they were', async (t) => {
  fc.assert(
    fc.property(fc.uniqueArray(layers, { selector: ({ name }) => name, maxLength: 4 }), (given) => {
      t.strictSame(decoded(encodeTile(given)), given.filter(({ x }) => x.length > 0).map(expected))
    }),
    { numRuns: 300 },
  )
})

const texts = fc.string({ unit: 'grapheme', maxLength: 200 })
const values: fc.Arbitrary<FieldValue> = fc.oneof(
  texts,
  fc.constantFrom('open', 'closed', '', '1', '\u0000'),
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.double({ noNaN: true }),
  fc.constantFrom(
    null,
    0,
    1,
    127,
    128,
    16_383,
    16_384,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    -(2 ** 52),
    -(2 ** 53) + 1,
  ),
)
const layers: fc.Arbitrary<PointLayer> = fc
  .record({
    name: fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
    keys: fc.uniqueArray(fc.stringMatching(/^[a-zA-Z_]{1,20}$/), { maxLength: 6 }),
    points: fc.array(
      fc.record({
        x: fc.integer({ min: -EXTENT, max: 2 * EXTENT }),
        y: fc.integer({ min: -EXTENT, max: 2 * EXTENT }),
        values: fc.array(values, { minLength: 6, maxLength: 6 }),
      }),
      { maxLength: 60 },
    ),
    ids: fc.option(fc.uniqueArray(fc.nat(2 ** 53 - 1), { minLength: 60, maxLength: 60 }), { nil: undefined }),
  })
  .map(({ name, keys, points, ids }) => ({
    name,
    x: points.map(({ x }) => x),
    y: points.map(({ y }) => y),
    ...(ids && { ids: ids.slice(0, points.length) }),
    fields: Object.fromEntries(
      keys.map((key, n) => [key, points.map(({ values }) => values[n] as FieldValue)] as const),
    ),
  }))

function expected({ name, x, y, ids, fields }: PointLayer) {
  return {
    name,
    version: 2,
    extent: EXTENT,
    points: Array.from(x, (east, n) => ({
      id: ids?.[n],
      type: 1,
      geometry: [[{ x: east, y: y[n] }]],
      properties: Object.fromEntries(
        Object.entries(fields).flatMap(([key, column]) => (column[n] === null ? [] : [[key, column[n]]])),
      ),
    })),
  }
}

function decoded(tile: Buffer) {
  return Object.values(new VectorTile(new PbfReader(tile)).layers).map((layer) => ({
    name: layer.name,
    version: layer.version,
    extent: layer.extent,
    points: Array.from({ length: layer.length }, (_, n) => {
      const feature = layer.feature(n)
      const geometry = feature.loadGeometry().map((part) => part.map(({ x, y }) => ({ x, y })))
      return { id: feature.id, type: feature.type, geometry, properties: { ...feature.properties } }
    }),
  }))
}
