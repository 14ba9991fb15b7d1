import { openStatuses } from './case-rules.ts'
import { answersOf, type Figure, type Figures, STEPS, type Times } from './statistics-figures.ts'

/** SQL for what figures need of each case `c`. */
export const COUNTED_COLUMNS = `
  c.organisation_id, c.status, c.kind, c.channel, c.category_code as category,
  c.publication = 'published' and c.privacy <> 'private' as public,
  ${minutesUntil('c.acknowledged_at')} as acknowledge, ${minutesUntil('c.resolved_at')} as resolve,
  c.outcome_resolved as resolved, c.outcome_manner as manner`

const OPEN = `status in (${openStatuses.map((status) => `'${status}'`).join(', ')})`

/** SQL for the aggregates that are said of an organisation beside others; over `found`, whose columns are `COUNTED_COLUMNS`. */
export const ROW_AGGREGATES = `
  count(*)::int as cases, count(*) filter (where ${OPEN})::int as open, count(*) filter (where not ${OPEN})::int as closed,
  avg(acknowledge) as "acknowledgeMean", percentile_cont(0.5) within group (order by acknowledge) as "acknowledgeMedian",
  avg(resolve) as "resolveMean", percentile_cont(0.5) within group (order by resolve) as "resolveMedian",
  count(*) filter (where resolved)::int as "resolvedYes", count(*) filter (where not resolved)::int as "resolvedNo",
  count(*) filter (where manner)::int as "mannerYes", count(*) filter (where not manner)::int as "mannerNo"`

/** What comes of `ROW_AGGREGATES`. */
export type RowAggregates = Record<
  'cases' | 'open' | 'closed' | 'resolvedYes' | 'resolvedNo' | 'mannerYes' | 'mannerNo',
  number
> &
  Record<'acknowledgeMean' | 'acknowledgeMedian' | 'resolveMean' | 'resolveMedian', number | null>

/** SQL for all figures of `found` in one row: every case is counted once, so means are weighted. */
export const ALL_AGGREGATES = `
  select ${ROW_AGGREGATES},
    count(*) filter (where not public)::int as withheld,
    percentile_cont(0.9) within group (order by acknowledge) as "acknowledgeP90",
    percentile_cont(0.9) within group (order by resolve) as "resolveP90",
    ${steps('acknowledge')} as "acknowledgeSteps", ${steps('resolve')} as "resolveSteps",
    ${countsBy('status')} as "byStatus", ${countsBy('kind')} as "byKind",
    ${countsBy('channel')} as "byChannel", ${countsBy('category')} as "byCategory"
  from found`

/** What comes of `ALL_AGGREGATES`. */
export type AllAggregates = RowAggregates & {
  withheld: number
  acknowledgeP90: number | null
  resolveP90: number | null
  acknowledgeSteps: number[]
  resolveSteps: number[]
  byStatus: Figure[]
  byKind: Figure[]
  byChannel: Figure[]
  byCategory: Figure[]
}

/** The figures that the aggregates make. */
export function countedFigures(found: AllAggregates): Figures {
  const { cases, withheld, open, closed, byStatus, byKind, byChannel, byCategory } = found
  return {
    ...{ cases, withheld, open, closed, byStatus, byKind, byChannel, byCategory },
    acknowledge: timesOf(
      found.acknowledgeSteps,
      found.acknowledgeMean,
      found.acknowledgeMedian,
      found.acknowledgeP90,
    ),
    resolve: timesOf(found.resolveSteps, found.resolveMean, found.resolveMedian, found.resolveP90),
    resolved: answersOf(found.resolvedYes + found.resolvedNo, found.resolvedYes, found.resolvedNo),
    manner: answersOf(found.mannerYes + found.mannerNo, found.mannerYes, found.mannerNo),
  }
}

/** Minutes with one decimal: a mean has no more to say. */
export function minutesOf(minutes: number | null): number | null {
  return minutes === null ? null : Math.round(minutes * 10) / 10
}

// Some sources say that an answer was there before the question.
function minutesUntil(column: string): string {
  return `case when ${column} is not null then greatest(0, extract(epoch from ${column} - c.reported_at) / 60)::float8 end`
}

function timesOf(
  steps: readonly number[],
  mean: number | null,
  median: number | null,
  p90: number | null,
): Times {
  return {
    cases: steps.reduce((sum, n) => sum + n, 0),
    meanMinutes: minutesOf(mean),
    medianMinutes: minutesOf(median),
    p90Minutes: minutesOf(p90),
    distribution: STEPS.map((upToMinutes, n) => ({ upToMinutes, cases: steps[n] ?? 0 })),
  }
}

function steps(column: string): string {
  const counts = STEPS.map((upTo, n) => {
    const longer = n === 0 ? '' : ` and ${column} > ${STEPS[n - 1]}`
    const within = upTo === null ? '' : ` and ${column} <= ${upTo}`
    return `count(*) filter (where ${column} is not null${longer}${within})::int`
  })
  return `array[${counts.join(', ')}]`
}

function countsBy(column: string): string {
  return `(select coalesce(json_agg(json_build_object('value', value, 'cases', n) order by rank, value::text), '[]') from (
    select ${column} as value, count(*)::int as n, ${column === 'category' ? '(select rank from categories where code = category)' : '0'} as rank
    from found group by ${column}) as counted)`
}
