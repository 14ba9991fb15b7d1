import { type Db, type DigestInterval, inTransaction, row, rows } from '../prisma/client.ts'
import { conditionsOf, PUBLISHED, resolveFilter, wordsCondition } from './case-filter.ts'
import { nextDigestAt } from './digest-times.ts'
import { CONFIRM_WITHIN_MS, endDigests } from './digests.ts'
import { DomainError } from './errors.ts'
import { readLog } from './log-lines.ts'
import type { SavedFilter } from './saved-queries.ts'
import { joined } from './sql-conditions.ts'

/** What a digest tells: how many cases, and the references of the first of them. */
export type News = { count: number; references: string[] }

/** The part of the change log that one mail tells of: after `from`, up to `to`. */
export type Span = { from: number; to: number }

const AT_ONCE = 100
const LINES_AT_ONCE = 1_000
const MOST_REFERENCES = 200

/**
 * Notes the digests that are due and have something to tell, each with its part of the log, and moves on those that have
 * nothing; ends those that nobody has confirmed. Goes on until nothing is due, while `goesOn`. May run twice, and be killed
 * anywhere: the part of the log and the mail about it are noted together. Resolves to how many mails that were.
 */
export async function noteQueryDigests(db: Db, now: Date, goesOn = () => true): Promise<number> {
  await endUnconfirmed(db, now)
  let noted = 0
  let after = 0
  while (goesOn()) {
    const due = await dueAfter(db, after, now)
    for (const digest of due) if (goesOn() && (await noteOne(db, digest, now))) noted++
    after = due.at(-1)?.id ?? after
    if (due.length < AT_ONCE) break
  }
  return noted
}

/** What there is to tell of a part of the log, as things are now: each case once, and none that has left the selection. */
export async function newsOf(db: Db, filter: SavedFilter, span: Span, now: Date): Promise<News> {
  const resolved = await resolveFilter(db, filter)
  const touched = new Set<number>()
  for await (const { caseId, gone } of linesOf(db, filter, span, now))
    if (caseId !== null && !gone) touched.add(caseId)
  const more = joined(
    2,
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
  )
  const found = await row<News>(
    db.pool,
    `select count(*)::int as count, coalesce((array_agg(c.reference order by c.id desc))[1:${MOST_REFERENCES}], '{}') as references
     from cases c where ${['c.id = any($1::bigint[])', PUBLISHED, ...more.sql].join(' and ')}`,
    [[...touched], ...more.values],
  )
  return found as News
}

/** The key of the notification of a part of the log, which makes it one. */
function keyOfDigest(digestId: number, { from, to }: Span): string {
  return `query_digest:${digestId}:${from}:${to}`
}

/** The part of the log that such a key names. */
export function spanOfKey(key: string): Span {
  const [, from, to] = /^query_digest:\d+:(\d+):(\d+)$/.exec(key) ?? []
  if (from === undefined) throw new Error('the notification is about no part of the log')
  return { from: Number(from), to: Number(to) }
}

type Due = { id: number; every: DigestInterval; position: number; filter: SavedFilter }

async function dueAfter(db: Db, after: number, now: Date): Promise<Due[]> {
  return rows<Due>(
    db.pool,
    `select d.id, d.every, d.position, q.filter from digests d join saved_queries q on q.id = d.query_id
     where d.state = 'active' and d.next_at <= $2 and d.id > $1 order by d.id limit $3`,
    [after, now, AT_ONCE],
    'due-digests',
  )
}

// Whoever does the same at the same time finds the position moved, and does nothing.
async function noteOne(db: Db, { id, every, position, filter }: Due, now: Date): Promise<boolean> {
  const { to, news } = await lookAhead(db, filter, position, now)
  const noted = await row<{ noted: number }>(
    db.pool,
    `with moved as (
       update digests set position = $3, next_at = $4 where id = $1 and state = 'active' and position = $2 and next_at <= $5
       returning id),
     noted as (
       insert into notifications (key, kind, digest_id, created_at, next_attempt_at)
       select $6, 'query_digest', id, $5, $5 from moved where $7 on conflict (key) do nothing returning 1)
     select count(*)::int as noted from noted`,
    [id, position, to, nextDigestAt(every, now), now, keyOfDigest(id, { from: position, to }), news],
    'note-query-digest',
  )
  return (noted?.noted ?? 0) > 0
}

// A query that names what is not there any more selects nothing, until its client changes it.
async function lookAhead(
  db: Db,
  filter: SavedFilter,
  from: number,
  now: Date,
): Promise<{ to: number; news: boolean }> {
  const ahead = { to: from, news: false }
  try {
    for (let more = true; more; ) {
      const page = await readLog(
        db,
        { view: 'public' },
        { filter, after: ahead.to, limit: LINES_AT_ONCE, now },
      )
      ahead.news ||= page.lines.some(({ caseId, gone }) => caseId !== null && !gone)
      ahead.to = page.next
      more = page.more
    }
  } catch (error) {
    if (!(error instanceof DomainError)) throw error
  }
  return ahead
}

async function* linesOf(db: Db, filter: SavedFilter, { from, to }: Span, now: Date) {
  let after = from
  for (let more = true; more && after < to; ) {
    const page = await readLog(db, { view: 'public' }, { filter, after, limit: LINES_AT_ONCE, now })
    for (const line of page.lines) if (line.position <= to) yield line
    after = page.next
    more = page.more
  }
  // The index is being built anew: the mail waits for it, and leaves nothing out.
  if (after < to) throw new Error('the words of these cases are not in the index yet')
}

// As long as the last link works that they were sent.
async function endUnconfirmed(db: Db, now: Date): Promise<void> {
  await inTransaction(db, (tx) =>
    endDigests(
      tx,
      null,
      `d.state = 'unconfirmed' and d.created_at < $1 and not exists (
         select from notifications n where n.digest_id = d.id and n.created_at >= $1)`,
      [new Date(now.getTime() - CONFIRM_WITHIN_MS)],
    ),
  )
}
