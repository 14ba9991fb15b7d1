import { type Db, row, rows } from '../prisma/client.ts'
import { isArea } from './areas.ts'
import { type CaseFilter, type ResolvedFilter, resolveFilter } from './case-filter.ts'
import { SCOPE } from './case-index.ts'
import { keysOf } from './case-keys.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/** By what cases can be counted. */
export const facetNames = [
  'status',
  'kind',
  'category',
  'organisation',
  'region',
  'source',
  'language',
  'tag',
  'month',
] as const
export type FacetName = (typeof facetNames)[number]

/** One value, as a filter takes it. */
export type FacetValue = { value: string; count: number }

export type CaseCounts = {
  total: number
  /** Not all were counted: there are at least `total`, and facets that are not kept ready are of the newest 10,000. */
  capped: boolean
  facets: Partial<Record<FacetName, FacetValue[]>>
}

const MOST_COUNTED = 10_000
const MOST_VALUES = 20

/**
 * How many published cases a filter selects, and how many of them there are by each value of `by`. By organisation,
 * region, kind, category and status the numbers are kept ready and exact; by anything else up to 10,000 are counted.
 */
export async function countCases(db: Db, filter: CaseFilter, by: readonly FacetName[]): Promise<CaseCounts> {
  const resolved = await resolveFilter(db, filter)
  if (!isKeptReady(resolved)) return countFound(db, resolved, by)
  const ready = by.filter((name) => name in READY_FACETS) as ReadyFacet[]
  const others = by.filter((name) => !(name in READY_FACETS))
  const [total, facets, found] = await Promise.all([
    readyTotal(db, resolved),
    Promise.all(ready.map(async (name) => [name, await readyFacet(db, resolved, name)] as const)),
    others.length === 0 ? undefined : countFound(db, resolved, others),
  ])
  return {
    total,
    capped: found?.capped ?? false,
    facets: { ...Object.fromEntries(facets), ...found?.facets },
  }
}

/** How many published cases a filter selects that stand somewhere, where that number is kept ready; undefined elsewhere. */
export async function countPlacedIfReady(db: Db, resolved: ResolvedFilter): Promise<number | undefined> {
  if (!isKeptReady(resolved) || resolved.organisationIds !== undefined) return undefined
  const { sql, values } = readyConditions(resolved.filter, 1)
  const found = await row<{ n: number }>(
    db.pool,
    `select coalesce(sum(n), 0)::int as n from case_counts k where ${['k.scope = 3', ...sql].join(' and ')}`,
    values,
  )
  return found?.n
}

// What `case_counts` has the columns for.
function isKeptReady({ filter, words }: ResolvedFilter): boolean {
  const { source, language, reportedFrom, reportedTo, radius } = filter
  const others = [words, source, language, reportedFrom, reportedTo, radius]
  return !isArea(filter) && others.every((one) => one === undefined)
}

function readyConditions({ kind, category, status }: CaseFilter, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (kind) add((p) => `k.kind = any(${p}::case_kind[])`, kind)
  if (category) add((p) => `k.category_code = any(${p}::text[])`, category)
  if (status) add((p) => `k.status = any(${p}::case_status[])`, status)
  return conditions
}

function scopeConditions({ filter, organisationIds }: ResolvedFilter, byOrganisation = false): Conditions {
  const { conditions, add } = conditionsFrom(1)
  add((p) => `k.scope = ${p}::smallint`, organisationIds || byOrganisation ? SCOPE.organisation : SCOPE.all)
  if (organisationIds) add((p) => `k.place = any(${p}::bigint[])`, organisationIds)
  const more = readyConditions(filter, 1 + conditions.values.length)
  return { sql: [...conditions.sql, ...more.sql, 'k.n > 0'], values: [...conditions.values, ...more.values] }
}

async function readyTotal(db: Db, resolved: ResolvedFilter): Promise<number> {
  const { sql, values } = scopeConditions(resolved)
  const found = await row<{ n: number }>(
    db.pool,
    `select coalesce(sum(k.n), 0)::int as n from case_counts k where ${sql.join(' and ')}`,
    values,
  )
  return found?.n ?? 0
}

// Region is a matter of the organisation, or of what it belongs to, as in the filter.
const READY_FACETS = {
  status: { value: 'k.status::text', join: '', limit: '' },
  kind: { value: 'k.kind::text', join: '', limit: '' },
  category: { value: 'k.category_code', join: '', limit: '' },
  organisation: {
    value: 'o.code',
    join: 'join organisations o on o.id = k.place',
    limit: `limit ${MOST_VALUES}`,
  },
  region: {
    value: 'o.region',
    join: `join (
      with recursive here(id, region) as (
        select id, region from organisations where region is not null
        union all
        select o.id, here.region from organisations o join here on o.parent_id = here.id where o.region is null)
      select id, region from here) o on o.id = k.place`,
    limit: '',
  },
} as const
type ReadyFacet = keyof typeof READY_FACETS

async function readyFacet(db: Db, resolved: ResolvedFilter, name: ReadyFacet): Promise<FacetValue[]> {
  const { value, join, limit } = READY_FACETS[name]
  const { sql, values } = scopeConditions(resolved, join !== '')
  return rows<FacetValue>(
    db.pool,
    `select ${value} as value, sum(k.n)::int as count from case_counts k ${join} where ${sql.join(' and ')}
     group by 1 order by 2 desc, 1 ${limit}`,
    values,
  )
}

/** SQL for the facets of `found`, the cases `c` that were counted. */
const COUNTED_FACETS: Record<FacetName, { value: string; from?: string; order?: string; most?: number }> = {
  status: { value: 'c.status::text' },
  kind: { value: 'c.kind::text' },
  category: { value: 'c.category_code' },
  organisation: {
    value: 'o.code',
    from: 'join organisations o on o.id = c.organisation_id',
    most: MOST_VALUES,
  },
  region: { value: 'o.region', from: READY_FACETS.region.join.replace('k.place', 'c.organisation_id') },
  source: { value: 's.name', from: 'join sources s on s.id = c.source_id', most: MOST_VALUES },
  language: { value: 'c.language' },
  tag: { value: 'tag', from: 'cross join unnest(c.tags) as tag', most: MOST_VALUES },
  month: { value: `to_char(c.reported_at at time zone 'UTC', 'YYYY-MM')`, order: '1 desc' },
}

async function countFound(db: Db, resolved: ResolvedFilter, by: readonly FacetName[]): Promise<CaseCounts> {
  const { text, values } = await keysOf(db, resolved, { wanted: MOST_COUNTED + 1 })
  const facets = by.map((name) => {
    const { value, from = '', order = '2 desc, 1', most = 1_000 } = COUNTED_FACETS[name]
    return `(select coalesce(json_agg(json_build_object('value', value, 'count', count)), '[]') from (
      select ${value} as value, count(*)::int as count from counted join cases c using (id) ${from}
      where ${value} is not null group by 1 order by ${order} limit ${most}) as facet) as "${name}"`
  })
  const found = await row<{ n: number } & Partial<Record<FacetName, FacetValue[]>>>(
    db.pool,
    `with found as materialized (${text}), counted as (select id from found order by id desc limit $1)
     select ${['(select count(*)::int from found) as n', ...facets].join(', ')}`,
    [MOST_COUNTED, ...values],
  )
  const { n = 0, ...counts } = found ?? {}
  return { total: Math.min(n, MOST_COUNTED), capped: n > MOST_COUNTED, facets: counts }
}
