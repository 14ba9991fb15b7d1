import { type CaseKind, type Channel, type Db, row } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { londonDay } from './digest-times.ts'
import { DomainError, invalid } from './errors.ts'
import { countedFor } from './figure-scope.ts'
import { type OrganisationName, organisationIdAt } from './organisations.ts'
import { periodAfter, timesOf } from './periods.ts'
import { type WindowName, windowDays } from './public-figures-dimensions.ts'
import { type AddCondition, type Conditions, conditionsFrom, joined } from './sql-conditions.ts'

/** Of which cases figures are; what is given all holds. */
export type StatisticsFilter = {
  /** An ODS code: with what belongs to it and what it succeeded. */
  organisation?: string | undefined
  /** The code of a commissioner: all that it commissions. */
  commissioner?: string | undefined
  /** Of what is at the top of the tree. */
  region?: string | undefined
  window?: WindowName | undefined
  /** Days of London, both included, instead of a window. */
  from?: string | undefined
  to?: string | undefined
  kind?: readonly CaseKind[] | undefined
  channel?: readonly Channel[] | undefined
  category?: readonly string[] | undefined
  service?: string | undefined
}

/** Whose figures they are; the nation's when all are null. */
export type StatisticsOf = {
  organisation: OrganisationName | null
  commissioner: OrganisationName | null
  region: string | null
}

export type StatisticsWindow = { name: WindowName | null; from: string | null; to: string | null }

/** The same with the ids that the names stand for. */
export type Scoped = { of: StatisticsOf; organisationId: number | null; commissionerId: number | null }

/** Looks up whose figures are asked for; throws `validation_failed` at the parameter for an unknown organisation. */
export async function scopeOf(
  db: Db,
  { organisation, commissioner, region }: StatisticsFilter,
): Promise<Scoped> {
  const organisationId =
    organisation === undefined ? null : await organisationIdAt(db.pool, organisation, 'organisation')
  const commissionerId =
    commissioner === undefined ? null : await organisationIdAt(db.pool, commissioner, 'commissioner')
  return {
    of: {
      organisation: await nameOf(db, organisationId),
      commissioner: await nameOf(db, commissionerId),
      region: region ?? null,
    },
    organisationId,
    commissionerId,
  }
}

/** The days of a window that ends with the day before `today`. */
export function windowBefore(name: WindowName, today: string): StatisticsWindow {
  const days = windowDays[name]
  return {
    name,
    from: days === null ? null : periodAfter(today, 'day', -days),
    to: periodAfter(today, 'day', -1),
  }
}

/** The days that staff ask about; throws `validation_failed` when they are turned round. */
export function windowOf({ window = 'year', from, to }: StatisticsFilter, now: Date): StatisticsWindow {
  if (from === undefined && to === undefined) return windowBefore(window, londonDay(now))
  if (from !== undefined && to !== undefined && from > to) {
    const detail = 'The last day lies before the first; send the earlier one as from.'
    throw invalid({ in: 'query', pointer: '/to', code: 'days_turned_round', detail })
  }
  return { name: null, from: from ?? null, to: to ?? null }
}

/** The client whose own figures are asked for; throws `validation_failed` without a key and `not_your_figures` for a role that has none. */
export function figuresReader(caller: Caller): ClientCaller {
  if (caller.kind !== 'client')
    throw invalid({ in: 'query', pointer: '/view', code: 'needs_key', detail: 'view=mine needs a key.' })
  if (!caller.scopes.includes('figures:read')) throw new DomainError('not_your_figures')
  return caller
}

/** Throws `validation_failed` for what only the key's own figures can be narrowed by. */
export function refuseOwnOnly(filter: StatisticsFilter): void {
  const names = OWN_ONLY.filter((name) => filter[name] !== undefined)
  if (names.length > 0) throw invalid(...names.map(needsOwnView))
}

/** The error for a parameter that works with `view=mine` only. */
export function needsOwnView(name: string): Parameters<typeof invalid>[0] {
  return {
    in: 'query',
    pointer: `/${name}`,
    code: 'needs_own_view',
    detail:
      'This works with view=mine only: figures for everybody are counted beforehand, so that no small number can be worked out.',
  }
}

const OWN_ONLY = ['from', 'to', 'kind', 'channel', 'category', 'service'] as const

// What was erased counts on, so that no figure of the past changes; unless it had been rejected or removed before.
const COUNTED = `(c.publication not in ('rejected', 'removed') or c.decision_reason = 'erased'
  and not exists (select from events e where e.case_id = c.id and e.type in ('case.rejected', 'case.removed')))`

/**
 * The cases `c` that figures of a client are made of, numbered from `first`: what it relates to and was not rejected, removed
 * or only tried out.
 */
export function countedCases(
  client: ClientCaller,
  filter: StatisticsFilter,
  { scoped, window, first }: { scoped: Scoped; window: StatisticsWindow; first: number },
): Conditions {
  return joined(
    first,
    (next) => countedFor(client, next),
    (next) => {
      const { conditions, add } = conditionsFrom(next)
      conditions.sql.push(COUNTED)
      addMembers(scoped, 'c.organisation_id', add)
      if (window.from !== null)
        add((p) => `c.reported_at >= ${p}`, timesOf({ from: window.from, to: window.from }).from)
      if (window.to !== null)
        add((p) => `c.reported_at < ${p}`, timesOf({ from: window.to, to: window.to }).before)
      if (filter.kind) add((p) => `c.kind = any(${p}::case_kind[])`, filter.kind)
      if (filter.channel) add((p) => `c.channel = any(${p}::channel[])`, filter.channel)
      if (filter.category) add((p) => `c.category_code = any(${p}::text[])`, filter.category)
      if (filter.service !== undefined)
        add((p) => `c.service_id in (select id from services where code = ${p})`, filter.service)
      return conditions
    },
  )
}

/** Adds that an organisation (SQL for its id) is among those whose figures are asked for. */
export function addMembers(
  { of, organisationId, commissionerId }: Scoped,
  id: string,
  add: AddCondition,
): void {
  if (organisationId !== null) add((p) => `${id} in (${UNDER(`select ${p}::int`)})`, organisationId)
  if (commissionerId !== null)
    add(
      (p) =>
        `${id} in (${UNDER(`select organisation_id from commissioning where commissioner_id = ${p}::int`)})`,
      commissionerId,
    )
  if (of.region !== null)
    add((p) => `${id} in (with recursive ${TOPS} select id from tops where region = ${p})`, of.region)
}

/** SQL for `tops` of a `with recursive`: of each organisation what is at the top of the tree above it, and its region. */
export const TOPS = `
  tops(id, top, region) as (
    select id, id, region from organisations where succeeded_by_id is null and parent_id is null
    union all
    select o.id, tops.top, tops.region from organisations o join tops on coalesce(o.succeeded_by_id, o.parent_id) = tops.id)`

const UNDER = (roots: string): string => `
  with recursive under(id) as (
    ${roots}
    union
    select o.id from organisations o join under on o.parent_id = under.id or o.succeeded_by_id = under.id)
  select id from under`

async function nameOf(db: Db, id: number | null): Promise<OrganisationName | null> {
  if (id === null) return null
  const found = await row<OrganisationName>(
    db.pool,
    'select code, name from organisations where id = $1',
    [id],
    'organisation-name',
  )
  return found ?? null
}
