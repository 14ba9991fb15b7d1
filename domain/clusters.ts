import { CaseKind, type CaseStatus, type Db, row } from '../prisma/client.ts'
import { type Area, type BoundingBox, checkedArea, type Place } from './areas.ts'
import {
  type CaseFilter,
  conditionsOf,
  PUBLISHED,
  type ResolvedFilter,
  resolveFilter,
  wordsCondition,
} from './case-filter.ts'
import { countedLevels, LAST_LEVEL } from './case-index.ts'
import { isClosed } from './case-rules.ts'
import { invalid } from './errors.ts'
import {
  boundsOfCell,
  type CellBox,
  cellsTouching,
  coarseRanges,
  columnIn,
  edgesOf,
  isWithin,
  keyRanges,
  latitudeOf,
  longitudeOf,
  rowIn,
  sizeOf,
} from './map-cells.ts'
import { type Conditions, conditionsFrom, joined } from './sql-conditions.ts'

/** What cells are counted by; where they are is asked for apart. */
export type CellFilter = Omit<CaseFilter, keyof Area>

/** The published cases of one cell. */
export type Cluster = {
  column: number
  row: number
  count: number
  open: number
  closed: number
  byStatus: Partial<Record<CaseStatus, number>>
  /** The middle of where they stand: Web Mercator from 0 to 1, from the west and from the north. */
  x: number
  y: number
}

export type Clusters = {
  clusters: Cluster[]
  /** Only the newest cases were counted. */
  capped: boolean
}

/** A cluster with where it is in degrees, to six decimals. */
export type ClusterOnMap = Cluster & { level: number; place: Place; bounds: BoundingBox }

/** A tile of a zoom has eight cells by eight. */
export const CELLS_BELOW = 3
/** More cases than this are not counted one by one. */
export const MOST_COUNTED = 100_000
const MOST_CELLS = 2 ** 18

/** The clusters of a zoom in all cells that a box touches, or in the whole world. Throws `validation_failed` for a box of too many cells. */
export async function listClusters(
  db: Db,
  { filter, zoom, bbox }: { filter: CellFilter; zoom: number; bbox?: BoundingBox | undefined },
): Promise<{ clusters: ClusterOnMap[]; capped: boolean }> {
  const level = zoom + CELLS_BELOW
  const boxes = cellsTouching(checkedArea({ bbox }).bbox ?? WORLD, level)
  const cells = boxes.reduce((all, box) => all + sizeOf(box), 0)
  if (cells > MOST_CELLS) {
    throw invalid({
      in: 'query',
      pointer: bbox === undefined ? '/zoom' : '/bbox',
      code: 'too_many_cells',
      detail: `At zoom ${zoom} that is ${cells} cells, and at most ${MOST_CELLS} are told at once: give a smaller box or a lower zoom.`,
    })
  }
  const { clusters, capped } = await countCells(db, await resolveFilter(db, filter), boxes)
  return { clusters: clusters.map((cluster) => onMap(level, cluster)), capped }
}

/** The clusters in some cells, all of one level. */
export async function countCells(
  db: Db,
  resolved: ResolvedFilter,
  boxes: readonly CellBox[],
): Promise<Clusters> {
  return isKept(resolved.filter) ? keptCounts(db, resolved.filter, boxes) : liveCounts(db, resolved, boxes)
}

function onMap(level: number, cluster: Cluster): ClusterOnMap {
  const [west, south, east, north] = boundsOfCell(level, cluster.column, cluster.row)
  return {
    ...cluster,
    level,
    place: [rounded(longitudeOf(cluster.x)), rounded(latitudeOf(cluster.y))],
    bounds: [rounded(west), rounded(south), rounded(east), rounded(north)],
  }
}

// About a tenth of a metre.
function rounded(degrees: number): number {
  return Math.round(degrees * 1e6) / 1e6
}

const WORLD: BoundingBox = [-180, -90, 180, 90]

// What the counts that are kept ready tell apart.
const KEPT: ReadonlySet<string> = new Set(['kind', 'category', 'status'] satisfies (keyof CellFilter)[])

/** Whether the counts that are kept ready have what the filter asks for. */
function isKept(filter: CellFilter): boolean {
  return Object.entries(filter).every(([name, value]) => value === undefined || KEPT.has(name))
}

async function keptCounts(db: Db, filter: CellFilter, boxes: readonly CellBox[]): Promise<Clusters> {
  const level = levelOf(boxes)
  // Where a level is not counted, four cells of the next are one of it.
  const finer = countedLevels.includes(level) ? 0 : 1
  const ranges = boxes.flatMap(keyRanges)
  const { conditions, add } = conditionsFrom(4)
  // Who names every kind leaves out nothing.
  const kinds = Object.values(CaseKind).every((kind) => filter.kind?.includes(kind)) ? undefined : filter.kind
  if (kinds) add((p) => `k.kind = any(${p}::case_kind[])`, kinds)
  if (filter.category) add((p) => `k.category_code = any(${p}::text[])`, filter.category)
  if (filter.status) add((p) => `k.status = any(${p}::case_status[])`, filter.status)
  const table = kinds || filter.category ? 'case_counts' : 'place_counts'
  const shape = [kinds && 'kind', filter.category && 'category', filter.status && 'status']
  const found = await row<{ packed: string | null }>(
    db.pool,
    `select ${PACKED} from (
       select k.place >> ${2 * finer} as place, k.status, sum(k.n) as n, sum(k.x) as x, sum(k.y) as y
       from unnest($2::bigint[], $3::bigint[]) as range(first, last)
       -- Kept apart, so that each range is looked up by the index whatever the planner thinks of their number.
       cross join lateral (
         select * from ${table} k
         where ${['k.scope = $1::smallint', 'k.place between range.first and range.last', 'k.n > 0', ...conditions.sql].join(' and ')}
         offset 0) as k
       group by 1, k.status) as cells`,
    [
      level + finer,
      ranges.map(([first]) => first * 4 ** finer),
      ranges.map(([, last]) => (last + 1) * 4 ** finer - 1),
      ...conditions.values,
    ],
    [finer === 0 ? 'clusters' : 'clusters-of-four', ...shape.filter((one) => one !== undefined)].join('-'),
  )
  return { clusters: unpacked(found?.packed ?? null, boxes), capped: false }
}

async function liveCounts(db: Db, resolved: ResolvedFilter, boxes: readonly CellBox[]): Promise<Clusters> {
  const level = levelOf(boxes)
  const last = 2 ** level - 1
  const { sql, values } = joined(
    3,
    (first) => standingIn(boxes, first),
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
  )
  const cell = (axis: 0 | 1) => `greatest(0, least(${last}, floor(pt[${axis}] * ${last + 1})::int))`
  const middle = (cells: string) => `(${cells} + 0.5) / ${last + 1}`
  const found = await row<{ packed: string | null; capped: boolean }>(
    db.pool,
    `with newest as materialized (
       select c.pt, c.status from cases c where ${[PUBLISHED, 'c.latitude is not null', ...sql].join(' and ')}
       order by c.id desc limit $1::int)
     select (select count(*) from newest) >= $1::int as capped, ${PACKED} from (
       select map_cell(point(${middle('map_column')}, ${middle('map_row')})) >> ${2 * (LAST_LEVEL - level)} as place,
         status, n, x, y
       from (
         select ${cell(0)} as map_column, ${cell(1)} as map_row, status, count(*) as n,
           sum(floor(pt[0] * ${UNITS})::bigint) as x, sum(floor(pt[1] * ${UNITS})::bigint) as y
         from (select * from newest limit $2::int) as counted
         group by map_column, map_row, status) as counts) as cells`,
    [MOST_COUNTED + 1, MOST_COUNTED, ...values],
  )
  return { clusters: unpacked(found?.packed ?? null, boxes), capped: found?.capped ?? false }
}

// As `case_counts` has them.
const UNITS = 2 ** 30

// One text for all: fewest values for the driver to make objects of.
const PACKED = `string_agg(concat_ws(',', place, status, n, x, y), ',' order by place, status) as packed`
const PACKED_FIELDS = 5

// Ranges of keys and the edges of boxes may have brought cells beside those asked for.
function unpacked(packed: string | null, boxes: readonly CellBox[]): Cluster[] {
  const values = packed === null ? [] : packed.split(',')
  const clusters: Cluster[] = []
  let place = -1
  let wanted = false
  for (let n = 0; n < values.length; n += PACKED_FIELDS) {
    const key = Number(values[n])
    if (key !== place) {
      place = key
      const [column, row] = [columnIn(key), rowIn(key)]
      wanted = boxes.some((box) => isWithin(box, column, row))
      if (wanted) clusters.push({ column, row, count: 0, open: 0, closed: 0, byStatus: {}, x: 0, y: 0 })
    }
    if (wanted) addTo(clusters.at(-1) as Cluster, values, n)
  }
  for (const cluster of clusters) {
    cluster.x /= cluster.count * UNITS
    cluster.y /= cluster.count * UNITS
  }
  return clusters
}

function addTo(cluster: Cluster, values: readonly string[], n: number): void {
  const status = values[n + 1] as CaseStatus
  const count = Number(values[n + 2])
  cluster.count += count
  cluster[isClosed(status) ? 'closed' : 'open'] += count
  cluster.byStatus[status] = count
  cluster.x += Number(values[n + 3])
  cluster.y += Number(values[n + 4])
}

// The index of cells finds what stands in small boxes; of large ones it would bring nearly everything, and to reckon the
// cell of every case costs more than to look where it stands. That is a case expression because the planner takes it for
// half of the cases, and each of four comparisons for a third.
const SMALL = 1 / 64

function standingIn(boxes: readonly CellBox[], first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  for (const box of boxes) {
    if (!boxes.every(isSmall)) {
      const { west, north, east, south } = edgesOf(box)
      add(
        (w, n, e, s) =>
          `case when c.pt[0] >= ${w}::float8 and c.pt[1] >= ${n}::float8 and c.pt[0] < ${e}::float8 and c.pt[1] < ${s}::float8 then true end`,
        ...[west, north, east, south],
      )
    } else {
      for (const range of coarseRanges(box, LAST_LEVEL))
        add((from, to) => `map_cell(c.pt) between ${from}::bigint and ${to}::bigint`, ...range)
    }
  }
  return { sql: [`(${conditions.sql.join(' or ')})`], values: conditions.values }
}

function isSmall({ level, firstColumn, lastColumn, firstRow, lastRow }: CellBox): boolean {
  return Math.max(lastColumn - firstColumn, lastRow - firstRow) < SMALL * 2 ** level
}

function levelOf(boxes: readonly CellBox[]): number {
  return boxes[0]?.level ?? 0
}
