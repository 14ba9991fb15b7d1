import { type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { conditionsOf, resolveFilter } from './case-filter.ts'
import { commissionersBehind } from './commissioners.ts'
import { countedFor, isCentral } from './figure-scope.ts'
import { joined } from './sql-conditions.ts'

/** Where something waits for somebody. */
export type QueueName =
  | 'moderation'
  | 'second_tier'
  | 'questions'
  | 'acknowledgement'
  | 'response'
  | 'referral'
  | 'removal_request'
  | 'report'
  | 'escalation'
  | 'quarantine'

/** How much waits, and how long it has; minutes of the calendar. */
export type QueueAge = {
  queue: QueueName
  waiting: number
  overdue: number
  oldestAt: string | null
  oldestMinutes: number | null
  medianMinutes: number | null
  p90Minutes: number | null
}

/**
 * How old each queue of the client is, in a fixed order: all of them for the central team and administrators, for a provider
 * or commissioner what waits for its organisations, or for itself. With `organisation`, an ODS code, only what is with that
 * and what belongs to it. Throws `validation_failed` for an unknown one.
 */
export async function listQueueAges(
  db: Db,
  client: ClientCaller,
  { organisation, now }: { organisation?: string | undefined; now: Date },
): Promise<QueueAge[]> {
  const resolved = await resolveFilter(db, {
    organisation: organisation === undefined ? undefined : [organisation],
  })
  const { sql, values } = joined(
    4,
    (next) => countedFor(client, next),
    (next) => conditionsOf(resolved, next),
  )
  const queues = queuesOf(client).filter((queue) => organisation === undefined || queue !== 'quarantine')
  return rows<QueueAge>(db.pool, agesSql(queues, sql.join(' and ')), [
    queues,
    now,
    client.role === 'commissioner' ? await commissionersBehind(db.pool, client) : null,
    ...values,
  ])
}

function queuesOf({ role, test }: ClientCaller): QueueName[] {
  const all = Object.keys(WAITING) as QueueName[]
  // Sources bring nothing that is only tried out.
  if (isCentral(role)) return all.filter((queue) => !test || queue !== 'quarantine')
  return all.filter((queue) => OF_PROVIDERS.includes(queue))
}

const OF_PROVIDERS: readonly QueueName[] = ['acknowledgement', 'response', 'referral', 'escalation']

// For a case that was closed and is open again its time began anew, and with its last move at the latest.
const OPEN_SINCE = `case when c.closed_at is null then c.created_at else coalesce((
  select max(e.at) from events e where e.case_id = c.id and e.type in ('case.status_changed', 'case.reopened_by_reporter')),
  c.created_at) end`
// It has waited for this decision since it came to where it is.
const UNDECIDED_SINCE = `coalesce((
  select max(e.at) from events e where e.case_id = c.id and 'publication' = any(e.fields)), c.created_at)`
const IS_OPEN = `c.status in ('open', 'in_progress')`
const WITH_CENTRAL = `c.kind = 'question' and not c.passed_on`

/** SQL for what waits in each queue: since when, by when it is due, and which; in the order in which they are shown. */
const WAITING: Readonly<Record<QueueName, { since: string; due: string; from: string; where: string }>> = {
  moderation: {
    since: UNDECIDED_SINCE,
    due: 'c.moderate_due_at',
    from: 'cases c',
    where: `c.publication = 'awaiting_moderation' and c.status <> 'withdrawn'`,
  },
  second_tier: {
    since: UNDECIDED_SINCE,
    due: 'c.moderate_due_at',
    from: 'cases c',
    where: `c.publication = 'awaiting_second_tier' and c.status <> 'withdrawn'`,
  },
  questions: {
    since: OPEN_SINCE,
    due: `least(case when c.status = 'open' and c.acknowledged_at is null then c.acknowledge_due_at end,
      case when c.paused_at is null then c.respond_due_at end)`,
    from: 'cases c',
    where: `${WITH_CENTRAL} and ${IS_OPEN}`,
  },
  // Of a case whose clocks run, one is the next: the index of what is due has it.
  acknowledgement: {
    since: 'c.created_at',
    due: 'c.acknowledge_due_at',
    from: 'cases c',
    where: `c.due_at is not null and c.status = 'open' and c.acknowledged_at is null and c.acknowledge_due_at is not null
      and not (${WITH_CENTRAL})`,
  },
  // A paused one waits for its reporter.
  response: {
    since: OPEN_SINCE,
    due: 'c.respond_due_at',
    from: 'cases c',
    where: `c.due_at is not null and ${IS_OPEN} and c.respond_due_at is not null and c.paused_at is null and not (${WITH_CENTRAL})`,
  },
  referral: {
    since: 'f.created_at',
    due: 'f.due_at',
    from: 'referrals f join cases c on c.id = f.case_id',
    where: `f.state = 'waiting'`,
  },
  removal_request: objections('removal_request'),
  report: objections('report'),
  escalation: {
    since: 'x.created_at',
    due: 'x.due_at',
    from: 'escalations x join cases c on c.id = x.case_id',
    // A case may have several commissioners; it is escalated to one.
    where: `x.state = 'waiting' and ($3::int[] is null or x.to_id = any($3))`,
  },
  quarantine: {
    since: 'q.first_seen_at',
    due: 'null::timestamptz',
    from: 'quarantined_items q',
    where: 'q.dismissed_at is null',
  },
}

function objections(kind: 'removal_request' | 'report') {
  return {
    since: 'j.created_at',
    due: 'j.due_at',
    from: 'objections j join cases c on c.id = j.case_id',
    where: `j.state = 'open' and j.kind = '${kind}'`,
  }
}

// $1 are the queues, $2 is now, $3 the commissioners that the client is, null for everybody else.
function agesSql(queues: readonly QueueName[], ofCases: string): string {
  const parts = queues.map((queue) => {
    const { since, due, from, where } = WAITING[queue]
    const conditions = [where, ...(queue === 'quarantine' ? [] : [ofCases])]
    return `select '${queue}' as queue, ${since} as since, ${due} as due from ${from} where ${conditions.join(' and ')}`
  })
  return `
    with waiting as (${parts.join(' union all ')}),
    aged as (select queue, since, due < $2 as overdue, greatest(0, extract(epoch from $2::timestamptz - since) / 60) as minutes from waiting)
    select q.queue, count(a.queue)::int as waiting, count(*) filter (where a.overdue)::int as overdue, min(a.since) as "oldestAt",
      floor(max(a.minutes))::int as "oldestMinutes",
      floor(percentile_cont(0.5) within group (order by a.minutes))::int as "medianMinutes",
      floor(percentile_cont(0.9) within group (order by a.minutes))::int as "p90Minutes"
    from unnest($1::text[]) with ordinality as q(queue, n) left join aged a on a.queue = q.queue
    group by q.queue, q.n order by q.n`
}
