import { type Db, type OrganisationKind, row } from '../prisma/client.ts'
import { areaConditions, type BoundingBox } from './areas.ts'
import { readCursor, writeCursor } from './cursors.ts'
import { jsonObject } from './json-sql.ts'
import { addBox } from './organisation-places.ts'
import { inRegions, organisationTree } from './organisations.ts'
import type { JsonPage } from './public-cases.ts'
import { FIGURES_AS_OF } from './public-figures-as-of.ts'
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

/** SQL for what an organisation `o` needs to stand on a map. */
export const ON_THE_MAP = 'o.active and o.latitude is not null'

/**
 * SQL for the join that gives an organisation `o` its figures `f`: `open`, `closed`, `overdue` as they may be said, and
 * `as_of`, when they were counted (domain/public-figures.ts). They are of its own published cases, of those of what it
 * succeeded, and of what is too little below it to stand there.
 */
export const FIGURES_JOIN = `
  cross join lateral (
    select (own.body ->> 'open')::int as open, (own.body ->> 'closed')::int as closed, (own.body ->> 'overdue')::int as overdue,
      (${FIGURES_AS_OF}) as as_of
    from (select 1) as one
    left join public_figures own on own.scope = 'own' and own.subject = o.id::text and own."window" = 'all'
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
