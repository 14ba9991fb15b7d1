import { row, type Sql } from '../prisma/client.ts'
import type { CaseRow } from './case-rows.ts'
import type { FieldError } from './errors.ts'
import { findOrganisationId } from './organisations.ts'
import { lastSuccessor } from './succession.ts'

/** Where a case stands: at its organisation, or the nearest one above it that has a position. */
export type Place = { organisationId: number; latitude: number | null; longitude: number | null }

/** Where a code leads: `namedId` is the organisation that has it, whatever came after that. */
export type FoundAt = { place: Place; namedId: number }

type FoundPlace = Place & { takesCases: boolean; takesCasesFrom: string | null; whereToTurn: string | null }

/**
 * The place for a case at the organisation with this code in any form, at the last of what came after it when it is closed;
 * or why it cannot go there: there is none, it or one above it is closed or commissions care, or it takes cases only from
 * a later day on.
 */
export async function placeFor(
  sql: Sql,
  code: string,
  now: Date,
): Promise<FoundAt | { place: null; problem: Omit<FieldError, 'in'> }> {
  const namedId = await findOrganisationId(sql, code)
  const found = namedId === null ? undefined : await placeAt(sql, await lastSuccessor(sql, namedId), now)
  if (namedId === null || found === undefined || !found.takesCases) {
    const none = `No organisation that takes cases has the code "${code}"; /v1/organisations?active=true lists them.`
    const detail = [none, found?.whereToTurn].filter(Boolean).join(' ')
    return { place: null, problem: { pointer: '/organisation', code: 'unknown_organisation', detail } }
  }
  const { latitude, longitude, takesCasesFrom, whereToTurn } = found
  if (takesCasesFrom !== null) {
    const detail = [`It takes cases from ${takesCasesFrom} on.`, whereToTurn].filter(Boolean).join(' ')
    return { place: null, problem: { pointer: '/organisation', code: 'organisation_not_yet', detail } }
  }
  return { place: { organisationId: found.organisationId, latitude, longitude }, namedId }
}

/** Where an organisation is. What is not set for it is as set for the nearest one above it. */
export async function placeAt(sql: Sql, organisationId: number, now: Date): Promise<FoundPlace> {
  const found = await row<FoundPlace>(
    sql,
    `with recursive up as (
       select o.*, 0 as depth from organisations o where id = $1
       union all
       select o.*, up.depth + 1 from organisations o join up on o.id = up.parent_id
     ), nearest as (
       select bool_and(active) and bool_and(kind <> 'commissioner') as takes_cases,
              (array_agg(latitude order by depth) filter (where latitude is not null))[1] as latitude,
              (array_agg(longitude order by depth) filter (where longitude is not null))[1] as longitude,
              (array_agg(accepts_cases_from order by depth) filter (where accepts_cases_from is not null))[1] as accepts_from,
              (array_agg(where_to_turn order by depth) filter (where where_to_turn is not null))[1] as where_to_turn
       from up
     )
     select $1::int as "organisationId", latitude, longitude, takes_cases as "takesCases",
            case when accepts_from > ($2::timestamptz at time zone 'Europe/London')::date then accepts_from::text end as "takesCasesFrom",
            where_to_turn as "whereToTurn"
     from nearest`,
    [organisationId, now],
    'place-for-case',
  )
  return found as FoundPlace
}

/**
 * The key of a service of an organisation; null when it has none with this code that takes cases. What a case has it may
 * keep: `kept` is its code.
 */
export async function serviceOf(
  sql: Sql,
  organisationId: number,
  code: string,
  kept: string | null,
): Promise<number | null> {
  const found = await row<{ id: number }>(
    sql,
    'select id from services where organisation_id = $1 and code = $2 and (active or code = $3)',
    [organisationId, code, kept],
  )
  return found?.id ?? null
}

/**
 * Which organisations keep reading a case when it leaves its own for `organisationId`: all that had it before. One that a
 * question was never passed on to has seen nothing of it.
 */
export function formerAfterLeaving(
  theCase: Pick<CaseRow, 'kind' | 'passedOn' | 'organisationId' | 'formerOrganisationIds'>,
  organisationId: number,
): number[] {
  const hadIt = theCase.kind !== 'question' || theCase.passedOn
  const former = new Set(theCase.formerOrganisationIds)
  if (hadIt) former.add(theCase.organisationId)
  former.delete(organisationId)
  return [...former]
}
