import type { BoundingBox } from './areas.ts'

/*
 * The map's cells: in Web Mercator the world is a square, cut into 2^level columns (from the west) and as many rows (from
 * the north). A cell has its west and north edge and not the other two, so a place stands in exactly one. Its key is the
 * bits of column and row in turn (Morton order), so what lies in a cell of a lower level is one range of keys.
 */

/** Some cells of one level: the columns and rows from the first to the last, both with them. */
export type CellBox = {
  level: number
  firstColumn: number
  lastColumn: number
  firstRow: number
  lastRow: number
}

export type Edges = { west: number; north: number; east: number; south: number }

/** Keys from the first to the last, both with them. */
export type KeyRange = readonly [first: number, last: number]

/** The cells that a box touches: in one piece, or in two where it crosses the antimeridian. */
export function cellsTouching([west, south, east, north]: BoundingBox, level: number): CellBox[] {
  const last = 2 ** level - 1
  const rows = { level, firstRow: rowOf(north, level), lastRow: rowOf(south, level) }
  const [first, end] = [columnOf(west, level), columnOf(east, level)]
  if (west <= east) return [{ ...rows, firstColumn: first, lastColumn: end }]
  if (first <= end + 1) return [{ ...rows, firstColumn: 0, lastColumn: last }]
  return [
    { ...rows, firstColumn: 0, lastColumn: end },
    { ...rows, firstColumn: first, lastColumn: last },
  ]
}

/** The cells of `level` within one cell of a lower level. */
export function cellsWithin({ z, x, y }: { z: number; x: number; y: number }, level: number): CellBox {
  const side = 2 ** (level - z)
  return {
    level,
    firstColumn: x * side,
    lastColumn: (x + 1) * side - 1,
    firstRow: y * side,
    lastRow: (y + 1) * side - 1,
  }
}

/** The edges of some cells as parts of the map. What stands on the edge of the map is in its last cells, wherever rounding has put it. */
export function edgesOf({ level, firstColumn, lastColumn, firstRow, lastRow }: CellBox): Edges {
  const side = 2 ** level
  const from = (cell: number) => (cell === 0 ? -1 : cell / side)
  const to = (cell: number) => (cell === side - 1 ? 2 : (cell + 1) / side)
  return { west: from(firstColumn), north: from(firstRow), east: to(lastColumn), south: to(lastRow) }
}

/** How many cells there are in it. */
export function sizeOf({ firstColumn, lastColumn, firstRow, lastRow }: CellBox): number {
  return (lastColumn - firstColumn + 1) * (lastRow - firstRow + 1)
}

/** Whether a cell of its level is in it. */
export function isWithin(box: CellBox, column: number, row: number): boolean {
  return column >= box.firstColumn && column <= box.lastColumn && row >= box.firstRow && row <= box.lastRow
}

/**
 * Ranges of keys that hold every cell of a box, in their order and with a gap between. Of a box with a long edge, where
 * there would be thousands, they hold some cells beside it too.
 */
export function keyRanges(box: CellBox): KeyRange[] {
  const edge = box.lastColumn - box.firstColumn + box.lastRow - box.firstRow + 2
  const smallest = 2 ** Math.max(0, Math.ceil(Math.log2(edge / MOST_PIECES)))
  const ranges: KeyRange[] = []
  cut(box, { column: 0, row: 0, side: 2 ** box.level }, smallest, ranges)
  return ranges
}

/**
 * A few ranges of keys at the finest level that hold all of a box, and some beside it: for an index to look in. Of a
 * box of one cell it is that cell.
 */
export function coarseRanges(box: CellBox, finest: number): KeyRange[] {
  let held = box
  while (sizeOf(held) > MOST_COARSE && held.level > 0) {
    held = {
      level: held.level - 1,
      firstColumn: held.firstColumn >> 1,
      lastColumn: held.lastColumn >> 1,
      firstRow: held.firstRow >> 1,
      lastRow: held.lastRow >> 1,
    }
  }
  const size = 4 ** (finest - held.level)
  return keyRanges(held).map(([first, last]) => [first * size, (last + 1) * size - 1])
}

/** The key of a cell. */
export function keyOf(column: number, row: number): number {
  return spread(column) + 2 * spread(row)
}

/** The column of a cell. */
export function columnIn(key: number): number {
  return gathered(key)
}

/** The row of a cell. */
export function rowIn(key: number): number {
  return gathered(Math.floor(key / 2))
}

/** The column or row in which a place of the map is, from 0 to 1 of it. */
export function cellAt(part: number, level: number): number {
  const side = 2 ** level
  return Math.max(0, Math.min(side - 1, Math.floor(part * side)))
}

/** Where a longitude is on the map, from the west. */
export function eastOf(longitude: number): number {
  return (longitude + 180) / 360
}

/** Where a latitude is on the map, from the north. */
export function southOf(latitude: number): number {
  const shown = Math.max(-LAST_LATITUDE, Math.min(LAST_LATITUDE, latitude))
  const sine = Math.sin((shown * Math.PI) / 180)
  return 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)
}

/** The degrees of a place of the map. */
export function longitudeOf(x: number): number {
  return x * 360 - 180
}

/** The degrees of a place of the map. */
export function latitudeOf(y: number): number {
  return (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI
}

/** West, south, east, north of a cell. */
export function boundsOfCell(level: number, column: number, row: number): BoundingBox {
  const side = 2 ** level
  return [
    longitudeOf(column / side),
    latitudeOf((row + 1) / side),
    longitudeOf((column + 1) / side),
    latitudeOf(row / side),
  ]
}

const MOST_PIECES = 512
const MOST_COARSE = 64
// Where the square ends; what is nearer to a pole stands at its edge.
const LAST_LATITUDE = 85.05112878

type Square = { column: number; row: number; side: number }

function cut(box: CellBox, { column, row, side }: Square, smallest: number, ranges: KeyRange[]): void {
  const lastColumn = column + side - 1
  const lastRow = row + side - 1
  if (column > box.lastColumn || lastColumn < box.firstColumn || row > box.lastRow || lastRow < box.firstRow)
    return
  if (side <= smallest || (isWithin(box, column, row) && isWithin(box, lastColumn, lastRow))) {
    addRange(ranges, keyOf(column, row), side * side)
    return
  }
  const half = side / 2
  for (const [right, down] of QUARTERS)
    cut(box, { column: column + right * half, row: row + down * half, side: half }, smallest, ranges)
}

// In the order of their keys.
const QUARTERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const

function addRange(ranges: KeyRange[], first: number, length: number): void {
  const before = ranges.at(-1)
  if (before !== undefined && before[1] + 1 === first)
    ranges[ranges.length - 1] = [before[0], first + length - 1]
  else ranges.push([first, first + length - 1])
}

function columnOf(longitude: number, level: number): number {
  return cellAt(eastOf(longitude), level)
}

function rowOf(latitude: number, level: number): number {
  return cellAt(southOf(latitude), level)
}

const HIGH = 2 ** 32

// The bits of a number of up to 17 bits, each with a 0 before it. The 17th falls outside of what shifts can hold.
function spread(n: number): number {
  let bits = n & 0xffff
  bits = (bits | (bits << 8)) & 0x00ff00ff
  bits = (bits | (bits << 4)) & 0x0f0f0f0f
  bits = (bits | (bits << 2)) & 0x33333333
  bits = (bits | (bits << 1)) & 0x55555555
  return bits + (n > 0xffff ? HIGH : 0)
}

// Every other bit, from the lowest.
function gathered(key: number): number {
  let bits = key & 0x55555555
  bits = (bits | (bits >>> 1)) & 0x33333333
  bits = (bits | (bits >>> 2)) & 0x0f0f0f0f
  bits = (bits | (bits >>> 4)) & 0x00ff00ff
  bits = (bits | (bits >>> 8)) & 0x0000ffff
  return bits + (Math.floor(key / HIGH) % 2 === 1 ? 0x10000 : 0)
}
