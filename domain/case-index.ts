import { type Db, inTransaction, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'
import { WORDS } from './case-search.ts'
import { placeEvents } from './change-log.ts'
import { announceVersion, noteDataChange } from './data-version.ts'

export { noteDataChange }

/** The map's cells are counted at every second of these levels; one in between is four of the next. */
export const FIRST_LEVEL = 3
export const LAST_LEVEL = 17
export const countedLevels: readonly number[] = [3, 5, 7, 9, 11, 13, 15, 17]

/** One place of counts each, in `case_counts.scope`: everything, an organisation, then the levels of the map. */
export const SCOPE = { all: -2, organisation: -1 } as const

const LOCK = `hashtext('care_connect case index')`
const BATCH = 1_000

/**
 * Places what is committed (`placeEvents`), and brings what is kept ready of the cases of placed events (search, counts,
 * map) up to them. Goes on until nothing is left, and resolves to how many events were looked at. One at a time does
 * it: where somebody else does already, it leaves it to them. May be killed at any moment.
 */
export async function indexCases(db: Db, batch = BATCH): Promise<number> {
  await placeEvents(db, batch)
  return indexPlaced(db, batch)
}

/** The second half of `indexCases`: for events that have their positions. */
export async function indexPlaced(db: Db, batch = BATCH): Promise<number> {
  let all = 0
  for (;;) {
    const indexed = await inTransaction(db, (tx) => indexSome(tx, batch))
    all += indexed
    if (indexed < batch) return all
  }
}

/** Whether there is anything for `indexPlaced` to do, and whether for `placeEvents`. */
export async function isIndexBehind(db: Db): Promise<{ index: boolean; log: boolean }> {
  const found = await row<{ index: boolean; log: boolean }>(
    db.pool,
    `select position < placed as index, exists (select 1 from events where position is null) as log from log_state`,
    [],
    'is-index-behind',
  )
  return found ?? { index: false, log: false }
}

/**
 * Makes anew what is kept ready of all cases, while the service goes on; until it is done searches and counts have only
 * part of them. Cursors into the map's changes and ETags of before end with it. Resolves to the number of cases.
 */
export async function rebuildCaseIndex(db: Db, batch = 5_000): Promise<number> {
  const connection = await db.pool.connect()
  try {
    await connection.query(`set statement_timeout = 0; select pg_advisory_lock(${LOCK})`)
    await connection.query(`begin; delete from case_counts; delete from place_counts; delete from case_index; drop index case_index_words;
      update log_state set generation = gen_random_uuid(); commit`)
    let all = 0
    let last = -1
    for (;;) {
      const found = await rows<{ id: number }>(
        connection,
        'select id from cases where id > $1 order by id limit $2',
        [last, batch],
      )
      if (found.length === 0) break
      await indexTouched(connection, { caseIds: found.map(({ id }) => id), positions: found.map(() => null) })
      all += found.length
      last = found.at(-1)?.id ?? last
    }
    // Entering a million texts one by one takes several times as long as making the index of them.
    await connection.query(
      'create index case_index_words on case_index using gin (words) where words is not null',
    )
    await noteDataChange(connection)
    return all
  } finally {
    // Its settings and its lock go with it.
    connection.release(true)
  }
}

/** Forgets the counts of what is not there any more; resolves to how many. */
export async function forgetEmptyCounts(db: Db): Promise<number> {
  const { rowCount } = await db.pool.query('delete from case_counts where n = 0 and x = 0 and y = 0')
  await db.pool.query('delete from place_counts where n = 0 and x = 0 and y = 0')
  return rowCount ?? 0
}

async function indexSome(tx: Tx, batch: number): Promise<number> {
  const lock = await row<{ mine: boolean }>(
    tx,
    `select pg_try_advisory_xact_lock(${LOCK}) as mine`,
    [],
    'lock-index',
  )
  if (lock?.mine !== true) return 0
  const placed = await placedEvents(tx, batch)
  if (placed.length === 0) return 0
  const touched = new Map<number, number>()
  for (const { caseId, position } of placed) if (caseId !== null) touched.set(caseId, position)
  await indexTouched(tx, { caseIds: [...touched.keys()], positions: [...touched.values()] })
  await rows(tx, 'update log_state set position = $1', [placed.at(-1)?.position], 'move-index')
  // Behind it does not say where it is: what was changed last is not in it.
  if (placed.length < batch) await announceVersion(tx)
  return placed.length
}

type Placed = { position: number; caseId: number | null }

async function placedEvents(tx: Tx, batch: number): Promise<Placed[]> {
  return rows<Placed>(
    tx,
    `select position, case_id as "caseId" from events
     where position > (select position from log_state) order by position limit $1`,
    [batch],
    'placed-events',
  )
}

type Touched = { caseIds: readonly number[]; positions: readonly (number | null)[] }

/*
 * The counts change by the difference between what a case was counted as and what it is now, whatever happened in
 * between; so they are the sums over `case_index` at every moment, and doing it twice changes nothing.
 */
async function indexTouched(sql: Sql, { caseIds, positions }: Touched): Promise<void> {
  if (caseIds.length === 0) return
  await rows(sql, INDEX_TOUCHED, [caseIds, positions], 'index-touched')
}

const SCOPES = [SCOPE.all, SCOPE.organisation, ...countedLevels]
  .map((scope) => `(${scope}::smallint)`)
  .join(', ')

const INDEX_TOUCHED = `
  with touched as materialized (select * from unnest($1::bigint[], $2::bigint[]) as t(case_id, position)),
  before as materialized (select i.* from case_index i join touched t using (case_id)),
  now_is as materialized (
    select t.case_id, t.position, c.pt, coalesce(${PUBLISHED}, false) as public,
      c.organisation_id, c.kind, c.category_code, c.status, map_cell(c.pt) as cell,
      floor(c.pt[0] * 1073741824)::int as x, floor(c.pt[1] * 1073741824)::int as y,
      case when c.moderated_text is not null and c.publication not in ('rejected', 'removed') then ${WORDS} end as words
    from touched t left join cases c on c.id = t.case_id),
  change as (
    select 1 as n, organisation_id, kind, category_code, status, cell, x, y from now_is where public
    union all
    select -1, organisation_id, kind, category_code, status, cell, x, y from before where organisation_id is not null),
  total as (
    select s.scope, p.place, kind, category_code, status, sum(n)::int as n,
      coalesce(sum(n * x::bigint), 0)::bigint as x, coalesce(sum(n * y::bigint), 0)::bigint as y
    from change cross join (values ${SCOPES}) as s(scope)
    cross join lateral (select case s.scope when ${SCOPE.all} then 0 when ${SCOPE.organisation} then organisation_id
      else cell >> (2 * (${LAST_LEVEL} - s.scope)) end as place) as p
    where p.place is not null
    group by s.scope, p.place, kind, category_code, status
    having sum(n) <> 0 or coalesce(sum(n * x::bigint), 0) <> 0 or coalesce(sum(n * y::bigint), 0) <> 0),
  counted as (
    insert into case_counts as k (scope, place, kind, category_code, status, n, x, y)
    select scope, place, kind, category_code, status, n, x, y from total
    on conflict (scope, place, kind, category_code, status)
    do update set n = k.n + excluded.n, x = k.x + excluded.x, y = k.y + excluded.y),
  summed as (
    insert into place_counts as k (scope, place, status, n, x, y)
    select scope, place, status, sum(n)::int, sum(x)::bigint, sum(y)::bigint from total
    group by scope, place, status having sum(n) <> 0 or sum(x) <> 0 or sum(y) <> 0
    on conflict (scope, place, status)
    do update set n = k.n + excluded.n, x = k.x + excluded.x, y = k.y + excluded.y)
  insert into case_index as i (case_id, organisation_id, kind, category_code, status, cell, x, y, words, position, places)
  select w.case_id, v.organisation_id, v.kind, v.category_code, v.status, v.cell, v.x, v.y, w.words,
    case when w.public or b.position is not null then w.position end,
    case when not w.public or w.pt is null then b.places
      when b.places is null then box(w.pt, w.pt) else bound_box(b.places, box(w.pt, w.pt)) end
  from now_is w left join before b using (case_id)
  left join lateral (select w.organisation_id, w.kind, w.category_code, w.status, w.cell, w.x, w.y where w.public) as v on true
  where w.public or w.words is not null or b.case_id is not null
  on conflict (case_id) do update set
    organisation_id = excluded.organisation_id, kind = excluded.kind, category_code = excluded.category_code,
    status = excluded.status, cell = excluded.cell, x = excluded.x, y = excluded.y, words = excluded.words,
    position = excluded.position, places = excluded.places`
