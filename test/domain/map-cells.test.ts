import fc from 'fast-check'
import t from 'tap'
import {
  boundsOfCell,
  type CellBox,
  cellsTouching,
  cellsWithin,
  columnIn,
  isWithin,
  keyOf,
  keyRanges,
  rowIn,
  sizeOf,
} from '../../domain/map-cells.ts'

t.test('the key of a cell is the bits of its column and row in turn', async (t) => {
  t.equal(keyOf(0b101, 0b011), 0b011011)
  t.equal(keyOf(131_071, 131_071), 2 ** 34 - 1)
  t.equal(keyOf(65_536, 0), 2 ** 32)
  fc.assert(
    fc.property(fc.nat(131_071), fc.nat(131_071), (column, row) => {
      const bits = (n: number) => [...n.toString(2).padStart(17, '0')]
      const turned = bits(row).flatMap((bit, n) => [bit, bits(column)[n]])
      t.equal(keyOf(column, row), Number.parseInt(turned.join(''), 2))
      t.same([columnIn(keyOf(column, row)), rowIn(keyOf(column, row))], [column, row])
    }),
  )
})

const spans = (side: number) =>
  fc.tuple(fc.nat(side - 1), fc.nat(side - 1)).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)

t.test('the ranges of a box hold its cells and no others', async (t) => {
  const boxes = fc.nat(5).chain((level) =>
    fc.tuple(spans(2 ** level), spans(2 ** level)).map(
      ([[firstColumn, lastColumn], [firstRow, lastRow]]): CellBox => ({
        level,
        firstColumn,
        lastColumn,
        firstRow,
        lastRow,
      }),
    ),
  )
  fc.assert(
    fc.property(boxes, (box) => {
      const held = keyRanges(box).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, n) => first + n),
      )
      t.equal(held.length, sizeOf(box))
      t.equal(new Set(held).size, held.length)
      t.ok(held.every((key) => isWithin(box, columnIn(key), rowIn(key))))
      t.same(
        held,
        [...held].sort((a, b) => a - b),
      )
    }),
  )
})

t.test('a box with a long edge has few ranges, and they hold all of it', async (t) => {
  fc.assert(
    fc.property(spans(131_072), fc.nat(131_071), ([firstColumn, lastColumn], row) => {
      const box = { level: 17, firstColumn, lastColumn, firstRow: row, lastRow: row }
      const ranges = keyRanges(box)
      t.ok(ranges.length <= 1_024)
      for (const column of [firstColumn, lastColumn, Math.floor((firstColumn + lastColumn) / 2)])
        t.ok(ranges.some(([first, last]) => keyOf(column, row) >= first && keyOf(column, row) <= last))
    }),
    { numRuns: 50 },
  )
})

t.test('the cells within a tile are one range', async (t) => {
  for (const tile of [
    { z: 0, x: 0, y: 0 },
    { z: 14, x: 16_383, y: 16_383 },
    { z: 6, x: 31, y: 21 },
  ]) {
    const box = cellsWithin(tile, tile.z + 3)
    t.equal(sizeOf(box), 64)
    const first = keyOf(box.firstColumn, box.firstRow)
    t.same(keyRanges(box), [[first, first + 63]])
  }
})

t.test('a box touches the cells on its edges, and may cross the antimeridian', async (t) => {
  const columns = (west: number, east: number, level: number) =>
    cellsTouching([west, -1, east, 1], level).map(({ firstColumn, lastColumn }) => [firstColumn, lastColumn])
  t.same(columns(-180, 180, 3), [[0, 7]])
  t.same(columns(-180, -180, 3), [[0, 0]])
  t.same(columns(180, 180, 3), [[7, 7]])
  t.same(columns(0, 45, 3), [[4, 5]], 'the west edge of a cell belongs to it')
  t.same(columns(-0.1, 44.9, 3), [[3, 4]])
  t.same(columns(170, -170, 3), [
    [0, 0],
    [7, 7],
  ])
  t.same(columns(10, -10, 3), [[0, 7]], 'nearly all around')
  t.same(columns(10, 5, 3), [[0, 7]], 'no cell twice')
  const [world] = cellsTouching([-180, -90, 180, 90], 9)
  t.same(world, { level: 9, firstColumn: 0, lastColumn: 511, firstRow: 0, lastRow: 511 })
  t.same(boundsOfCell(1, 1, 0), [0, 0, 180, 85.05112877980659])
})
