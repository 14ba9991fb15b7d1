import type { Included, Referred } from '../../domain/included.ts'
import type { Schemas } from '../contract/handler.ts'
import { attributionView } from './attribution.ts'
import { categoryView } from './category.ts'
import { organisationView } from './organisation.ts'

/** What a page's cases refer to, on the wire. */
export function includedView(
  { organisations, categories, sources }: Included,
  publicUrl: string,
): Schemas['Included'] {
  return {
    ...(organisations && { organisations: organisations.map((one) => organisationView(one, publicUrl)) }),
    ...(categories && { categories: categories.map(categoryView) }),
    ...(sources && { sources: sources.flatMap((source) => attributionView(source) ?? []) }),
  }
}

/** The codes and names of what these cases refer to, and the answers and referrals that are shown with them. */
export function referredIn(cases: readonly Schemas['Case'][]): Referred {
  const organisations = cases.flatMap((one) => [
    one.organisation.code,
    ...responsesOf(one).map(({ organisation }) => organisation?.code),
    ...(one.view === 'staff' && one.referral ? [one.referral.from.code, one.referral.to.code] : []),
  ])
  const categories = cases.flatMap((one) => (one.view === 'stub' ? [] : [one.category]))
  const sources = cases.flatMap((one) => [
    one.source?.name,
    ...responsesOf(one).map(({ source }) => source?.name),
  ])
  return {
    organisations: eachOnce(organisations),
    categories: eachOnce(categories),
    sources: eachOnce(sources),
  }
}

function responsesOf(one: Schemas['Case']): Schemas['Response'][] {
  return one.view === 'stub' ? [] : one.responses
}

function eachOnce(names: readonly (string | undefined)[]): string[] {
  return [...new Set(names.filter((name) => name !== undefined))]
}
