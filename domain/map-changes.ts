import { type Db, row, rows } from '../prisma/client.ts'
import { type BoundingBox, boundsOf } from './areas.ts'
import { type CaseFilter, conditionsOf, PUBLISHED, resolveFilter } from './case-filter.ts'
import { invalid } from './errors.ts'
import { FEATURE_JOINS, featureJson } from './geo.ts'

/** What has changed on a part of the map. */
export type MapChanges = {
  /** Features of the cases that are in the selection now, joined JSON. */
  changed: string
  /** References of cases that are not, or not any more. */
  removed: string[]
  next: string
  more: boolean
}

export type MapChangesWanted = {
  filter: CaseFilter
  after: string | undefined
  limit: number
  publicUrl: string
}

/**
 * What has happened to public cases since a cursor, each case once, as it is now. Cases that stand and have always stood
 * outside of the box are left out. Without a cursor only where to begin. Throws `validation_failed` for a cursor that is
 * none, and for one from before the index was built anew.
 */
export async function listMapChanges(db: Db, wanted: MapChangesWanted): Promise<MapChanges> {
  const { position, generation } = await logState(db)
  if (wanted.after === undefined)
    return { changed: '', removed: [], next: cursorAt(generation, position), more: false }
  const { last, more, inSelection, others } = await touchedSince(
    db,
    wanted,
    readCursorOf(wanted.after, generation),
  )
  return {
    changed: inSelection,
    removed: others,
    // What happened meanwhile comes after; what was left out was looked at.
    next: cursorAt(generation, more ? (last ?? position) : Math.max(position, last ?? 0)),
    more,
  }
}

type Touched = { inSelection: string; others: string[]; last: number | null; more: boolean }

async function touchedSince(db: Db, wanted: MapChangesWanted, after: number): Promise<Touched> {
  const { filter, limit, publicUrl } = wanted
  const values: unknown[] = [publicUrl, after, limit]
  const resolved = await resolveFilter(db, filter)
  const conditions = conditionsOf(resolved, values.length + 1)
  values.push(...conditions.values)
  const boxes = boxesOf(filter).map((box) => {
    const [west, south, east, north] = box.map((edge) => `$${values.push(edge)}::float8`)
    return `i.places && box(mercator(${south}, ${west}), mercator(${north}, ${east}))`
  })
  const somewhere = boxes.length === 0 ? 'i.places is not null' : `(${boxes.join(' or ')})`
  const selected = [PUBLISHED, 'c.pt is not null', ...conditions.sql].join(' and ')
  const found = await row<{
    inSelection: string | null
    others: string[] | null
    last: number | null
    more: boolean
  }>(
    db.pool,
    `with touched as materialized (
       select i.case_id, i.position from case_index i
       where i.position > $2::bigint and ${somewhere} order by i.position limit $3::int + 1),
     shown as materialized (
       select c.id, c.reference, t.position, coalesce(${selected}, false) as selected
       from (select * from touched order by position limit $3::int) t join cases c on c.id = t.case_id)
     select
       (select string_agg(${featureJson()}::text, ',' order by s.position)
        from shown s join cases c on c.id = s.id ${FEATURE_JOINS} where s.selected) as "inSelection",
       (select array_agg(reference order by position) from shown where not selected) as others,
       (select max(position) from (select position from touched order by position limit $3::int) t) as last,
       (select count(*) from touched) > $3::int as more`,
    values,
  )
  return {
    inSelection: found?.inSelection ?? '',
    others: found?.others ?? [],
    last: found?.last ?? null,
    more: found?.more ?? false,
  }
}

// One over the antimeridian is two.
function boxesOf(filter: CaseFilter): BoundingBox[] {
  const { bbox } = filter
  if (bbox !== undefined && bbox[0] > bbox[2]) {
    const [west, south, east, north] = bbox
    return [
      [west, south, 180, north],
      [-180, south, east, north],
    ]
  }
  const bounds = boundsOf(filter)
  return bounds === undefined ? [] : [bounds]
}

async function logState(db: Db): Promise<{ position: number; generation: string }> {
  const [state] = await rows<{ position: number; generation: string }>(
    db.pool,
    'select position, substr(generation, 1, 8) as generation from log_state',
    [],
    'log-state',
  )
  if (state === undefined) throw new Error('the row of log_state is missing')
  return state
}

function cursorAt(generation: string, position: number): string {
  return Buffer.from(JSON.stringify([generation, position])).toString('base64url')
}

function readCursorOf(after: string, generation: string): number {
  const [of, position] = parsed(after)
  if (of === generation && Number.isSafeInteger(position) && (position as number) >= 0)
    return position as number
  if (typeof of === 'string' && Number.isSafeInteger(position)) {
    throw invalid({
      in: 'query',
      pointer: '/after',
      code: 'cursor_ended',
      detail: 'The map was built anew since: leave after out to begin again, and read the map once more.',
    })
  }
  throw invalid({
    in: 'query',
    pointer: '/after',
    code: 'unknown_cursor',
    detail: 'Take the next of the answer before, unchanged.',
  })
}

function parsed(after: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(after, 'base64url').toString('utf8'))
    return Array.isArray(value) && value.length === 2 ? value : []
  } catch {
    return []
  }
}
