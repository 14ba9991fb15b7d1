import type { BoundingBox } from '../../domain/areas.ts'
import type { CaseFilter } from '../../domain/case-filter.ts'
import { DomainError } from '../../domain/errors.ts'
import { getCaseFeature, listCaseFeatures } from '../../domain/geo.ts'
import { caseExtent, organisationExtent } from '../../domain/map-extent.ts'
import { countOrganisationFeatures, listOrganisationFeatures } from '../../domain/organisation-figures.ts'
import { getOrganisation } from '../../domain/organisations.ts'
import { countPlaced } from '../../domain/placed-count.ts'
import { readInterval } from '../../domain/time-intervals.ts'
import {
  collectionsView,
  collectionView,
  conformanceView,
  featuresView,
  featureView,
  landingView,
} from '../views/ogc.ts'
import { definitionView } from '../views/ogc-definition.ts'
import type { Handle } from './context.ts'

// More is answered by as many, never refused (OGC API - Features, requirement 21).
const MOST_FEATURES = 1_000
const USUAL_FEATURES = 100

export const getOgcLanding: Handle<'getOgcLanding'> = async ({ publicUrl, service }) => ({
  status: 200,
  body: landingView(publicUrl, service.name),
})

export const getOgcDefinition: Handle<'getOgcDefinition'> = async ({ publicUrl, contractUnder }) => {
  const definition = definitionView(contractUnder('/ogc'), { publicUrl, mostFeatures: MOST_FEATURES })
  return { status: 200, body: { json: JSON.stringify(definition) } }
}

export const getOgcConformance: Handle<'getOgcConformance'> = async () => ({
  status: 200,
  body: conformanceView(),
})

export const listOgcCollections: Handle<'listOgcCollections'> = async ({ db, publicUrl }) => {
  const [cases, organisations] = await Promise.all([caseExtent(db), organisationExtent(db)])
  return { status: 200, body: collectionsView(publicUrl, { cases, organisations }) }
}

export const getOgcCollection: Handle<'getOgcCollection'> = async ({ db, path, publicUrl }) => {
  switch (path.collection) {
    case 'cases':
      return { status: 200, body: collectionView(publicUrl, 'cases', await caseExtent(db)) }
    case 'organisations':
      return { status: 200, body: collectionView(publicUrl, 'organisations', await organisationExtent(db)) }
    default:
      throw new DomainError('not_found', { detail: 'There are the collections cases and organisations.' })
  }
}

export const listOgcCases: Handle<'listOgcCases'> = async ({ db, query, publicUrl, now }) => {
  const { after, limit = USUAL_FEATURES } = query
  const filter = filterOf(query)
  const page = await listCaseFeatures(db, { filter, after, limit: Math.min(limit, MOST_FEATURES), publicUrl })
  const isAll = after === undefined && page.next === null
  const matched = isAll ? page.count : await countPlaced(db, filter, { onlyReady: after !== undefined })
  const body = featuresView<never>({ ...page, publicUrl, collection: 'cases', query, matched, now })
  return { status: 200, body, next: page.next }
}

export const getOgcCase: Handle<'getOgcCase'> = async ({ db, path, publicUrl }) => {
  const { reference, json } = await getCaseFeature(db, path.feature, publicUrl)
  return { status: 200, body: featureView({ publicUrl, collection: 'cases', id: reference, json }) }
}

export const listOgcOrganisations: Handle<'listOgcOrganisations'> = async ({ db, query, publicUrl, now }) => {
  const { bbox, region, kind, datetime, after, limit = USUAL_FEATURES } = query
  // They have no time, so any matches; what is none is refused all the same.
  if (datetime !== undefined) readInterval(datetime)
  const filter = { bbox: boxOf(bbox), region: oneOf(region), kind: oneOf(kind) }
  const listing = { filter, after, limit: Math.min(limit, MOST_FEATURES), publicUrl }
  const [page, matched] = await Promise.all([
    listOrganisationFeatures(db, listing),
    countOrganisationFeatures(db, filter),
  ])
  const body = featuresView<never>({ ...page, publicUrl, collection: 'organisations', query, matched, now })
  return { status: 200, body, next: page.next }
}

export const getOgcOrganisation: Handle<'getOgcOrganisation'> = async ({ db, path, publicUrl }) => {
  const { code } = await getOrganisation(db, path.feature)
  const { items } = await listOrganisationFeatures(db, { filter: { code }, limit: 1, publicUrl })
  if (items === '') throw new DomainError('not_found', { detail: `"${code}" does not stand on the map.` })
  return { status: 200, body: featureView({ publicUrl, collection: 'organisations', id: code, json: items }) }
}

type CaseQuery = NonNullable<Parameters<Handle<'listOgcCases'>>[0]['query']>

function filterOf({ bbox, datetime, q, ...query }: CaseQuery): CaseFilter {
  const { from, before } = datetime === undefined ? {} : readInterval(datetime)
  return {
    bbox: boxOf(bbox),
    organisation: oneOf(query.organisation),
    organisationItself: oneOf(query.organisationCode),
    region: oneOf(query.region),
    kind: oneOf(query.kind),
    category: oneOf(query.category),
    status: oneOf(query.status),
    source: oneOf(query.source),
    language: oneOf(query.language),
    reportedFrom: from,
    reportedTo: before,
    q,
  }
}

function oneOf<T>(value: T | undefined): T[] | undefined {
  return value === undefined ? undefined : [value]
}

// With six numbers the third and the last are heights. A map that shows more than the world asks for more than there is.
function boxOf(bbox: readonly number[] | undefined): BoundingBox | undefined {
  if (bbox === undefined) return undefined
  const [west, south, east, north] = bbox.length === 6 ? [bbox[0], bbox[1], bbox[3], bbox[4]] : bbox
  return [west ?? 0, withinPoles(south ?? 0), east ?? 0, withinPoles(north ?? 0)]
}

function withinPoles(latitude: number): number {
  return Math.max(-90, Math.min(90, latitude))
}
