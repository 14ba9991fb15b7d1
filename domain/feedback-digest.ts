import { type Db, row, rows, type Sql } from '../prisma/client.ts'
import type { ClaimedNotification } from './notifications.ts'
import { isSucceeded, nextUp } from './succession.ts'

/** What one digest tells: how many, and the references of the first of them. */
export type Digest = { count: number; references: string[] }

/** From this hour on, where the organisations are, a day's digest may go out. */
const FIRST_HOUR = 7
const MOST_REFERENCES = 200

/**
 * Notes the digests of the day: for each organisation that hears of feedback by digest, has an address and got some
 * since its last one. Once a day, however often it is asked; how many messages that were.
 */
export async function noteDigests(db: Db, now: Date): Promise<number> {
  const { day, hour } = londonTime(now)
  if (hour < FIRST_HOUR) return 0
  const noted = await rows(
    db.pool,
    `insert into notifications (key, kind, organisation_id, address, created_at, next_attempt_at)
     select 'feedback_digest:' || o.id || ':' || $1 || ':' || a.address, 'feedback_digest', o.id, a.address, $2, $2
     from organisations o cross join lateral (values (1, o.notify_email), (2, o.notify_email_2)) as a(address, email)
     where o.feedback_notice = 'digest' and a.email is not null and not ${isSucceeded('o')}
       -- One that still waits for its server comes first; the next one takes up where it ended.
       and not exists (select 1 from notifications w where w.organisation_id = o.id and w.address = a.address
                         and w.kind = 'feedback_digest' and w.state = 'waiting')
       and exists (select 1 ${feedbackOf({ organisation: 'o.id', address: 'a.address', upTo: '$2::timestamptz' })})
     on conflict (key) do nothing returning 1`,
    [day, now],
    'note-digests',
  )
  return noted.length
}

/** What a digest tells now; nothing of what was withdrawn, rejected or removed meanwhile. */
export async function digestOf(
  sql: Sql,
  { address, createdAt }: Pick<ClaimedNotification, 'address' | 'createdAt'>,
  organisationId: number,
): Promise<Digest> {
  const found = await row<Digest>(
    sql,
    `select count(*)::int as count, coalesce((array_agg(c.reference order by c.id))[1:${MOST_REFERENCES}], '{}') as references
     ${feedbackOf({ organisation: '$1::int', address: '$2::int', upTo: '$3::timestamptz' })}`,
    [organisationId, address, createdAt],
    'digest-of',
  )
  return found as Digest
}

/**
 * SQL for the feedback `c` that a digest at `upTo` tells an organisation of: what came to it, or to one below it that has
 * no address of its own, or to one that it succeeded, since its last digest that was sent; at most seven days. What a source sends counts when it
 * is new there too, and not the source's first import.
 */
function feedbackOf({
  organisation,
  address,
  upTo,
}: Record<'organisation' | 'address' | 'upTo', string>): string {
  // A case shows only when its transaction has ended, a little after the time that it says.
  const settled = (time: string) => `${time} - interval '5 minutes'`
  const last = `(select max(p.created_at) from notifications p
     where p.organisation_id = ${organisation} and p.address = ${address} and p.kind = 'feedback_digest' and p.state = 'sent')`
  return `from cases c
     where c.kind = 'feedback' and not c.test and c.status <> 'withdrawn' and c.publication not in ('rejected', 'removed')
       -- By its key, which begins with the time of the report, so that the index finds the last fortnight.
       and c.id > floor(extract(epoch from ${upTo} - interval '14 days') - 946684800)::bigint * 4194304
       and c.created_at <= ${settled(upTo)}
       and c.created_at > greatest(${upTo} - interval '7 days', ${settled(last)})
       and c.reported_at > c.created_at - interval '7 days'
       and (c.channel <> 'feed' or exists (select 1 from runs r
         where r.source_id = c.source_id and r.state = 'succeeded' and r.finished_at < c.created_at))
       and c.organisation_id in (
         with recursive below(id) as (
           select ${organisation}
           union
           select b.id from organisations b join below on below.id = ${nextUp('b')}
           where ${isSucceeded('b')} or b.notify_email is null and b.notify_email_2 is null
         ) select id from below)`
}

function londonTime(now: Date): { day: string; hour: number } {
  const parts = new Intl.DateTimeFormat('en-CA', {
    timeZone: 'Europe/London',
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
  }).formatToParts(now)
  const of = (type: string) => parts.find((part) => part.type === type)?.value ?? ''
  return { day: `${of('year')}-${of('month')}-${of('day')}`, hour: Number(of('hour')) }
}
