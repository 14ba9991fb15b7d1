import { type Db, inTransaction, type OrganisationKind, row } from '../prisma/client.ts'
import { areaConditions, type BoundingBox } from './areas.ts'
import { PUBLISHED } from './case-filter.ts'
import { openStatuses } from './case-rules.ts'
import { readCursor, writeCursor } from './cursors.ts'
import { noteDataChange } from './data-version.ts'
import { jsonObject } from './json-sql.ts'
import { addBox } from './organisation-places.ts'
import { inRegions, organisationTree } from './organisations.ts'
import type { JsonPage } from './public-cases.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/** Which organisations stand on a map; what is given all holds. */
export type OrganisationFeatureFilter = {
  bbox?: BoundingBox | undefined
  /** ODS codes; what belongs to them is meant too. */
  organisation?: readonly string[] | undefined
  region?: readonly string[] | undefined
  kind?: readonly OrganisationKind[] | undefined
  /** Only this one, by its code as it is filed. */
  code?: string | undefined
}

export type OrganisationFeatureListing = {
  filter: OrganisationFeatureFilter
  after?: string | undefined
  limit: number
  publicUrl: string
}

/** Numbers smaller than this, but for none, are not said: they could tell of one person. */
const LEAST_SAID = 5

/** SQL for a number of cases as it may be said: null when it is small. */
export function saidNumber(n: string): string {
  return `case when ${n} between 1 and ${LEAST_SAID - 1} then null else ${n} end`
}

/** SQL for what an organisation `o` needs to stand on a map. */
export const ON_THE_MAP = 'o.active and o.latitude is not null'

/**
 * SQL for the join that gives an organisation `o` its figures `f`: `open`, `closed`, `overdue` as they may be said, and
 * `as_of`, when overdue was counted. They are of its own published cases: those of what belongs to it stand there.
 */
export const FIGURES_JOIN = `
  cross join lateral (
    select ${saidNumber('k.open')} as open, ${saidNumber('k.closed')} as closed, ${saidNumber('k.overdue')} as overdue, k.as_of
    from (
      select coalesce(sum(n) filter (where status in (${openStatuses.map((status) => `'${status}'`).join(', ')})), 0)::int as open,
             coalesce(sum(n) filter (where status not in (${openStatuses.map((status) => `'${status}'`).join(', ')})), 0)::int as closed,
             coalesce((select d.n from overdue_counts d where d.organisation_id = o.id), 0) as overdue,
             (select overdue_counted_at from log_state) as as_of
      from place_counts where scope = -1 and place = o.id
    ) as k
  ) as f`

/** SQL for the figures of an organisation `o` with `FIGURES_JOIN`. */
export const FIGURES = jsonObject({
  open: 'f.open',
  closed: 'f.closed',
  overdue: 'f.overdue',
  asOf: 'utc(f.as_of)',
})

/** SQL for the feature of an organisation `o` with `FIGURES_JOIN`; `$1` in it is the public address. */
export function organisationFeatureJson(): string {
  return jsonObject({
    type: `'Feature'::text`,
    id: 'o.code',
    geometry: jsonObject({ type: `'Point'::text`, coordinates: 'array[o.longitude, o.latitude]' }),
    properties: jsonObject({
      code: 'o.code',
      url: `$1::text || '/v1/organisations/' || o.code`,
      name: 'o.name',
      kind: 'o.kind',
      region: 'o.region',
      open: 'f.open',
      closed: 'f.closed',
      overdue: 'f.overdue',
      asOf: 'utc(f.as_of)',
    }),
  })
}

/** A page of the active organisations that stand somewhere, by name and then code, as GeoJSON features with their figures. */
export async function listOrganisationFeatures(
  db: Db,
  { filter, after, limit, publicUrl }: OrganisationFeatureListing,
): Promise<JsonPage> {
  const { conditions, add } = conditionsFrom(4)
  const last = readCursor(after, ['string', 'string'])
  if (last !== undefined) add((name, code) => `(o.name, o.code) > (${name}, ${code})`, last[0], last[1])
  const found = await featureConditions(db, filter, 4 + conditions.values.length)
  const page = await row<{
    items: string | null
    count: number
    more: boolean
    name: string | null
    code: string | null
  }>(
    db.pool,
    `with page as materialized (
       select o.* from organisations o where ${[...conditions.sql, ...found.sql].join(' and ')}
       order by o.name, o.code limit $2),
     shown as (select * from page order by name, code limit $3)
     select (select string_agg((${organisationFeatureJson()})::text, ',' order by o.name, o.code) from shown o ${FIGURES_JOIN}) as items,
       (select count(*)::int from shown) as count, (select count(*) from page) > $3 as more, last.name, last.code
     from (select 1) as one left join lateral (select name, code from shown order by name desc, code desc limit 1) as last on true`,
    [publicUrl, limit + 1, limit, ...conditions.values, ...found.values],
  )
  return {
    items: page?.items ?? '',
    count: page?.count ?? 0,
    next: page?.more === true ? writeCursor([page.name ?? '', page.code ?? '']) : null,
  }
}

/** How many organisations `listOrganisationFeatures` has over all its pages. */
export async function countOrganisationFeatures(db: Db, filter: OrganisationFeatureFilter): Promise<number> {
  const { sql, values } = await featureConditions(db, filter, 1)
  const found = await row<{ n: number }>(
    db.pool,
    `select count(*) as n from organisations o where ${sql.join(' and ')}`,
    values,
  )
  return found?.n ?? 0
}

/**
 * Counts the public cases of each organisation that are overdue. Writes only what is another number than before, and
 * moves the version of the data when a number that is said has changed; resolves to how many organisations have another.
 * Where somebody else counts already, it leaves it to them.
 */
export async function countOverdue(db: Db, now: Date): Promise<number> {
  return inTransaction(db, async (tx) => {
    const lock = await row<{ mine: boolean }>(tx, LOCK_COUNTING, [], 'lock-counting-overdue')
    if (lock?.mine !== true) return 0
    const found = await row<{ changed: number; said: boolean }>(tx, COUNT_OVERDUE, [now], 'count-overdue')
    if (found?.said) await noteDataChange(tx)
    return found?.changed ?? 0
  })
}

const LOCK_COUNTING = `select pg_try_advisory_xact_lock(hashtext('care_connect overdue')) as mine`

const COUNT_OVERDUE = `
  with counted as materialized (
    select c.organisation_id, count(*)::int as n from cases c where ${PUBLISHED} and c.due_at < $1 group by c.organisation_id),
  changed as materialized (
    select organisation_id, coalesce(k.n, 0) as n, coalesce(d.n, 0) as was
    from counted k full join overdue_counts d using (organisation_id)
    where k.n is distinct from d.n),
  written as (
    insert into overdue_counts (organisation_id, n) select organisation_id, n from changed where n > 0 order by organisation_id
    on conflict (organisation_id) do update set n = excluded.n),
  gone as (
    delete from overdue_counts d using changed k where d.organisation_id = k.organisation_id and k.n = 0),
  before as (select overdue_counted_at as at from log_state),
  noted as (update log_state set overdue_counted_at = $1)
  select (select count(*) from changed) as changed,
    (select at is null from before)
    or exists (select 1 from changed where (${saidNumber('n')}) is distinct from (${saidNumber('was')})) as said`

async function featureConditions(
  db: Db,
  { bbox, organisation, region, kind, code }: OrganisationFeatureFilter,
  first: number,
): Promise<Conditions> {
  const { conditions, add } = conditionsFrom(first)
  conditions.sql.push(ON_THE_MAP)
  if (code !== undefined) add((p) => `o.code = ${p}`, code)
  if (kind !== undefined) add((p) => `o.kind = any(${p}::organisation_kind[])`, kind)
  if (organisation !== undefined)
    add((p) => `o.id in (select unnest(${p}::int[]))`, await organisationTree(db, organisation))
  if (region !== undefined) add((p) => `o.id in (${inRegions(p)})`, region)
  if (bbox !== undefined) {
    const area = areaConditions({ bbox }, first + conditions.values.length, 'o')
    conditions.sql.push(...area.sql)
    conditions.values.push(...area.values)
    if (bbox[0] <= bbox[2]) addBox(bbox, add)
  }
  return conditions
}
