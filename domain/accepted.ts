import { type CaseKind, type OrganisationKind, row, rows, type Sql } from '../prisma/client.ts'
import { type Place, placeFor } from './case-place.ts'
import type { Category } from './categories.ts'
import type { Problem } from './errors.ts'
import type { CaseRating, Instrument } from './instruments.ts'
import { instrumentsFor, ratingProblems } from './instruments.ts'
import type { OrganisationName } from './organisations.ts'

/** What an organisation takes: what its forms are made of, and what intake holds a draft against. */
export type Accepted = {
  organisation: OrganisationName & { kind: OrganisationKind; place: Place }
  services: readonly ServiceName[]
  /** Departments, by code, of the closed organisation that was named, when another one came after it. */
  servicesBefore: readonly string[]
  categories: readonly Category[]
  instruments: readonly Instrument[]
}

export type ServiceName = OrganisationName & { id: number }

/** What is accepted for a code; without an organisation that takes cases now, why not. */
export type Acceptance =
  | { accepted: Accepted; categories: readonly Category[]; refused: null }
  | { accepted: null; categories: readonly Category[]; refused: Problem }

/** What of a draft is chosen from what is accepted. */
export type Choices = { kind: CaseKind; category?: string; service?: string; ratings?: readonly CaseRating[] }

/**
 * Loads what the organisation with this code, in any form, takes now, or what came after it when it is closed. An unknown
 * one and one that is closed for good are refused alike.
 */
export async function loadAccepted(sql: Sql, code: string, now: Date): Promise<Acceptance> {
  const categories = await rows<Category>(
    sql,
    'select code, label, help, allows_high_priority as "allowsHighPriority" from categories order by rank',
    [],
    'accepted-categories',
  )
  const at = await placeFor(sql, code, now)
  if (at.place === null) return { accepted: null, categories, refused: at.problem }

  const { organisationId } = at.place
  const { services, ...organisation } = await organisationAt(sql, organisationId)
  const accepted: Accepted = {
    organisation: { ...organisation, place: at.place },
    services,
    servicesBefore: at.namedId === organisationId ? [] : await serviceCodes(sql, at.namedId),
    categories,
    instruments: instrumentsFor(organisation.kind),
  }
  return { accepted, categories, refused: null }
}

/**
 * The draft without a department that only the closed organisation had which it names: what came after that may have
 * others.
 */
export function withoutServiceBefore<D extends Choices>({ accepted }: Acceptance, draft: D): D {
  const { service, ...others } = draft
  if (accepted === null || service === undefined) return draft
  const isThere = accepted.services.some(({ code }) => code === service)
  return isThere || !accepted.servicesBefore.includes(service) ? draft : (others as D)
}

/** What of a draft is none of what is accepted. Where the organisation is refused, only its categories can be looked at. */
export function choiceProblems({ accepted, categories }: Acceptance, draft: Choices): Problem[] {
  const problems: Problem[] = []
  if (draft.category !== undefined && !categories.some(({ code }) => code === draft.category)) {
    problems.push({
      pointer: '/category',
      code: 'unknown_category',
      detail: `There is no category "${draft.category}"; /v1/categories lists them.`,
    })
  }
  if (accepted === null) return problems
  if (draft.service !== undefined && !accepted.services.some(({ code }) => code === draft.service)) {
    problems.push({
      pointer: '/service',
      code: 'unknown_service',
      detail: `The organisation has no service "${draft.service}"; its page lists them.`,
    })
  }
  const ratings = draft.kind === 'feedback' ? (draft.ratings ?? []) : []
  return [...problems, ...ratingProblems(accepted.instruments, ratings)]
}

type FoundOrganisation = OrganisationName & { kind: OrganisationKind; services: ServiceName[] }

async function organisationAt(sql: Sql, id: number): Promise<FoundOrganisation> {
  const found = await row<FoundOrganisation>(
    sql,
    `select code, name, kind,
            coalesce((select json_agg(json_build_object('id', s.id, 'code', s.code, 'name', s.name) order by s.name, s.code)
                      from services s where s.organisation_id = o.id and s.active), '[]') as services
     from organisations o where id = $1`,
    [id],
    'accepted-organisation',
  )
  return found as FoundOrganisation
}

async function serviceCodes(sql: Sql, organisationId: number): Promise<string[]> {
  const found = await rows<{ code: string }>(
    sql,
    'select code from services where organisation_id = $1 order by code',
    [organisationId],
    'service-codes',
  )
  return found.map(({ code }) => code)
}
