import { type CaseStatus, type Db, row } from '../prisma/client.ts'
import {
  type CaseFilter,
  conditionsOf,
  PUBLISHED,
  type ResolvedFilter,
  resolveFilter,
  wordsCondition,
} from './case-filter.ts'
import { LAST_LEVEL } from './case-index.ts'
import { closedStatuses, openStatuses } from './case-rules.ts'
import { CELLS_BELOW, type CellFilter, type Cluster, countCells } from './clusters.ts'
import { invalid } from './errors.ts'
import { cellAt, cellsWithin, coarseRanges, eastOf, edgesOf, keyOf, southOf } from './map-cells.ts'
import { EXTENT, encodeTile, type PointLayer } from './mvt.ts'
import { FIGURES_JOIN, ON_THE_MAP } from './organisation-figures.ts'
import { FIGURES_AS_OF } from './public-figures-as-of.ts'
import { joined } from './sql-conditions.ts'

/** A tile: its zoom, its column from the west and its row from the north. */
export type TileAddress = { z: number; x: number; y: number }

/** A tile has its cases one by one unless there are more. */
export const MOST_CASES = 1_000
/** And its organisations. */
export const MOST_ORGANISATIONS = 5_000
const ORGANISATIONS_FROM = 6
export const LAST_ZOOM = 14

const statuses: readonly CaseStatus[] = [...openStatuses, ...closedStatuses]

/** What a tile can have; whoever draws it reads here which fields there are. */
export type TileLayer = {
  id: string
  description: string
  minzoom: number
  fields: Readonly<Record<string, 'String' | 'Number'>>
}

export const tileLayers: readonly TileLayer[] = [
  {
    id: 'clusters',
    description: 'Cells, eight by eight in a tile, with the number of their cases.',
    minzoom: 0,
    fields: {
      count: 'Number',
      open: 'Number',
      closed: 'Number',
      ...Object.fromEntries(statuses.map((status) => [statusField(status), 'Number' as const])),
    },
  },
  {
    id: 'cases',
    description: `The cases, in a tile of at most ${MOST_CASES}.`,
    minzoom: 0,
    fields: {
      reference: 'String',
      kind: 'String',
      category: 'String',
      status: 'String',
      organisation: 'String',
    },
  },
  {
    id: 'organisations',
    description: `Organisations with figures of their cases, in a tile without a filter and of at most ${MOST_ORGANISATIONS}; a figure from 1 to 4 is left out.`,
    minzoom: ORGANISATIONS_FROM,
    fields: {
      code: 'String',
      name: 'String',
      kind: 'String',
      open: 'Number',
      closed: 'Number',
      overdue: 'Number',
      asOf: 'String',
    },
  },
]

/** The vector tile of the published cases of a filter; no bytes when nothing stands there. Throws `validation_failed` for a tile that its zoom does not have. */
export async function drawTile(db: Db, tile: TileAddress, filter: CellFilter): Promise<Buffer> {
  checkTile(tile)
  const resolved = await resolveFilter(db, filter)
  const [counted, organisations] = await Promise.all([
    countCells(db, resolved, [cellsWithin(tile, tile.z + CELLS_BELOW)]),
    tile.z >= ORGANISATIONS_FROM && isEverything(filter) ? organisationsLayer(db, tile) : undefined,
  ])
  const count = counted.clusters.reduce((all, cluster) => all + cluster.count, 0)
  const cases = count > 0 && count <= MOST_CASES ? await casesLayer(db, tile, resolved) : undefined
  const layers = [clustersLayer(tile, counted.clusters), cases, organisations]
  return encodeTile(layers.filter((layer) => layer !== undefined))
}

function checkTile({ z, x, y }: TileAddress): void {
  const last = 2 ** z - 1
  const outside = [x > last ? '/x' : undefined, y > last ? '/y' : undefined].filter(
    (one) => one !== undefined,
  )
  if (outside.length === 0) return
  const detail = `At zoom ${z} columns and rows go from 0 to ${last}.`
  throw invalid(...outside.map((pointer) => ({ in: 'path' as const, pointer, code: 'no_such_tile', detail })))
}

function isEverything(filter: CaseFilter): boolean {
  return Object.values(filter).every((value) => value === undefined)
}

function statusField(status: CaseStatus): string {
  return `status_${status}`
}

function clustersLayer({ z, x, y }: TileAddress, clusters: readonly Cluster[]): PointLayer {
  const side = 2 ** z
  return {
    name: 'clusters',
    x: clusters.map((cluster) => unitOf(cluster.x * side - x)),
    y: clusters.map((cluster) => unitOf(cluster.y * side - y)),
    ids: clusters.map(({ column, row }) => keyOf(column, row)),
    fields: {
      count: clusters.map(({ count }) => count),
      open: clusters.map(({ open }) => open),
      closed: clusters.map(({ closed }) => closed),
      ...Object.fromEntries(
        statuses.map((status) => [
          statusField(status),
          clusters.map(({ byStatus }) => byStatus[status] ?? 0),
        ]),
      ),
    },
  }
}

function unitOf(part: number): number {
  return Math.max(0, Math.min(EXTENT - 1, Math.floor(part * EXTENT)))
}

// Undefined where there are too many: written since they were counted, or not counted yet.
async function casesLayer(
  db: Db,
  tile: TileAddress,
  resolved: ResolvedFilter,
): Promise<PointLayer | undefined> {
  const { sql, values } = joined(
    FIRST_OF_FILTER,
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
  )
  const found = await row<{ packed: string | null }>(
    db.pool,
    `select string_agg(concat_ws(',', reference, kind, category_code, status, code, ${unitsOf('pt')}), ',' order by id) as packed
     from (
       select c.id, c.reference, c.kind, c.category_code, c.status, o.code, c.pt
       from cases c join organisations o on o.id = c.organisation_id
       where ${[PUBLISHED, 'map_cell(c.pt) between $1::bigint and $2::bigint', ...sql].join(' and ')}
       limit ${MOST_CASES + 1}) as found`,
    [...placeOf(tile), ...values],
    isEverything(resolved.filter) ? 'tile-cases' : undefined,
  )
  const column = columnsOf(found?.packed ?? null, CASE_FIELDS)
  const x = column(5).map(Number)
  if (x.length > MOST_CASES) return undefined
  return {
    name: 'cases',
    x,
    y: column(6).map(Number),
    fields: {
      reference: column(0),
      kind: column(1),
      category: column(2),
      status: column(3),
      organisation: column(4),
    },
  }
}

const CASE_FIELDS = 7

// Reckoned here, because Mercator in SQL costs more than all the rest of a row.
async function organisationsLayer(db: Db, tile: TileAddress): Promise<PointLayer> {
  const { west, north, east, south } = edgesOf(cellsWithin(tile, tile.z))
  const found = await row<{ packed: string | null; names: string[] | null; asOf: string | null }>(
    db.pool,
    `with placed as materialized (
       select * from organisations o
       where ${ON_THE_MAP} and mercator(o.latitude, o.longitude) <@ box(point($1, $2), point($3, $4))
       limit ${MOST_ORGANISATIONS + 1})
     select string_agg(concat_ws(',', o.code, o.kind, ${figure('open')}, ${figure('closed')}, ${figure('overdue')},
         o.longitude, o.latitude), ',' order by o.id) as packed,
       json_agg(o.name order by o.id) as names, utc((${FIGURES_AS_OF})) as "asOf"
     from placed o ${FIGURES_JOIN} where (select count(*) from placed) <= ${MOST_ORGANISATIONS}`,
    [west - MARGIN, north - MARGIN, east + MARGIN, south + MARGIN],
    'tile-organisations',
  )
  const names = found?.names ?? []
  const column = columnsOf(found?.packed ?? null, ORGANISATION_FIELDS)
  const x = column(5).map((longitude) => eastOf(Number(longitude)))
  const y = column(6).map((latitude) => southOf(Number(latitude)))
  const here = [...names.keys()].filter(
    (n) => cellAt(x[n] as number, tile.z) === tile.x && cellAt(y[n] as number, tile.z) === tile.y,
  )
  const of = <T>(values: readonly T[]): T[] => here.map((n) => values[n] as T)
  const side = 2 ** tile.z
  return {
    name: 'organisations',
    x: of(x).map((east) => unitOf(east * side - tile.x)),
    y: of(y).map((south) => unitOf(south * side - tile.y)),
    fields: {
      code: of(column(0)),
      name: of(names),
      kind: of(column(1)),
      open: of(column(2)).map(said),
      closed: of(column(3)).map(said),
      overdue: of(column(4)).map(said),
      asOf: here.map(() => found?.asOf ?? null),
    },
  }
}

const ORGANISATION_FIELDS = 7
// What rounding has put on the other side of an edge is found all the same.
const MARGIN = 1e-9
const NOT_SAID = '-1'
const figure = (name: string): string => `coalesce(f.${name}, ${NOT_SAID})`
const said = (figure: string): number | null => (figure === NOT_SAID ? null : Number(figure))

const FIRST_OF_FILTER = 6

/** The units of a point in the tile of `placeOf`, from the west and from the north. */
function unitsOf(pt: string): string {
  const units = (axis: 0 | 1, tile: string) =>
    `greatest(0, least(${EXTENT - 1}, floor(((${pt})[${axis}] * $3::float8 - ${tile}::float8) * ${EXTENT})::int))`
  return `${units(0, '$4')}, ${units(1, '$5')}`
}

function placeOf(tile: TileAddress): number[] {
  const { z, x, y } = tile
  const [range = [0, 0]] = coarseRanges(cellsWithin(tile, z), LAST_LEVEL)
  return [...range, 2 ** z, x, y]
}

// Rows that came as one text, by column.
function columnsOf(packed: string | null, fields: number): (field: number) => string[] {
  const values = packed === null ? [] : packed.split(',')
  return (field) => {
    const column = new Array<string>(values.length / fields)
    for (let n = 0; n < column.length; n++) column[n] = values[n * fields + field] as string
    return column
  }
}
