import { countedLevels, LAST_LEVEL } from '../domain/case-index.ts'
import { CELLS_BELOW } from '../domain/clusters.ts'
import { cellsWithin, coarseRanges } from '../domain/map-cells.ts'
import { MOST_CASES, type TileAddress } from '../domain/tiles.ts'
import { type Db, row } from '../prisma/client.ts'

/** The rows of which a tile is made, its cells and its cases, as arrays and not encoded. */
export async function rowsOfTile({ pool }: Db, tile: TileAddress): Promise<unknown> {
  const level = tile.z + CELLS_BELOW
  const counted = countedLevels.includes(level) ? level : level + 1
  const [range = [0, 0]] = coarseRanges(cellsWithin(tile, tile.z), counted)
  const cells = await row<{ counts: number[] | null }>(
    pool,
    `select array_agg(place) as places, array_agg(status) as statuses, array_agg(n) as counts, array_agg(x) as x, array_agg(y) as y
     from (select place >> $4 as place, status, sum(n)::int as n, sum(x)::float8 as x, sum(y)::float8 as y from place_counts
           where scope = $1 and place between $2 and $3 and n > 0 group by 1, status) as cells`,
    [counted, ...range, 2 * (counted - level)],
    'rows-of-cells',
  )
  const count = (cells?.counts ?? []).reduce((sum, n) => sum + n, 0)
  if (count === 0 || count > MOST_CASES) return cells
  const [stretch = [0, 0]] = coarseRanges(cellsWithin(tile, tile.z), LAST_LEVEL)
  const cases = await row(
    pool,
    `select array_agg(c.reference) as reference, array_agg(c.kind) as kind, array_agg(c.category_code) as category,
       array_agg(c.status) as status, array_agg(o.code) as organisation, array_agg(c.pt[0]) as x, array_agg(c.pt[1]) as y
     from cases c join organisations o on o.id = c.organisation_id
     where c.publication = 'published' and c.privacy <> 'private' and map_cell(c.pt) between $1 and $2`,
    [...stretch],
    'rows-of-cases',
  )
  return [cells, cases]
}
