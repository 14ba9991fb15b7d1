import { type Db, type OrganisationKind, row, rows } from '../prisma/client.ts'
import { areaConditions, boundsOf, type Place } from './areas.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { FIGURES, FIGURES_JOIN } from './organisation-figures.ts'
import { meantBy } from './organisation-names.ts'
import { addBox } from './organisation-places.ts'
import { DETAIL, inRegions, type OrganisationDetail, organisationIdAt } from './organisations.ts'
import { type AddCondition, type Conditions, conditionsFrom } from './sql-conditions.ts'

/** Which organisations to list; what is given all holds. */
export type OrganisationFilter = {
  /** A name, misspelt too, or a code in any form. */
  q?: string | undefined
  /** Only those that stand somewhere, the nearest first. */
  near?: Place | undefined
  /** In metres around `near`; without limit if nothing is said. */
  radius?: number | undefined
  region?: readonly string[] | undefined
  kind?: readonly OrganisationKind[] | undefined
  parent?: string | undefined
  active?: boolean | undefined
}

export type OrganisationListing = OrganisationFilter & {
  after?: string | undefined
  limit: number
  /** With the figures of their cases. */
  figures?: boolean | undefined
}

/**
 * A page of organisations: the nearest first with `near`, else the best match first with `q`, else by name; equals by
 * code.
 */
export async function listOrganisations(
  db: Db,
  listing: OrganisationListing,
): Promise<Page<OrganisationDetail>> {
  const { q, near, limit, figures = false } = listing
  const { conditions, add } = conditionsFrom(1)
  const from =
    q === undefined
      ? 'organisations o'
      : `(${await meantBy(db, q, conditions)}) as f join organisations o on o.id = f.organisation_id`
  const order = near !== undefined ? byDistance(near, conditions) : q !== undefined ? BY_MATCH : BY_NAME
  const last = readCursor<readonly ('number' | 'string')[]>(listing.after, order.types)
  if (last !== undefined) add((...keys) => `(${order.keys.join(', ')}) > (${keys.join(', ')})`, ...last)
  await addFilter(db, listing, conditions, add)
  const query: Query = { from, conditions, order, limit: limit + 1 }
  if (near !== undefined && q === undefined) await addReach(db, near, query, add)

  const found = await rows<Found>(db.pool, pageText(query, figures), conditions.values)
  const { items, next } = pageOf(found, limit, ({ keys }) => keys)
  return { items: items.map((item) => (near === undefined ? item : withDistance(item))), next }
}

/** By what a list is sorted, ascending: SQL over `o`, and over the matches `f`. */
type Order = { keys: readonly string[]; types: readonly ('number' | 'string')[] }
type Query = { from: string; conditions: Conditions; order: Order; limit: number }
type Found = OrganisationDetail & { keys: (number | string)[] }

const BY_NAME: Order = { keys: ['o.name', 'o.code'], types: ['string', 'string'] }
// Of two that match alike the active one comes first.
const BY_MATCH: Order = {
  keys: ['-(f.rank + o.active::int)::bigint', 'o.name', 'o.code'],
  types: ['number', 'string', 'string'],
}

// By whole metres, as they are shown.
function byDistance([longitude, latitude]: Place, { values }: Conditions): Order {
  const [p, q] = [`$${values.push(latitude)}`, `$${values.push(longitude)}`]
  const metres = `round(metres_between(o.latitude, o.longitude, ${p}::float8, ${q}::float8))::bigint`
  return { keys: [metres, 'o.code'], types: ['number', 'string'] }
}

function withDistance(organisation: Found): OrganisationDetail {
  return { ...organisation, distanceMetres: Number(organisation.keys[0]) }
}

function pageText({ from, conditions: { sql, values }, order, limit }: Query, figures: boolean): string {
  const where = sql.length === 0 ? '' : `where ${sql.join(' and ')}`
  const names = order.keys.map((_, n) => `key${n}`)
  const keys = order.keys.map((key, n) => `${key} as ${names[n]}`)
  return `
    with page as materialized (
      select o.id, ${keys.join(', ')} from ${from} ${where} order by ${names.join(', ')} limit $${values.push(limit)})
    select ${DETAIL}, json_build_array(${names.join(', ')}) as keys ${figures ? `, ${FIGURES} as figures` : ''}
    from page join organisations o using (id) ${figures ? FIGURES_JOIN : ''} order by ${names.join(', ')}`
}

async function addFilter(
  db: Db,
  { near, radius, region, kind, parent, active }: OrganisationFilter,
  { sql, values }: Conditions,
  add: AddCondition,
): Promise<void> {
  if (kind !== undefined) add((p) => `o.kind = any(${p}::organisation_kind[])`, kind)
  if (active !== undefined) add((p) => `o.active = ${p}::boolean`, active)
  if (parent !== undefined)
    add((p) => `o.parent_id = ${p}::int`, await organisationIdAt(db.pool, parent, 'parent'))
  if (region !== undefined) add((p) => `o.id in (${inRegions(p)})`, region)
  if (near !== undefined || radius !== undefined) {
    const area = areaConditions({ near, radius: radius ?? EVERYWHERE }, values.length + 1, 'o')
    sql.push('o.latitude is not null', ...area.sql)
    values.push(...area.values)
  }
}

const EVERYWHERE = 25_000_000

/*
 * The index knows what is near on the map only, and a map stretches with latitude. But as far as the farthest of as many
 * as are wanted, whichever they are, none of the nearest can be missing: so far it is looked.
 */
async function addReach(
  db: Db,
  near: Place,
  { from, conditions: { sql, values }, order, limit }: Query,
  add: AddCondition,
): Promise<void> {
  const n = values.length
  const found = await row<{ reach: number | null }>(
    db.pool,
    `select max(metres) as reach from (
       select ${order.keys[0]} as metres from ${from} where ${sql.join(' and ')}
       order by mercator(o.latitude, o.longitude) <-> mercator($${n + 1}::float8, $${n + 2}::float8) limit $${n + 3}) as nearest`,
    [...values, near[1], near[0], limit],
  )
  const bounds = boundsOf({ near, radius: (found?.reach ?? 0) + 1 })
  if (bounds !== undefined) addBox(bounds, add)
}
