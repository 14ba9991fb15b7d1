import { type Db, rows } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { invalid } from './errors.ts'
import type { OrganisationName } from './organisations.ts'
import { LEAST_SAID } from './public-figures-groups.ts'
import { type Conditions, conditionsFrom, joined, limitTo } from './sql-conditions.ts'
import { COUNTED_COLUMNS, minutesOf, ROW_AGGREGATES, type RowAggregates } from './statistics-counted.ts'
import { type Answers, answersOf, type Figures } from './statistics-figures.ts'
import {
  addMembers,
  countedCases,
  figuresReader,
  needsOwnView,
  refuseOwnOnly,
  type StatisticsFilter,
  scopeOf,
  TOPS,
  windowOf,
} from './statistics-scope.ts'

const statisticsLevels = ['organisation', 'parent', 'commissioner', 'region'] as const
export type StatisticsLevel = (typeof statisticsLevels)[number]

/** Figures of one of many. */
export type StatisticsRow = {
  level: StatisticsLevel
  organisation: OrganisationName | null
  region: string | null
  cases: number | null
  open: number | null
  closed: number | null
  acknowledgeMedianMinutes: number | null
  acknowledgeMeanMinutes: number | null
  resolveMedianMinutes: number | null
  resolveMeanMinutes: number | null
  resolved: Answers
  manner: Answers
}

export type RowsAsked = StatisticsFilter & {
  view: 'public' | 'mine'
  level: StatisticsLevel
  /** Fewer cases make no row; for the public never less than `LEAST_SAID`. */
  minimum: number
  order: 'name' | 'cases'
  after?: string | undefined
  limit: number
  now: Date
}

/**
 * A page of figures side by side, by name and then code, or the most cases first. The rows of `parent` have every case of the
 * nation once: each organisation counts for what is at the top of its tree now. Throws as `getStatistics` does.
 */
export async function listStatistics(db: Db, caller: Caller, asked: RowsAsked): Promise<Page<StatisticsRow>> {
  return asked.view === 'mine' ? ownRows(db, figuresReader(caller), asked) : publicRows(db, asked)
}

type Found = { name: string; code: string; cases: number }

async function ownRows(db: Db, client: ClientCaller, asked: RowsAsked): Promise<Page<StatisticsRow>> {
  const { level, minimum } = asked
  const scoped = await scopeOf(db, asked)
  const window = windowOf(asked, asked.now)
  const counted = countedCases(client, asked, { scoped, window, first: 2 })
  const rest = joined(
    2 + counted.values.length,
    (first) => afterConditions(asked, first),
    (first) => {
      const { conditions, add } = conditionsFrom(first)
      if (level === 'organisation') addMembers(scoped, 'r.key', add)
      if (level === 'commissioner' && scoped.commissionerId !== null)
        add((p) => `r.key = ${p}::int`, scoped.commissionerId)
      return conditions
    },
  )
  const found = await rows<Found & RowAggregates>(
    db.pool,
    rowsSql(asked, counted.sql.join(' and '), ['r.cases >= $1', ...rest.sql].join(' and ')),
    [minimum, ...counted.values, ...rest.values],
  )
  const page = pageOf(found, asked.limit, (last) => cursorOf(asked, last))
  return { items: page.items.map((one) => ownRow(level, one)), next: page.next }
}

function ownRow(level: StatisticsLevel, found: Found & RowAggregates): StatisticsRow {
  return {
    ...nameOf(level, found),
    cases: found.cases,
    open: found.open,
    closed: found.closed,
    acknowledgeMedianMinutes: minutesOf(found.acknowledgeMedian),
    acknowledgeMeanMinutes: minutesOf(found.acknowledgeMean),
    resolveMedianMinutes: minutesOf(found.resolveMedian),
    resolveMeanMinutes: minutesOf(found.resolveMean),
    resolved: answersOf(found.resolvedYes + found.resolvedNo, found.resolvedYes, found.resolvedNo),
    manner: answersOf(found.mannerYes + found.mannerNo, found.mannerYes, found.mannerNo),
  }
}

/*
 * Each case is joined to every row that it counts for: once for each organisation that has it with itself, and once for what
 * is at the top.
 */
function rowsSql({ level, order, limit }: RowsAsked, counted: string, listed: string): string {
  return `
    with recursive ${TOPS},
    found as materialized (select ${COUNTED_COLUMNS} from cases c where ${counted}),
    members as materialized (select distinct organisation_id as id from found),
    above(member, id) as (
      select id, id from members
      union
      select above.member, next.id from above join organisations o using (id)
        cross join lateral (values (o.parent_id), (o.succeeded_by_id)) as next(id) where next.id is not null),
    counts_for(member, key) as (${KEYS[level]}),
    counted as (
      select k.key, ${ROW_AGGREGATES} from found f join counts_for k on k.member = f.organisation_id group by k.key)
    select * from (select k.*, ${level === 'region' ? `k.key as name, '' as code from counted k` : NAMED}) as r
    where ${listed} order by ${ORDERS[order]} ${limitTo(limit + 1)}`
}

const KEYS: Readonly<Record<StatisticsLevel, string>> = {
  organisation: 'select member, id from above',
  parent: 'select m.id, t.top from members m join tops t on t.id = m.id',
  commissioner:
    'select distinct a.member, m.commissioner_id from above a join commissioning m on m.organisation_id = a.id',
  region: 'select m.id, t.region from members m join tops t on t.id = m.id where t.region is not null',
}

const NAMED = 'o.name, o.code from counted k join organisations o on o.id = k.key'

async function publicRows(db: Db, asked: RowsAsked): Promise<Page<StatisticsRow>> {
  const { level, window = 'year', minimum, limit } = asked
  refuseOwnOnly(asked)
  const among = (['organisation', 'commissioner', 'region'] as const).filter(
    (name) => asked[name] !== undefined,
  )
  if ((level === 'commissioner' || level === 'region') && among.length > 0)
    throw invalid(...among.map(needsOwnView))
  const scoped = await scopeOf(db, asked)
  const { sql, values } = joined(
    4,
    (first) => afterConditions(asked, first),
    (first) => {
      const { conditions, add } = conditionsFrom(first)
      addMembers(scoped, 'r.key', add)
      return conditions
    },
  )
  const found = await rows<Found & { body: Figures }>(
    db.pool,
    `select * from (
       select f.cases, f.body, ${level === 'region' ? `f.subject as name, '' as code from public_figures f` : PUBLIC_NAMED}
       where f.scope = $1 and f."window" = $2) as r
     where ${['r.cases >= $3', ...sql].join(' and ')} order by ${ORDERS[asked.order]} ${limitTo(limit + 1)}`,
    [level, window, Math.max(minimum, LEAST_SAID), ...values],
  )
  const page = pageOf(found, limit, (last) => cursorOf(asked, last))
  return { items: page.items.map((one) => publicRow(level, one)), next: page.next }
}

const PUBLIC_NAMED =
  'o.name, o.code, o.id as key from public_figures f join organisations o on o.id = f.subject::int'

function publicRow(level: StatisticsLevel, found: Found & { body: Figures }): StatisticsRow {
  const { cases, open, closed, acknowledge, resolve, resolved, manner } = found.body
  return {
    ...nameOf(level, found),
    ...{ cases, open, closed },
    acknowledgeMedianMinutes: acknowledge.medianMinutes,
    acknowledgeMeanMinutes: acknowledge.meanMinutes,
    resolveMedianMinutes: resolve.medianMinutes,
    resolveMeanMinutes: resolve.meanMinutes,
    ...{ resolved, manner },
  }
}

function nameOf(
  level: StatisticsLevel,
  { name, code }: Found,
): Pick<StatisticsRow, 'level' | 'organisation' | 'region'> {
  return level === 'region'
    ? { level, organisation: null, region: name }
    : { level, organisation: { code, name }, region: null }
}

const ORDERS = { name: 'r.name, r.code', cases: 'r.cases desc, r.name, r.code' } as const

function cursorOf({ order }: RowsAsked, { cases, name, code }: Found): (string | number)[] {
  return order === 'name' ? [name, code] : [cases, name, code]
}

function afterConditions({ order, after }: RowsAsked, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (order === 'name') {
    const last = readCursor(after, ['string', 'string'])
    if (last !== undefined) add((name, code) => `(r.name, r.code) > (${name}, ${code})`, last[0], last[1])
    return conditions
  }
  const last = readCursor(after, ['number', 'string', 'string'])
  if (last !== undefined)
    add(
      (n, name, code) => `(-r.cases, r.name, r.code) > (-${n}::int, ${name}, ${code})`,
      last[0],
      last[1],
      last[2],
    )
  return conditions
}
