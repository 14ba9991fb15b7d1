import { type Db, row, rows } from '../prisma/client.ts'
import type { ResolvedFilter } from './case-filter.ts'
import { keysOf } from './case-keys.ts'
import { heardOf } from './log-lines.ts'

/** That something happened to a case which is in a feed's selection, or has just left it. */
export type FeedLine = { position: number; caseId: number; reference: string }

/** The part of the log to look at, both positions included, and from which end. */
export type Stretch = { from: number; to: number; first: 'newest' | 'oldest'; limit: number }

/** Lines in the order asked for; what lies beyond `edge` was not looked at, null when all was. */
export type FoundLines = { lines: FeedLine[]; edge: number | null }

/** How far the log is known, and when its last line up to a position was written; null without any. */
export async function feedEnd(
  db: Db,
  { words }: ResolvedFilter,
  upTo: number,
): Promise<{ known: number; at: string | null }> {
  // The words of a case are known a moment after its line is there.
  const found = await row<{ known: number; at: string | null }>(
    db.pool,
    `select ${words === undefined ? 'placed' : 'position'} as known,
       (select utc(at) from public_events where position <= $1::bigint order by position desc limit 1) as at
     from log_state`,
    [upTo],
  )
  if (found === undefined) throw new Error('the row of log_state is missing')
  return found
}

/**
 * The first lines of a stretch that a filter selects. A little is looked at along the log; where that is too little, some
 * organisations go by their index, and all else walks on, so far that it takes some tens of milliseconds: what is rare is
 * not found by that at once.
 */
export async function selectedLines(db: Db, resolved: ResolvedFilter, stretch: Stretch): Promise<FoundLines> {
  const found = await look(db, resolved, stretch, { window: LITTLE, byOrganisation: false })
  if (found.lines.length >= stretch.limit || found.edge === null) return found
  return look(db, resolved, stretch, { window: MUCH, byOrganisation: true })
}

/** The last line of each of the newest cases of a filter: of a rare one the walk along the log finds few. */
export async function newestCases(
  db: Db,
  resolved: ResolvedFilter,
  wanted: { limit: number; to: number },
): Promise<FeedLine[]> {
  const keys = await keysOf(db, resolved, { wanted: wanted.limit })
  const values = [null, ...keys.values]
  return rows<FeedLine>(
    db.pool,
    `with newest as (${keys.text})
     select last.position, newest.id as "caseId", last.case_reference as reference
     from newest cross join lateral (
       select p.position, p.case_reference from public_events p
       where p.case_id = newest.id and p.position <= $${values.push(wanted.to)}::bigint order by p.position desc limit 1) as last
     where $1::text is null`,
    values,
  )
}

const LITTLE = 1_000
const MUCH = 10_000
const MOST_MERGED = 64
// Of each organisation at least so many lines are looked at: more than anybody asks for.
const LEAST_OF_EACH = 250

async function look(
  db: Db,
  resolved: ResolvedFilter,
  { from, to, first, limit }: Stretch,
  how: { window: number; byOrganisation: boolean },
): Promise<FoundLines> {
  const values: unknown[] = [from, to, limit]
  const direction = first === 'newest' ? 'desc' : 'asc'
  const { sql: scanned, window: within } = scan(resolved, { direction, ...how, values })
  const heard = heardOf(resolved, values.length + 1)
  values.push(...heard.values)
  const found = await row<{ lines: FeedLine[]; seen: number; edge: number | null }>(
    db.pool,
    `with scanned as materialized (${scanned}),
     selected as (
       select e.position, e.case_id, e.case_reference from scanned e ${heard.joins}
       where ${heard.where} order by e.position ${direction} limit $3::int)
     select coalesce((select json_agg(json_build_object('position', s.position, 'caseId', s.case_id, 'reference', s.case_reference)
         order by s.position ${direction}) from selected s), '[]') as lines,
       (select count(*)::int from scanned) as seen,
       (select ${first === 'newest' ? 'min' : 'max'}(position) from scanned) as edge`,
    values,
  )
  if (found === undefined) throw new Error('an aggregate gave no row')
  // As many lines as there are positions are all that there can be.
  const all = found.seen < within || within > to - from
  return { lines: found.lines, edge: all ? null : found.edge }
}

type Scan = { direction: 'desc' | 'asc'; window: number; byOrganisation: boolean; values: unknown[] }

// A case that was taken over by another organisation stands in the feed of the one before once more: as gone.
function scan(
  { organisationIds }: ResolvedFilter,
  { direction, window, byOrganisation, values }: Scan,
): { sql: string; window: number } {
  const stretch = 'p.position between $1::bigint and $2::bigint'
  const some = byOrganisation && organisationIds !== undefined && organisationIds.length <= MOST_MERGED
  const within = some
    ? Math.max(LEAST_OF_EACH, Math.floor(window / Math.max(1, organisationIds.length)))
    : window
  const more = `order by position ${direction} limit $${values.push(within)}::int`
  if (!some) return { sql: `select p.* from public_events p where ${stretch} ${more}`, window: within }
  const these = `$${values.push(organisationIds)}::int[]`
  const sql = `
    select of_it.* from unnest(${these}) as o(id) cross join lateral (
      (select p.* from public_events p where p.organisation_id = o.id and ${stretch} ${more})
      union all
      (select p.* from public_events p where p.left_organisation_id = o.id and p.organisation_id <> all(${these})
         and ${stretch} ${more})) as of_it
    ${more}`
  return { sql, window: within }
}
