import { type Db, inTransaction, row, rows, type Sql } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'
import { type LogLine, linesJson } from './log-line.ts'

/** What the public hears of the change log. */
export const PUBLIC_TYPES = [
  'case.published',
  'case.changed',
  'case.removed',
  'response.published',
  'response.changed',
  'response.removed',
] as const

/** The channel on which a commit of events is told (a trigger does it), and the one on which new positions are. */
export const COMMITTED = 'care_connect_events'
export const PLACED = 'care_connect_log'

/**
 * What is said on the channel `PLACED`: positions after `from`, up to `to`, were given, and what the public hears of them;
 * without lines where they are too many for a notification.
 */
export type PlacedNews = { from: number; to: number; lines?: LogLine[] }

/** Whoever holds it gives positions; one at a time. */
export const LOG_LOCK = `hashtext('care_connect change log')`
const BATCH = 1_000
// A notification has 8,000 bytes at most.
const MOST_TOLD = 7_800

/** What one step has placed: how many events, and the last position there is. */
export type PlacedStep = { placed: number; position: number }

/**
 * Gives every committed event that has none its position, gap-free and in the order in which the events were numbered, and
 * writes what the public hears of it. Goes on until nothing is left; resolves to how many events that were. Where somebody
 * else does it already, it leaves it to them. May be killed at any moment.
 */
export async function placeEvents(db: Db, batch = BATCH): Promise<number> {
  let all = 0
  for (;;) {
    const placed = await inTransaction(db, async (tx) => {
      const lock = await row<{ mine: boolean }>(tx, `select pg_try_advisory_xact_lock(${LOG_LOCK}) as mine`)
      return lock?.mine === true ? (await placeSome(tx, batch)).placed : 0
    })
    all += placed
    if (placed < batch) return all
  }
}

/** One step of it, in one statement; only for whoever holds the lock. */
export async function placeSome(sql: Sql, batch = BATCH): Promise<PlacedStep> {
  const step = await row<PlacedStep>(sql, PLACE, [batch], 'place-events')
  return step ?? { placed: 0, position: 0 }
}

/** The last position that there is. */
export async function logEnd(sql: Sql): Promise<number> {
  const state = await row<{ placed: number }>(sql, 'select placed from log_state', [], 'log-end')
  if (state === undefined) throw new Error('the row of log_state is missing')
  return state.placed
}

/** How far a tap has come in the log; a tap that is new begins at its end. */
export async function tapPosition(sql: Sql, name: string): Promise<number> {
  const found = await row<{ position: number }>(
    sql,
    `with made as (
       insert into log_taps (name, position) select $1, placed from log_state on conflict (name) do nothing returning position)
     select position from made union all select position from log_taps where name = $1`,
    [name],
    'tap-position',
  )
  if (found === undefined) throw new Error('the row of log_state is missing')
  return found.position
}

/** Notes how far a tap has come. */
export async function moveTap(sql: Sql, name: string, position: number): Promise<void> {
  await rows(
    sql,
    'update log_taps set position = greatest(position, $2) where name = $1',
    [name, position],
    'move-tap',
  )
}

/** What the public calls the fields that events name; what is not here it never sees. */
const PUBLIC_FIELDS: Readonly<Record<string, string>> = {
  kind: 'kind',
  title: 'title',
  text: 'text',
  moderatedTitle: 'title',
  moderatedText: 'text',
  author: 'authorName',
  authorName: 'authorName',
  name: 'authorName',
  privacy: 'authorName',
  category: 'category',
  organisation: 'organisation',
  service: 'service',
  status: 'status',
  visitMonth: 'visitMonth',
  language: 'language',
  tags: 'tags',
  ratings: 'ratings',
  formalComplaint: 'formalComplaint',
  outcome: 'outcome',
  images: 'images',
  responses: 'responses',
  place: 'position',
  position: 'position',
  link: 'source',
}

const FIELD_ROWS = Object.entries(PUBLIC_FIELDS)
  .map(([inside, outside]) => `('${inside}', '${outside}')`)
  .join(', ')

/*
 * What the public hears follows from what it could see: after its line before, and as the case is now. A case that came and
 * went between two steps was never there. Of several events about one case in a step, the last one tells that it came or
 * went. As the case may be ahead of its events, it may be told early, and never late.
 */
const PLACE = `
  with due as materialized (select id from events where position is null order by id limit $1),
  numbered as materialized (
    select id, (select placed from log_state) + row_number() over (order by id) as position from due),
  placed as (
    update events e set position = n.position from numbered n where e.id = n.id
    returning e.position, e.type, e.at, e.case_id, e.case_reference, e.fields, e.source_id),
  moved as (
    update log_state set placed = placed + (select count(*) from due) where exists (select from due) returning placed),
  touched as materialized (
    select case_id, max(position) as last from placed where case_id is not null group by case_id),
  story as materialized (
    select t.case_id, t.last, w.position as was_position, coalesce(w.type <> 'case.removed', false) as was_public,
      w.organisation_id as was_organisation_id, coalesce(c.reference, w.case_reference) as reference,
      coalesce(${PUBLISHED}, false) as is_public,
      case when ${PUBLISHED} then c.organisation_id else w.organisation_id end as organisation_id,
      case when ${PUBLISHED} then c.kind else w.kind end as kind,
      case when ${PUBLISHED} then c.category_code else w.category_code end as category_code,
      case when ${PUBLISHED} then c.status else w.status end as status,
      case when ${PUBLISHED} then c.source_id else w.source_id end as source_id,
      case when ${PUBLISHED} then c.language else w.language end as language,
      case when ${PUBLISHED} then c.reported_at else w.reported_at end as reported_at,
      case when ${PUBLISHED} then c.latitude else w.latitude end as latitude,
      case when ${PUBLISHED} then c.longitude else w.longitude end as longitude,
      case when ${PUBLISHED} then c.pt else w.pt end as pt
    from touched t left join cases c on c.id = t.case_id
    left join lateral (
      select * from public_events p where p.case_id = t.case_id order by p.position desc limit 1) w on true),
  heard as materialized (
    select p.position, p.at, coalesce(s.reference, p.case_reference) as case_reference, f.fields, s.*,
      case
        when s.is_public and not s.was_public then case when p.position = s.last then 'case.published' end
        when s.was_public and not s.is_public then case when p.position = s.last then 'case.removed' end
        when p.type = 'response.published' then p.type
        when p.type in ('response.removed', 'response.removed_by_source') then 'response.removed'
        when p.type = 'response.changed' and exists (select from responses r
          where r.case_id = s.case_id and r.publication = 'published') then p.type
        -- Published as it was made: it has the time of its event, or comes from a source.
        when p.type = 'response.created' and exists (select from responses r
          where r.case_id = s.case_id and r.publication = 'published' and (r.created_at = p.at or r.source_id = p.source_id))
          then 'response.published'
        when p.type like 'case.%' and f.fields <> '{}' then 'case.changed'
      end as heard_type
    from placed p join story s using (case_id)
    cross join lateral (select coalesce(array_agg(distinct m.outside), '{}') as fields
      from (values ${FIELD_ROWS}) as m(inside, outside) where m.inside = any(p.fields)) as f
    where s.is_public or s.was_public),
  told as (
    insert into public_events (position, type, at, case_id, case_reference, fields, organisation_id, kind, category_code, status,
      source_id, language, reported_at, latitude, longitude, pt, was_position, left_organisation_id)
    select position, heard_type, at, case_id, case_reference,
      case when heard_type in ('case.published', 'case.removed') then '{}'
        when heard_type like 'response.%' then array['responses'] else fields end,
      organisation_id, kind, category_code, status, source_id, language, reported_at, latitude, longitude, pt,
      coalesce(lag(position) over (partition by case_id order by position), was_position),
      case when was_public and was_organisation_id <> organisation_id
        and lag(position) over (partition by case_id order by position) is null then was_organisation_id end
    from heard where heard_type is not null
    returning position, type, at, case_id, case_reference, fields, organisation_id, source_id, null::text as reason,
      type = 'case.removed' as gone),
  news as materialized (
    select placed - (select count(*) from due) as "from", placed as "to", ${linesJson('told')} as lines from moved)
  select (select count(*)::int from due) as placed, "to" as position,
    pg_notify('${PLACED}', case when octet_length(lines::text) < ${MOST_TOLD} then row_to_json(news)
      else json_build_object('from', "from", 'to', "to") end::text)
  from news`
