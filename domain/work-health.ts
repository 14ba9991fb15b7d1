import { type Db, row } from '../prisma/client.ts'

/** Work that is done after the request that brought it has been answered. */
export type WorkKind = 'event' | 'index' | 'notification' | 'delivery' | 'poll' | 'survey' | 'digest'

/**
 * Within so many seconds of being due each kind of work has to be done; the only place that says so. They are many times
 * what it takes when all is well: whoever is over one needs a person.
 */
export const deadlineSeconds: Readonly<Record<WorkKind, number>> = {
  event: 60,
  index: 120,
  notification: 600,
  delivery: 600,
  poll: 900,
  survey: 3_600,
  digest: 3_600,
}

/** The oldest undone work of one kind; `oldestSeconds` since when it is due, null when nothing is. */
export type WorkAge = {
  kind: WorkKind
  /** Counted up to `MOST_COUNTED`. */
  waiting: number
  oldestSeconds: number | null
  deadlineSeconds: number
  late: boolean
}

export type WorkHealth = { status: 'ok' | 'late'; checkedAt: string; work: WorkAge[] }

export const MOST_COUNTED = 1_000
const KEEP_MS = 5_000

/**
 * How old the oldest undone work of each kind is:
 *
 * - `event`: committed, and has no position;
 * - `index`: has its position, and is not in what is kept ready of cases;
 * - `notification`: due to be told; one of an urgent case counts from when it was noted, not from its next attempt. An event
 *   of which nobody has noted yet whom it is told counts too. Surveys stand by themselves;
 * - `delivery`: due and free to go, of an active subscription whose receiver answers; or an event that is not handed out;
 * - `poll`: a source whose time has come and that nobody has claimed;
 * - `survey`: the question about the outcome, due to be sent;
 * - `digest`: an active one whose time has come.
 *
 * Every statement behind it walks along an index and stops at `MOST_COUNTED`.
 */
export async function workHealth(db: Db, now: Date): Promise<WorkHealth> {
  const found = await row<Record<WorkKind, Due>>(db.pool, WORK_HEALTH, [now, MOST_COUNTED], 'work-health')
  const kinds = Object.keys(deadlineSeconds) as WorkKind[]
  const work = kinds.map((kind) => ageOf(kind, found?.[kind] ?? { n: 0, since: null }, now))
  return {
    status: work.some(({ late }) => late) ? 'late' : 'ok',
    checkedAt: now.toISOString(),
    work,
  }
}

const kept = new WeakMap<Db, { at: number; health: Promise<WorkHealth> }>()

/** The same, asked of the store every few seconds at most by this process, however many ask. */
export async function knownWorkHealth(db: Db, now: Date): Promise<WorkHealth> {
  const known = kept.get(db)
  if (known !== undefined && Math.abs(now.getTime() - known.at) < KEEP_MS) return known.health
  const health = workHealth(db, now)
  kept.set(db, { at: now.getTime(), health })
  health.catch(() => kept.delete(db))
  return health
}

type Due = { n: number; since: string | null }

function ageOf(kind: WorkKind, { n, since }: Due, now: Date): WorkAge {
  const oldestSeconds = since === null ? null : Math.max(0, secondsBetween(since, now))
  return {
    kind,
    waiting: Math.min(n, MOST_COUNTED),
    oldestSeconds,
    deadlineSeconds: deadlineSeconds[kind],
    late: oldestSeconds !== null && oldestSeconds > deadlineSeconds[kind],
  }
}

function secondsBetween(since: string, now: Date): number {
  return Math.floor((now.getTime() - Date.parse(since)) / 1_000)
}

/** One kind as `{ n, since }` of a query that gives `since` of what is due, and for how much it stands. */
const due = (query: string): string =>
  `(select json_build_object('n', coalesce(sum(n), 0), 'since', min(since)) from (${query}) as d)`

// Of a log that is read in order only the first event that was not read says how old it is.
const behind = (position: string): string => `
  select e.at as since, (select placed from log_state) - ${position} as n from events e
  where e.position > ${position} order by e.position limit 1`

const ASIDE = `('survey_for_reporter', 'urgent_for_on_call')`
const INDEXED = '(select position from log_state)'
const TOLD = `(select position from log_taps where name = 'notifications')`
const HANDED_OUT = `(select min(s.position) from subscriptions s where s.state = 'active' and s.position < (select placed from log_state))`

const NOTIFICATIONS = `
  (select next_attempt_at as since, 1 as n from notifications
   where state = 'waiting' and next_attempt_at <= $1 and kind not in ${ASIDE} order by next_attempt_at limit $2)
  union all
  (select created_at, 1 from notifications where state = 'waiting' and kind = 'urgent_for_on_call' order by next_attempt_at limit $2)
  union all
  (${behind(TOLD)})`

// What waits behind an older one of its case cannot go yet; and while a subscriber does not answer, what waits is not ours.
const DELIVERIES = `
  (select d.since, 1 as n from subscriptions s cross join lateral (
     select w.next_attempt_at as since, w.id, w.case_id from deliveries w
     where w.subscription_id = s.id and w.state = 'waiting' and w.next_attempt_at <= $1
     order by w.next_attempt_at limit $2) as d
   where s.state = 'active' and s.failing_since is null and not exists (
     select from deliveries o where o.subscription_id = s.id and o.case_id = d.case_id and o.state = 'waiting' and o.id < d.id)
   limit $2)
  union all
  (${behind(HANDED_OUT)})`

const EVENTS = 'select at as since, 1 as n from events where position is null order by id limit $2'

const POLLS = `
  select next_check_at as since, 1 as n from sources
  where state <> 'paused' and connector is not null and next_check_at <= $1 and (claimed_until is null or claimed_until <= $1)
  order by next_check_at limit $2`

const SURVEYS = `
  select next_attempt_at as since, 1 as n from notifications
  where state = 'waiting' and next_attempt_at <= $1 and kind = 'survey_for_reporter' order by next_attempt_at limit $2`

const DIGESTS = `
  select next_at as since, 1 as n from digests where state = 'active' and next_at <= $1 order by next_at limit $2`

const WORK_HEALTH = `
  select ${due(EVENTS)} as event, ${due(behind(INDEXED))} as index, ${due(NOTIFICATIONS)} as notification,
    ${due(DELIVERIES)} as delivery, ${due(POLLS)} as poll, ${due(SURVEYS)} as survey, ${due(DIGESTS)} as digest`
