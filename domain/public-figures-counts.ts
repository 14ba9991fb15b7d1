import { rows, type Sql } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'
import { openStatuses } from './case-rules.ts'
import { londonMidnight } from './digest-times.ts'
import { periodAfter, periodOf } from './periods.ts'
import {
  type Dimension,
  dimensions,
  NONE,
  stepOf,
  type Tally,
  windowDays,
  windowNames,
} from './public-figures-dimensions.ts'
import type { Tallies } from './public-figures-sums.ts'
import type { TreeOrganisation } from './public-figures-tree.ts'
import type { WithheldCount } from './public-figures-withheld.ts'

/** SQL for a case `c` that the public does not see and that counts as one all the same (design section 4: a stub). */
const WITHHELD = `not c.test and (c.publication in ('awaiting_moderation', 'kept_private')
  or c.publication = 'published' and c.privacy = 'private')`

/** The tree of organisations, and who commissions each. */
export async function readTree(
  sql: Sql,
): Promise<{ organisations: TreeOrganisation[]; commissioners: Map<number, number[]> }> {
  const organisations = await rows<TreeOrganisation>(
    sql,
    `select id, parent_id as "parentId", succeeded_by_id as "successorId", region,
       active and kind <> 'commissioner' as "takesCases" from organisations`,
  )
  const paying = await rows<{ id: number; commissioner: number }>(
    sql,
    'select organisation_id as id, commissioner_id as commissioner from commissioning',
  )
  const commissioners = new Map<number, number[]>()
  for (const { id, commissioner } of paying)
    commissioners.set(id, [...(commissioners.get(id) ?? []), commissioner])
  return { organisations, commissioners }
}

/** The published cases of every organisation that were reported before today, in bands of time, and the categories. */
export async function countPublished(
  sql: Sql,
  today: string,
  now: Date,
): Promise<{ tallies: Tallies; categories: string[] }> {
  const categories = await rows<{ code: string }>(sql, 'select code from categories order by rank, code')
  const tallies = windowNames.map(() => new Map<number, Tally>())
  for (const one of await rows<Counted>(sql, COUNT, [...bandsBefore(today), now])) addCount(tallies, one)
  return { tallies, categories: categories.map(({ code }) => code) }
}

/** How many cases of each organisation and week that is over the public does not see. */
export async function withheldByWeek(sql: Sql, today: string): Promise<WithheldCount[]> {
  return rows<WithheldCount>(
    sql,
    `select c.organisation_id as "organisationId",
       date_trunc('week', c.reported_at at time zone 'Europe/London')::date::text as week, count(*)::int as cases
     from cases c where ${WITHHELD} and c.reported_at < $1 group by 1, 2`,
    [londonMidnight(periodOf(today, 'week'))],
  )
}

type Counted = {
  organisationId: number
  band: number
  dimension: Dimension
  value: string
  n: number
  minutes: number | null
}

// Where each band begins, the last midnight first.
function bandsBefore(today: string): Date[] {
  const days = [0, ...windowNames.flatMap((window) => windowDays[window] ?? [])]
  return days.map((back) => londonMidnight(periodAfter(today, 'day', -back)))
}

const OPEN = `c.status in (${openStatuses.map((status) => `'${status}'`).join(', ')})`

const answer = (column: string): string =>
  `case ${column} when true then 'yes' when false then 'no' else '${NONE}' end`

// Some sources say that an answer was there before the question.
const minutesUntil = (column: string): string =>
  `case when ${column} is not null then greatest(0, extract(epoch from ${column} - c.reported_at) / 60)::float8 end`

const timed = (name: 'acknowledge' | 'resolve', column: string): { value: string; minutes: string } => ({
  value: `coalesce(ceil(${minutesUntil(column)} / 60)::int::text, '${NONE}')`,
  minutes: `sum(${name}_minutes)::float8`,
})

const VALUES: Readonly<Record<Dimension, { value: string; minutes?: string }>> = {
  status: { value: 'c.status::text' },
  overdue: {
    value: `case when not ${OPEN} then 'closed' when c.due_at < $6 then 'overdue' else 'in_time' end`,
  },
  kind: { value: 'c.kind::text' },
  channel: { value: 'c.channel::text' },
  category: { value: 'c.category_code' },
  acknowledge: timed('acknowledge', 'c.acknowledged_at'),
  resolve: timed('resolve', 'c.resolved_at'),
  resolved: { value: answer('c.outcome_resolved') },
  manner: { value: answer('c.outcome_manner') },
}

// The cases are gone through once, and what is needed of them as often as there are dimensions.
const COUNT = `
  with found as materialized (
    select c.organisation_id as "organisationId",
      case when c.reported_at >= $2 then 0 when c.reported_at >= $3 then 1 when c.reported_at >= $4 then 2
           when c.reported_at >= $5 then 3 else 4 end as band,
      ${dimensions.map((dimension) => `${VALUES[dimension].value} as ${dimension}`).join(', ')},
      ${minutesUntil('c.acknowledged_at')} as acknowledge_minutes, ${minutesUntil('c.resolved_at')} as resolve_minutes
    from cases c where ${PUBLISHED} and not c.test and c.reported_at < $1)
  ${dimensions
    .map(
      (
        dimension,
      ) => `select "organisationId", band, '${dimension}' as dimension, ${dimension} as value, count(*)::int as n,
        ${VALUES[dimension].minutes ?? 'null::float8'} as minutes from found group by "organisationId", band, ${dimension}`,
    )
    .join(' union all ')}`

function addCount(
  tallies: readonly Map<number, Tally>[],
  { organisationId, band, dimension, value, n, minutes }: Counted,
): void {
  const there = tallies[band]?.get(organisationId)
  const tally: Tally = there ?? {
    cases: 0,
    values: {},
    hours: { acknowledge: new Map(), resolve: new Map() },
  }
  if (there === undefined) tallies[band]?.set(organisationId, tally)
  if (dimension === 'status') tally.cases += n
  const isTimed = dimension === 'acknowledge' || dimension === 'resolve'
  const counts = tally.values[dimension] ?? new Map<string, number>()
  tally.values[dimension] = counts
  const key = isTimed && value !== NONE ? stepOf(Number(value)) : value
  counts.set(key, (counts.get(key) ?? 0) + n)
  if (isTimed && value !== NONE) tally.hours[dimension].set(Number(value), { n, minutes: minutes ?? 0 })
}
