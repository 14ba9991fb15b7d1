import { type Db, rows } from '../prisma/client.ts'

/**
 * How long it is kept who read what: as long as somebody may sue for what was done with their data (Limitation Act 1980,
 * sections 2 and 9: six years). The change log stays: it names fields, never what stood in them.
 */
const ACCESSES_YEARS = 6
const ACCESSES_AT_ONCE = 5_000

/** Forgets some of the oldest lines of the access log that are old enough; how many. None while a legal hold runs. */
export async function forgetOldAccesses(db: Db, now: Date): Promise<number> {
  const forgotten = await rows(
    db.pool,
    `delete from accesses where id in (
       select id from (select id, at from accesses order by id limit ${ACCESSES_AT_ONCE}) as oldest
       where at < $1::timestamptz - interval '${ACCESSES_YEARS} years')
       and not exists (select from legal_holds where ended_at is null)
     returning 1`,
    [now],
    'forget-old-accesses',
  )
  return forgotten.length
}

/** Maps and feeds of an area have this long to hear that a case has left its place, and from where. */
const PLACES_DAYS = 30
/** Nights that may be missed, by far. */
const LATE_DAYS = 60

/**
 * Forgets where cases stood that were anonymised or deleted a month ago: a position that a reporter gave was in the public
 * log, rounded, so that whoever follows an area hears that it is gone from there. How many lines that were.
 */
export async function forgetOldPlaces(db: Db, now: Date): Promise<number> {
  const forgotten = await rows(
    db.pool,
    `with gone as materialized (
       select c.id, c.pt from cases c
       where c.anonymised_at between $1::timestamptz - interval '${PLACES_DAYS + LATE_DAYS} days'
         and $1::timestamptz - interval '${PLACES_DAYS} days'
       union all
       select o.case_id, null::point from (
         select distinct p.case_id from public_events p
         where p.type = 'case.removed' and p.at between $1::timestamptz - interval '${PLACES_DAYS + LATE_DAYS} days'
           and $1::timestamptz - interval '${PLACES_DAYS} days') o
       where not exists (select from cases c where c.id = o.case_id)),
     indexed as (
       update case_index i set places = case when g.pt is not null then box(g.pt, g.pt) end from gone g
       where i.case_id = g.id and i.places is not null and (g.pt is null or not i.places ~= box(g.pt, g.pt)))
     update public_events p set latitude = null, longitude = null, pt = null from gone g
     where p.case_id = g.id and p.pt is not null and (g.pt is null or not p.pt ~= g.pt) returning 1`,
    [now],
    'forget-old-places',
  )
  return forgotten.length
}
