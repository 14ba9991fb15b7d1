import { row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'

/**
 * Holds the cases of these organisations, and of what is below them, before the organisations themselves are written: in
 * the order in which everybody else holds cases.
 */
export async function holdCasesAt(tx: Tx, ids: readonly number[]): Promise<void> {
  await rows(
    tx,
    `with recursive ${STANDING_AT}
     select count(*) from (
       select c.id from cases c where c.organisation_id in (select id from below) and not c.place_given
       order by c.id for no key update) as held`,
    [ids],
    'hold-cases-at',
  )
}

/**
 * Moves the cases of these organisations, and of those below them without a position of their own, to where they stand now:
 * at their organisation, or the nearest one above it that has a position. What a reporter placed stays. Each case that moves
 * has its event, so that maps and counts follow; its version stays, as nobody worked on it. Resolves to how many moved.
 */
export async function standAgain(
  tx: Tx,
  client: ClientCaller | null,
  ids: readonly number[],
): Promise<number> {
  const found = await row<{ moved: number }>(
    tx,
    `with recursive ${STANDING_AT},
     up(id, at, depth) as (
       select id, id, 0 from below
       union all
       select up.id, o.parent_id, up.depth + 1 from up join organisations o on o.id = up.at
       where o.latitude is null and o.parent_id is not null and up.depth < 10
     ), places as materialized (
       select below.id, found.latitude, found.longitude from below left join lateral (
         select o.latitude, o.longitude from up join organisations o on o.id = up.at
         where up.id = below.id and o.latitude is not null) as found on true
     ), moved as (
       update cases c set latitude = p.latitude, longitude = p.longitude, pt = mercator(p.latitude, p.longitude), updated_at = now()
       from places p
       where c.organisation_id = p.id and not c.place_given
         and (c.latitude, c.longitude) is distinct from (p.latitude, p.longitude)
       returning c.id, c.reference, c.organisation_id, c.version
     ), told as (
       insert into events (type, case_id, case_reference, organisation_id, client_id, acting_user, fields, case_version)
       select 'case.changed', id, reference, organisation_id, $2, $3, array['place'], version from moved order by id)
     select count(*)::int as moved from moved`,
    [ids, client?.clientId ?? null, client?.actingUser ?? null],
    'stand-again',
  )
  return found?.moved ?? 0
}

// What has a position of its own stands there, whatever is above it; what was asked for is looked at anyway.
const STANDING_AT = `below(id) as (
  select unnest($1::int[])
  union
  select o.id from organisations o join below on o.parent_id = below.id where o.latitude is null)`
