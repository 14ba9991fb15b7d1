import { type Db, row, rows } from '../prisma/client.ts'
import type { BoundingBox } from './areas.ts'
import { PUBLISHED } from './case-filter.ts'
import { boundsOfCell, columnIn, rowIn } from './map-cells.ts'
import { ON_THE_MAP } from './organisation-figures.ts'

/** A box that holds all places, and when the first and the last was; what nothing is known of is absent. */
export type MapExtent = { bbox?: BoundingBox; from?: string; to?: string }

/** Where and when the published cases are that stand somewhere: the box is of the map's cells, up to 80 kilometres larger than need be. */
export async function caseExtent(db: Db): Promise<MapExtent> {
  const [cells, times] = await Promise.all([
    rows<{ place: number }>(db.pool, CELLS_WITH_CASES, [LEVEL], 'cells-with-cases'),
    row<{ from: string | null; to: string | null }>(db.pool, FIRST_AND_LAST, [], 'first-and-last-case'),
  ])
  return {
    ...(cells.length > 0 && { bbox: boxOf(cells.map(({ place }) => place)) }),
    ...(times?.from && { from: times.from }),
    ...(times?.to && { to: times.to }),
  }
}

/** Where the organisations on the map are; they have no time. */
export async function organisationExtent(db: Db): Promise<MapExtent> {
  const found = await row<{ west: number | null; south: number; east: number; north: number }>(
    db.pool,
    `select min(o.longitude) as west, min(o.latitude) as south, max(o.longitude) as east, max(o.latitude) as north
     from organisations o where ${ON_THE_MAP}`,
    [],
    'organisation-extent',
  )
  if (found === undefined || found.west === null) return {}
  return { bbox: [found.west, found.south, found.east, found.north] }
}

// Cells of two thirds of a degree.
const LEVEL = 9

// From one cell to the next along the key, past all the counts that each of them has.
const CELLS_WITH_CASES = `
  with recursive cell(place) as (
    (select place from case_counts where scope = $1::smallint and n > 0 order by place limit 1)
    union all
    select (select k.place from case_counts k
            where k.scope = $1::smallint and k.place > cell.place and k.n > 0 order by k.place limit 1)
    from cell where cell.place is not null)
  select place from cell where place is not null`

// Keys are in the order of the reports to the second (see the migration); the sequence within one is not.
const FIRST_AND_LAST = `
  select
    (select utc(min(c.reported_at)) from cases c
     where ${PUBLISHED} and c.pt is not null and c.id < ((first.id >> 22) + 1) << 22) as "from",
    (select utc(max(c.reported_at)) from cases c
     where ${PUBLISHED} and c.pt is not null and c.id >= (last.id >> 22) << 22) as "to"
  from (select c.id from cases c where ${PUBLISHED} and c.pt is not null order by c.id limit 1) as first,
    (select c.id from cases c where ${PUBLISHED} and c.pt is not null order by c.id desc limit 1) as last`

function boxOf(places: readonly number[]): BoundingBox {
  const columns = rangeOf(places.map(columnIn))
  const mapRows = rangeOf(places.map(rowIn))
  const [west, , , north] = boundsOfCell(LEVEL, columns.first, mapRows.first)
  const [, south, east] = boundsOfCell(LEVEL, columns.last, mapRows.last)
  // The cells at the upper and the lower edge of the map go to the poles.
  return [
    outward(west, Math.floor),
    mapRows.last === 2 ** LEVEL - 1 ? -90 : outward(south, Math.floor),
    outward(east, Math.ceil),
    mapRows.first === 0 ? 90 : outward(north, Math.ceil),
  ]
}

function rangeOf(numbers: readonly number[]): { first: number; last: number } {
  return numbers.reduce(({ first, last }, n) => ({ first: Math.min(first, n), last: Math.max(last, n) }), {
    first: Number.POSITIVE_INFINITY,
    last: Number.NEGATIVE_INFINITY,
  })
}

function outward(degrees: number, round: (n: number) => number): number {
  return round(degrees * 1e4) / 1e4
}
