import { type Db, inTransaction, row, rows, type Sql } from '../prisma/client.ts'
import type { CaseFilter } from './case-filter.ts'
import { moveTap, tapPosition } from './change-log.ts'
import { DomainError } from './errors.ts'
import { readLog } from './log-lines.ts'

/** A feed of which the hub is to be told, as a path with its query. */
export type HubTopic = { topic: string; position: number; attempts: number }

/** What became of telling the hub. */
export type HubOutcome = { told: true } | { told: false; problem: string; retryAt: Date | null }

const TAP = 'hub'
/** Of one feed the hub is told at most so often, in milliseconds. */
export const HUB_GAP_MS = 60_000
// So long nobody else tells the hub of what one has claimed; longer than any answer takes.
const LEASE_MS = 120_000
const LINES = 1_000

/**
 * Notes which feeds have changed since the last time: those of everything, of each public saved query that selects what
 * happened, and of each organisation it belongs to. Goes on until nothing is left. Changes are noted when they are in the case
 * index: whoever comes for the feed then finds them. Safe to be done by several at once.
 */
export async function noteHubTopics(db: Db, now: Date): Promise<void> {
  for (;;) {
    const from = await tapPosition(db.pool, TAP)
    const { to, more, codes } = await touchedSince(db.pool, from)
    if (to <= from) return
    const queries = codes === null ? [] : await touchedQueries(db, from, now)
    const topics = codes === null ? [] : topicsOf(codes, queries)
    await inTransaction(db, async (tx) => {
      // Whoever comes second has nothing to note.
      const held = await row(tx, `select 1 from log_taps where name = $1 and position = $2 for update`, [
        TAP,
        from,
      ])
      if (held === undefined) return
      await moveTap(tx, TAP, to)
      await rows(tx, NOTE, [topics, to, now, HUB_GAP_MS], 'note-hub-topics')
    })
    if (!more) return
  }
}

/** Claims feeds of which the hub is to be told now, at most `limit`. */
export async function claimHubTopics(db: Db, now: Date, limit: number): Promise<HubTopic[]> {
  return rows<HubTopic>(
    db.pool,
    `update hub_topics t set attempts = t.attempts + 1, next_attempt_at = $1::timestamptz + $3::int * interval '1 ms'
     from (select topic from hub_topics where next_attempt_at <= $1 order by next_attempt_at limit $2 for update skip locked) due
     where t.topic = due.topic returning t.topic, t.position, t.attempts`,
    [now, limit, LEASE_MS],
    'claim-hub-topics',
  )
}

/** Notes what became of telling the hub of a feed that was claimed; what has changed since then is told a minute later. */
export async function settleHubTopic(
  db: Db,
  { topic, position }: HubTopic,
  outcome: HubOutcome,
  now: Date,
): Promise<void> {
  if (outcome.told) {
    await rows(
      db.pool,
      `update hub_topics set attempts = 0, problem = null, told_at = $3,
         next_attempt_at = case when position > $2 then $3::timestamptz + $4::int * interval '1 ms' end where topic = $1`,
      [topic, position, now, HUB_GAP_MS],
      'settle-hub-topic',
    )
    return
  }
  const { problem, retryAt } = outcome
  await rows(
    db.pool,
    `update hub_topics set problem = $2, next_attempt_at = $3, attempts = case when $3::timestamptz is null then 0 else attempts end
     where topic = $1`,
    [topic, problem, retryAt],
    'retry-hub-topic',
  )
}

/** The paths of the feeds of everything, of organisations by their codes, and of saved queries by their references. */
function topicsOf(codes: readonly string[], queries: readonly string[]): string[] {
  const selections = [
    '',
    ...codes.map((code) => `?${new URLSearchParams({ organisation: code })}`),
    ...queries.map((query) => `?${new URLSearchParams({ query })}`),
  ]
  return selections.flatMap((one) => FORMATS.map((format) => `/v1/feeds/cases.${format}${one}`))
}

const FORMATS = ['atom', 'json', 'rss'] as const

const NOTE = `
  insert into hub_topics as t (topic, position, next_attempt_at) select topic, $2, $3 from unnest($1::text[]) as n(topic)
  on conflict (topic) do update set position = excluded.position,
    next_attempt_at = coalesce(t.next_attempt_at, greatest(excluded.next_attempt_at, t.told_at + $4::int * interval '1 ms'))`

type Touched = { to: number; more: boolean; codes: string[] | null }

// The feed of an organisation has the cases of all below it and of what it succeeded; that of a branch those of its surgery.
async function touchedSince(sql: Sql, from: number): Promise<Touched> {
  const found = await row<{ last: number | null; seen: number; end: number; codes: string[] }>(
    sql,
    `with recursive ends as (select least(placed, position) as position from log_state),
     lines as materialized (
       select p.position, p.organisation_id, p.left_organisation_id from public_events p
       where p.position > $1::bigint and p.position <= (select position from ends) order by p.position limit $2::int),
     touched as (
       select organisation_id as id from lines union select left_organisation_id from lines where left_organisation_id is not null),
     up(id) as (
       select id from touched
       union
       select above.id from organisations o join up on up.id = o.id join organisations above on above.id in (o.parent_id, o.succeeded_by_id)),
     named as (
       select id from up union select b.id from organisations b join touched t on t.id = b.parent_id where b.kind = 'gp_branch')
     select (select max(position) from lines) as last, (select count(*)::int from lines) as seen,
       (select position from ends) as end,
       array(select o.code from organisations o join named n on n.id = o.id order by o.code) as codes`,
    [from, LINES],
    'touched-organisations',
  )
  if (found === undefined) throw new Error('an aggregate gave no row')
  const { last, seen, end, codes } = found
  const more = seen === LINES
  return { to: more && last !== null ? last : end, more, codes: seen === 0 ? null : codes }
}

async function touchedQueries(db: Db, after: number, now: Date): Promise<string[]> {
  const queries = await rows<{ reference: string; filter: CaseFilter }>(
    db.pool,
    `select reference, filter from saved_queries where view = 'public' order by id`,
    [],
    'public-queries',
  )
  const touched: string[] = []
  for (const { reference, filter } of queries) {
    if (await isTouched(db, filter, after, now)) touched.push(reference)
  }
  return touched
}

async function isTouched(db: Db, filter: CaseFilter, after: number, now: Date): Promise<boolean> {
  try {
    const { lines } = await readLog(db, { view: 'public' }, { filter, after, limit: 1, now })
    return lines.length > 0
  } catch (error) {
    // What it names may be gone since it was saved: its feed says so.
    if (error instanceof DomainError) return false
    throw error
  }
}
