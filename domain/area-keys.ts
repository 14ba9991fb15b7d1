import { type Db, row, rows, type Sql } from '../prisma/client.ts'
import type { BoundingBox } from './areas.ts'
import { type CaseFilter, PUBLISHED } from './case-filter.ts'
import { countedLevels, FIRST_LEVEL, LAST_LEVEL, SCOPE } from './case-index.ts'
import { isClosed } from './case-rules.ts'
import { cellsTouching, coarseRanges, type KeyRange, keyRanges, sizeOf } from './map-cells.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'
import { type Edge, type Order, stagesFrom } from './stages.ts'

/*
 * The newest cases in a box. Where the box has many of all cases, a walk along the keys meets enough of them soon. Where
 * it has few, they stand in few cells of the map, and along the index of cells and keys each has its newest at hand.
 */

/** Whether a walk along the keys meets `wanted` cases of a box and a filter soon enough, by what is counted of them. */
export async function isDense(
  db: Db,
  bounds: BoundingBox,
  filter: CaseFilter,
  wanted: number,
): Promise<boolean> {
  const { level, ranges } = countedOf(bounds)
  const { status, kind, category } = filter
  const counted = kind || category ? 'case_counts' : 'place_counts'
  const { conditions: selected, add } = conditionsFrom(4)
  if (status) add((p) => `k.status = any(${p}::case_status[])`, status)
  if (kind) add((p) => `k.kind = any(${p}::case_kind[])`, kind)
  if (category) add((p) => `k.category_code = any(${p}::text[])`, category)
  const found = await row<{ walked: number; here: number }>(
    db.pool,
    `select
       (select coalesce(sum(k.n), 0)::int from ${counted} k
        where ${[`k.scope = ${SCOPE.all}`, ...walkedConditions(filter, selected.sql)].join(' and ')}) as walked,
       (select coalesce(sum(within.n), 0)::int from unnest($1::bigint[], $2::bigint[]) as r(first, last)
        cross join lateral (
          select sum(k.n) as n from ${counted} k
          where ${['k.scope = $3::smallint', 'k.place between r.first and r.last', ...selected.sql].join(' and ')}) as within) as here`,
    [ranges.map(([first]) => first), ranges.map(([, last]) => last), level, ...selected.values],
  )
  const { walked = 0, here = 0 } = found ?? {}
  const rows = (wanted * walked) / here
  const cost = isFiltered(filter) ? rows * FETCHED : rows
  return here > 0 && cost <= Math.max(MOST_WALKED, 4 * wanted)
}

// The index that a walk goes along has only one category where that is asked for, or only open cases.
function walkedConditions({ status, category }: CaseFilter, selected: readonly string[]): string[] {
  if (category?.length === 1) return selected.filter((one) => one.includes('category_code'))
  return status?.every((one) => !isClosed(one)) ? selected.filter((one) => one.includes('status')) : []
}

/** Whether a filter says more than where: then a walk has to fetch each case, and how common that is makes the plan. */
export function isFiltered({ bbox, near, radius, polygon, ...others }: CaseFilter): boolean {
  return Object.values(others).some((value) => value !== undefined)
}

/** Which cases of a box to look for, as `searchCases` has it. */
export type InBox = {
  bounds: BoundingBox
  order: Order
  after: number | undefined
  wanted: number
  conditions: (first: number) => Conditions
}

/** The keys of the first published cases of a box in their order, by the cells where any stand. */
export async function keysInBox(sql: Sql, inBox: InBox, edge: Edge): Promise<number[]> {
  const cells = await occupiedCells(sql, inBox.bounds)
  if (cells.length === 0) return []
  let found: number[] = []
  for (const { until } of stagesFrom(edge, inBox.order)) {
    found = await lookIn(sql, inBox, cells, until)
    if (found.length >= inBox.wanted) break
  }
  return found
}

// So many rows are walked in a few milliseconds.
const MOST_WALKED = 20_000
const FETCHED = 5
const MOST_COUNTED = 16
function rangesOf(bounds: BoundingBox): KeyRange[] {
  return cellsTouching(bounds, LAST_LEVEL).flatMap((box) => coarseRanges(box, LAST_LEVEL))
}

// The counts of a few cells that hold the box and reach a little beyond it.
function countedOf(bounds: BoundingBox): { level: number; ranges: readonly KeyRange[] } {
  const level =
    countedLevels.findLast((one) => cellsTouching(bounds, one).every((box) => sizeOf(box) <= MOST_COUNTED)) ??
    FIRST_LEVEL
  return { level, ranges: cellsTouching(bounds, level).flatMap(keyRanges) }
}

// From one occupied cell to the next along the index, never over the cases in between.
async function occupiedCells(sql: Sql, bounds: BoundingBox): Promise<number[]> {
  const ranges = rangesOf(bounds)
  const next = (from: string) => `(
    select map_cell(c.pt) from cases c where ${PUBLISHED} and map_cell(c.pt) ${from} order by map_cell(c.pt) limit 1)`
  const found = await rows<{ cell: number }>(
    sql,
    `select o.cell from unnest($1::bigint[], $2::bigint[]) as r(first, last)
     cross join lateral (
       with recursive occupied(cell) as (
         select ${next('>= r.first')}
         union all
         select ${next('> occupied.cell')} from occupied where occupied.cell <= r.last)
       select cell from occupied where cell <= r.last) as o`,
    [ranges.map(([first]) => first), ranges.map(([, last]) => last)],
    'occupied-cells',
  )
  return found.map(({ cell }) => cell)
}

// Bounds of cell and key together leave the planner no other index: by an equal cell alone it takes the one of the keys, and
// reads all cases for each cell. What is said `is true` reminds it of none.
async function lookIn(
  sql: Sql,
  { order, after, wanted, conditions }: InBox,
  cells: readonly number[],
  until: number | undefined,
): Promise<number[]> {
  const { sql: where, values } = conditions(5)
  const newest = order === 'newest'
  const [from, to] = newest ? [after ?? AFTER_ALL, until ?? 0] : [after ?? BEFORE_ALL, until ?? AFTER_ALL]
  const key = '(map_cell(c.pt), c.id)'
  const direction = newest ? 'desc' : 'asc'
  const found = await rows<{ id: number }>(
    sql,
    `select first.id from unnest($1::bigint[]) as cell(key)
     cross join lateral (
       select c.id from cases c
       where ${key} ${newest ? '<' : '>'} (cell.key, $2::bigint) and ${key} ${newest ? '>=' : '<='} (cell.key, $3::bigint)
         and ${PUBLISHED} and (${where.join(' and ')}) is true
       order by map_cell(c.pt) ${direction}, c.id ${direction} limit $4::int) as first
     order by first.id ${direction} limit $4::int`,
    [cells, from, to, wanted, ...values],
  )
  return found.map(({ id }) => id)
}

const AFTER_ALL = 2 ** 53 - 1
const BEFORE_ALL = -1
