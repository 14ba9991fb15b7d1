import { type Db, row } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import {
  type CaseFilter,
  conditionsOf,
  type OwnCaseFilter,
  ownConditionsOf,
  type ResolvedFilter,
  resolveFilter,
  wordsCondition,
} from './case-filter.ts'
import { type LogLine, linesJson } from './log-line.ts'
import { relationTo, SELECTED_BY } from './log-relations.ts'
import { joined } from './sql-conditions.ts'

export type { LogLine } from './log-line.ts'

/** Who reads the log: everybody hears what the public hears, a client what happens to the cases that it relates to. */
export type LogReader = { view: 'public' } | { view: 'mine'; client: ClientCaller }

/**
 * Lines in their order; from `next` it goes on, at once while there is `more`. The log ends at `end`; where words are looked
 * for, `next` may stay before it until they are in the index.
 */
export type LogPage = { lines: LogLine[]; next: number; more: boolean; end: number }

export type LogWanted = {
  filter: OwnCaseFilter
  /** Only these types; all when undefined or empty. */
  types?: readonly string[] | undefined
  /** The last position that the reader has had. */
  after: number
  limit: number
  now: Date
  /** So many lines are looked at for one page, however few of them are selected. */
  window?: number
}

const WINDOW = 5_000

/**
 * The lines of the log after a position that a reader selects: of cases that were in the selection when it happened (in the
 * view `mine`: that are now), and as `gone` of those that have just left it. Throws `validation_failed` as `resolveFilter`
 * does, and for a key of a role to which cases relate, without the scope to read them.
 */
export async function readLog(db: Db, reader: LogReader, wanted: LogWanted): Promise<LogPage> {
  const resolved = await resolveFilter(db, wanted.filter)
  const { after, limit } = wanted
  const plain = reader.view === 'public' && isEverything(wanted)
  // Where all lines are selected, more than a page of them need not be looked at.
  const window = plain ? Math.min(limit + 1, wanted.window ?? WINDOW) : (wanted.window ?? WINDOW)
  const asked: Asked = { ...wanted, resolved, window }
  const text = reader.view === 'public' ? publicLines(asked) : ownLines(reader.client, asked)
  const found = await row<Found>(db.pool, text.sql, text.values, plain ? 'public-log' : undefined)
  if (found === undefined) throw new Error('the row of log_state is missing')
  const { lines, seen, last, known, end } = found
  if (lines.length > limit) {
    const page = lines.slice(0, limit)
    return { lines: page, next: page.at(-1)?.position ?? after, more: true, end }
  }
  if (seen === window && last !== null) return { lines, next: last, more: true, end }
  return { lines, next: Math.max(after, known), more: false, end }
}

/** The one line at a position, as its reader would have it now; undefined when it is none of theirs. */
export async function readLine(
  db: Db,
  reader: LogReader,
  position: number,
  now: Date,
): Promise<LogLine | undefined> {
  const { lines } = await readLog(db, reader, { filter: {}, after: position - 1, limit: 1, now, window: 1 })
  return lines.find((line) => line.position === position)
}

type Asked = LogWanted & { resolved: ResolvedFilter; window: number }
type Found = { lines: LogLine[]; seen: number; last: number | null; known: number; end: number }
type Text = { sql: string; values: unknown[] }

function isEverything({ filter, types = [] }: LogWanted): boolean {
  return types.length === 0 && Object.values(filter).every((value) => value === undefined)
}

// What a line keeps of its case, under the names by which filters select cases.
const stateOf = (
  line: string,
): string => `(select ${line}.case_id as id, ${line}.kind, ${line}.category_code, ${line}.status,
  ${line}.source_id, ${line}.organisation_id, ${line}.language, ${line}.reported_at, ${line}.latitude, ${line}.longitude, ${line}.pt) as c`

// The words of a case are in its index a moment after its event has a position: before that nobody knows whether a line is
// selected by them. So with words the log ends where the index does.
const page = (lines: string, { words, selected }: { words: boolean; selected: string }): string => `
  with state as materialized (select placed, ${words ? 'position' : 'placed'} as known from log_state),
  scanned as materialized (
    select l.* from ${lines} l where l.position > $1::bigint and l.position <= (select known from state) order by l.position limit $4::int),
  selected as materialized (${selected} order by e.position limit $2::int)
  select ${linesJson('selected')} as lines,
    (select count(*)::int from scanned) as seen, (select max(position) from scanned) as last, known, placed as end
  from state`

/** Which lines `e` of `public_events` a filter selects: SQL for what is joined, the condition, and whether the case is gone. */
export type Heard = { joins: string; where: string; gone: string; values: unknown[] }

/**
 * What the public hears of a filter, numbered from `first`: lines of cases that were in the selection when it happened, and
 * those by which one has just left it. The words of a case are only known as they are now: a line that changes them may be
 * the one by which it left.
 */
export function heardOf(resolved: ResolvedFilter, first: number): Heard {
  const conditions = conditionsOf(resolved, first)
  const words = wordsCondition(resolved, first + conditions.values.length)
  const state = conditions.sql.join(' and ') || 'true'
  const said = words.sql.join(' and ') || 'true'
  return {
    joins: `left join public_events w on w.position = e.was_position
      cross join lateral (select coalesce(${state}, false) as state, coalesce(${said}, false) as said from ${stateOf('e')}) as is_in
      left join lateral (select coalesce(${state}, false) as state from ${stateOf('w')}) as was_in on w.position is not null`,
    where: `(is_in.state and is_in.said
      or was_in.state and (is_in.said or e.type = 'case.removed' or e.fields && '{title,text,responses}'))`,
    gone: `(e.type = 'case.removed' or not (is_in.state and is_in.said))`,
    values: [...conditions.values, ...words.values],
  }
}

function publicLines({ resolved, after, limit, types = [], window }: Asked): Text {
  const values: unknown[] = [after, limit + 1, types, window]
  const heard = heardOf(resolved, values.length + 1)
  values.push(...heard.values)
  const selected = `
    select e.position, e.type, e.at, e.case_id, e.case_reference, e.organisation_id, e.source_id, e.fields, null::text as reason,
      ${heard.gone} as gone
    from scanned e ${heard.joins}
    where ($3::text[] = '{}' or e.type = any($3::text[])) and ${heard.where}`
  return { sql: page('public_events', { words: resolved.words !== undefined, selected }), values }
}

// A line about a case that does not relate to its reader any more says nothing but that.
function ownLines(
  client: ClientCaller,
  { resolved, filter, after, limit, types = [], window, now }: Asked,
): Text {
  const values: unknown[] = [after, limit + 1, types, window, client.clientId, SELECTED_BY]
  const of = relationTo(client, { me: '$5::int', values })
  const more = joined(
    values.length + 1,
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
    (first) => ownConditionsOf(filter as CaseFilter, now, first),
  )
  values.push(...more.values)
  const selects = more.sql.join(' and ') || 'true'
  const everything = more.sql.length === 0
  const selected = `
    select e.position, told.type, e.at, e.case_id, e.case_reference, told.reason, told.fields,
      case when e.case_id is null then e.organisation_id when is_in.related then c.organisation_id end as organisation_id,
      case when e.case_id is null then e.source_id when is_in.related then c.source_id end as source_id,
      e.case_id is not null and not (is_in.related and is_in.selected) as gone
    from scanned e left join cases c on c.id = e.case_id
    cross join lateral (select c.id is not null and coalesce(${of.cases}, false) as related,
      c.id is not null and coalesce(${selects}, false) as selected) as is_in
    cross join lateral (select ${of.type} as type,
      case when e.case_id is null or is_in.related then ${of.fields} else '{}' end as fields,
      case when e.case_id is null or is_in.related then ${of.reason} end as reason) as told
    where ($3::text[] = '{}' or told.type = any($3::text[])) and told.type is not null
      and case
        when e.case_id is null then ${everything} and (${of.others})
        when is_in.related then is_in.selected or e.fields && $6::text[]
        else coalesce(${of.left}, false)
      end`
  return { sql: page('events', { words: resolved.words !== undefined, selected }), values }
}
