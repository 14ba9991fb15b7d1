import type { BoundingBox, Place } from '../../domain/areas.ts'
import type { CaseFilter } from '../../domain/case-filter.ts'
import { invalid } from '../../domain/errors.ts'
import { locate } from '../../domain/geocoding.ts'
import type { Context } from './context.ts'

type FilterQuery = Omit<CaseFilter, 'bbox' | 'near' | 'polygon'> & {
  bbox?: number[]
  near?: number[]
  postcode?: string
  polygon?: number[]
}

/** The case filter of a query, whose postcode is looked up; other parameters stay out of it. */
export async function caseFilterOf({ geocoder }: Context, query: FilterQuery): Promise<CaseFilter> {
  const { kind, category, status, source, organisation, region, language, reportedFrom, reportedTo, q } =
    query
  const { bbox, radius, polygon } = query
  const near = await placeOf(geocoder, query)
  return {
    ...{ kind, category, status, source, organisation, region, language, reportedFrom, reportedTo, q },
    ...{ bbox: bbox as BoundingBox | undefined, near, radius, polygon },
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
