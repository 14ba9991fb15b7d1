import { type CaseKind, type Channel, type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { conditionsOf, resolveFilter } from './case-filter.ts'
import { closedStatuses } from './case-rules.ts'
import { type Page, pageOf, readCursor, unknownCursor } from './cursors.ts'
import { londonDay } from './digest-times.ts'
import { invalid } from './errors.ts'
import { countedFor } from './figure-scope.ts'
import { countPeriods, type Days, type PeriodLength, periodAfter, periodOf, timesOf } from './periods.ts'
import { joined, limitTo } from './sql-conditions.ts'

/** What came in one period by one channel and client. */
export type Demand = {
  /** Days of London, both included. */
  from: string
  to: string
  channel: Channel
  /** Null for what a source brought. */
  client: string | null
  cases: number
  closed: number
  answeredCentrally: number
  /** Of those that anybody has answered or closed; null when there are none. */
  shareCentrally: number | null
}

export type DemandAsked = {
  by: PeriodLength
  from?: string | undefined
  to?: string | undefined
  /** An ODS code; what belongs to it is meant too. */
  organisation?: string | undefined
  kind?: readonly CaseKind[] | undefined
  after?: string | undefined
  limit: number
  now: Date
}

/** So many periods are shown when nothing is said of them, and so many at most. */
const USUAL_PERIODS = 13
const MOST_PERIODS = 400
/** Nobody has told anything before. */
const FIRST_DAY = '1900-01-01'

/**
 * What came in each period by channel and client, of the cases that the client's figures are made of; what nothing came in
 * has no row. Throws `validation_failed` for days in the wrong order, too many periods and an unknown organisation.
 */
export async function listDemand(db: Db, client: ClientCaller, asked: DemandAsked): Promise<Page<Demand>> {
  const { by, organisation, kind, limit } = asked
  const days = daysOf(asked)
  const cursor = readCursor(asked.after, ['string', 'string', 'string'] as const)
  const [first, channel, name] = cursor ?? [FIRST_DAY, '', '']
  if (!DAY.test(first) || Number.isNaN(Date.parse(first))) throw unknownCursor()
  // Periods before that of the cursor are not counted again.
  const from = first > days.from ? first : days.from
  if (from > days.to) return { items: [], next: null }

  const times = timesOf({ from, to: days.to })
  const resolved = await resolveFilter(db, {
    organisation: organisation === undefined ? undefined : [organisation],
    kind,
    reportedFrom: times.from.toISOString(),
    reportedTo: times.before.toISOString(),
  })
  const { sql, values } = joined(
    6,
    (next) => countedFor(client, next),
    (next) => conditionsOf(resolved, next),
  )
  const found = await rows<Demand & { first: string }>(db.pool, demandSql(by, sql.join(' and '), limit + 1), [
    days.from,
    days.to,
    first,
    channel,
    name,
    ...values,
  ])
  const page = pageOf(found, limit, (last) => [last.first, last.channel, last.client ?? ''])
  return { next: page.next, items: page.items.map(({ first: _, ...demand }) => demand) }
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

// Nothing is told in the future.
function daysOf({ by, from, to, now }: DemandAsked): Days {
  const today = londonDay(now)
  const last = to !== undefined && to < today ? to : today
  const first = from ?? periodAfter(periodOf(last, by), by, 1 - USUAL_PERIODS)
  if (to !== undefined && first > to) throw daysTurnedRound()
  const days = { from: first < FIRST_DAY ? FIRST_DAY : first, to: last }
  if (countPeriods(days, by) <= MOST_PERIODS) return days
  throw invalid({
    in: 'query',
    pointer: '/from',
    code: 'too_many_periods',
    detail: `At most ${MOST_PERIODS} periods are counted at once; ask for fewer days or longer periods.`,
  })
}

function daysTurnedRound(): Error {
  const detail = 'The last day lies before the first; send the earlier one as from.'
  return invalid({ in: 'query', pointer: '/to', code: 'days_turned_round', detail })
}

const ENDED = closedStatuses
  .filter((status) => status !== 'withdrawn')
  .map((status) => `'${status}'`)
  .join(', ')

/*
 * A case counts as dealt with by whoever has answered it and by whoever moved it to where it ended. What a source brought
 * ended without anybody, what its reporter has withdrawn too.
 */
function demandSql(by: PeriodLength, where: string, limit: number): string {
  return `
    with counted as (
      select date_trunc('${by}', c.reported_at at time zone 'Europe/London')::date as first, c.channel::text as channel, a.name as client,
        count(*)::int as cases, count(*) filter (where c.closed)::int as closed,
        count(*) filter (where c.central and not c.provider)::int as centrally,
        count(*) filter (where c.central or c.provider)::int as dealt_with
      from (
        select c.reported_at, c.channel, c.client_id, c.status not in ('open', 'in_progress') as closed,
          coalesce(e.role = 'case_handler', false) or coalesce(r.central, false) as central,
          coalesce(e.role = 'provider', false) or coalesce(r.provider, false) as provider
        from cases c
        left join lateral (
          select bool_or(r.organisation_id is null and r.source_id is null) as central,
            bool_or(r.organisation_id is not null or r.source_id is not null) as provider
          from responses r where r.case_id = c.id) r on true
        left join lateral (
          select l.role from events e join api_clients l on l.id = e.client_id
          where e.case_id = c.id and e.type = 'case.status_changed' and c.status in (${ENDED})
          order by e.id desc limit 1) e on true
        where ${where}
      ) c left join api_clients a on a.id = c.client_id
      group by 1, 2, 3
    )
    select first::text, greatest(first, $1::date)::text as "from",
      least((first + interval '1 ${by}')::date - 1, $2::date)::text as "to",
      channel, client, cases, closed, centrally as "answeredCentrally",
      round(centrally::numeric / nullif(dealt_with, 0), 4)::float8 as "shareCentrally"
    from counted where (first, channel, coalesce(client, '')) > ($3::date, $4, $5)
    order by first, channel, coalesce(client, '') ${limitTo(limit)}`
}
