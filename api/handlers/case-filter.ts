import type { BoundingBox, Place } from '../../domain/areas.ts'
import type { CaseFilter, OwnCaseFilter } from '../../domain/case-filter.ts'
import { invalid, type Problem } from '../../domain/errors.ts'
import { locate } from '../../domain/geocoding.ts'
import { type SavedFilter, type SavedQuery, savedQueryNamed } from '../../domain/saved-queries.ts'
import type { Context } from './context.ts'

export type FilterQuery = Omit<CaseFilter, 'bbox' | 'near' | 'polygon'> & {
  bbox?: number[]
  near?: number[]
  postcode?: string
  polygon?: number[]
  overdue?: boolean | undefined
  /** The reference of a saved query. */
  query?: string
  view?: 'public' | 'mine'
}

/** What a list, map or count of cases selects by; `overdue` only of one's own. */
export type AskedFilter = CaseFilter & Pick<OwnCaseFilter, 'overdue'>

/**
 * The case filter of a query, whose postcode is looked up, together with that of the saved query that it names; other
 * parameters stay out of it. A read says in `also` what it takes of a saved query beyond its own parameters. Throws
 * `validation_failed` when the saved query is unknown, of another view, has a filter that the read has no parameter for, or
 * one that is given too.
 */
export async function caseFilterOf(
  request: Pick<Context, 'db' | 'caller' | 'geocoder' | 'parameters'>,
  query: FilterQuery,
  also: readonly (keyof SavedFilter)[] = [],
): Promise<AskedFilter> {
  const saved =
    query.query === undefined
      ? undefined
      : await savedQueryNamed(request.db.pool, request.caller, query.query)
  if (saved !== undefined) refuseUnfit(saved, query, [...request.parameters, ...also])

  const { kind, category, status, source, organisation, region, language, reportedFrom, reportedTo, q } =
    query
  const { bbox, radius, polygon, overdue } = query
  const near = await placeOf(request.geocoder, query)
  return {
    ...{ kind, category, status, source, organisation, region, language, reportedFrom, reportedTo, q },
    ...{ bbox: bbox as BoundingBox | undefined, near, radius, polygon, overdue },
    ...saved?.filter,
  }
}

/** The point of a query: `near` or where `postcode` is; throws `validation_failed` when both are given. */
export async function placeOf(
  geocoder: Context['geocoder'],
  { near, postcode }: { near?: number[]; postcode?: string },
): Promise<Place | undefined> {
  if (postcode === undefined) return near as Place | undefined
  if (near === undefined) return locate(geocoder, postcode)
  throw invalid({
    in: 'query',
    pointer: '/postcode',
    code: 'one_of',
    detail: 'Give near or postcode, not both.',
  })
}

function refuseUnfit(saved: SavedQuery, query: FilterQuery, taken: readonly string[]): void {
  const problems: Problem[] = []
  if (saved.view === 'mine' && query.view !== 'mine') {
    const detail = 'The saved query is of view=mine: it works with that view only.'
    problems.push({ pointer: '/query', code: 'needs_own_view', detail })
  }
  const names = Object.keys(saved.filter) as (keyof SavedFilter)[]
  const strange = names.filter((name) => !taken.includes(name))
  if (strange.length > 0) {
    const detail = `The saved query selects by ${strange.join(', ')}, and this does not.`
    problems.push({ pointer: '/query', code: 'not_selected_by', detail })
  }
  for (const name of names.flatMap((one) => SAME[one] ?? [one])) {
    if (query[name] === undefined) continue
    const detail = 'The saved query says this already: leave it out, or write the whole filter out.'
    problems.push({ pointer: `/${name}`, code: 'also_in_query', detail })
  }
  if (problems.length > 0) throw invalid(...problems.map((one) => ({ ...one, in: 'query' as const })))
}

// A place and how far around it are one thing.
const SAME: Readonly<Partial<Record<keyof SavedFilter, readonly (keyof FilterQuery)[]>>> = {
  near: ['near', 'postcode', 'radius'],
  radius: [],
}
