import type { MapExtent } from '../../domain/map-extent.ts'
import type { Json, Schemas } from '../contract/handler.ts'
import { addressWith } from './address.ts'

export type CollectionId = 'cases' | 'organisations'

type Link = Schemas['OgcLink']

const JSON_TYPE = 'application/json'
const GEOJSON = 'application/geo+json'
const CRS84 = 'http://www.opengis.net/def/crs/OGC/1.3/CRS84'
const GREGORIAN = 'http://www.opengis.net/def/uom/ISO-8601/0/Gregorian'

/** The landing page (OGC API - Features, section 7.2). */
export function landingView(publicUrl: string, name: string): Schemas['OgcLanding'] {
  const ogc = `${publicUrl}/ogc`
  return {
    title: name,
    description: 'What patients told of their care, where they told of it, and who provides it.',
    links: [
      link('self', ogc, JSON_TYPE, 'This page'),
      link('service-desc', `${ogc}/api`, JSON_TYPE, 'The API definition (OpenAPI 3.1)'),
      link('service-doc', `${publicUrl}/docs`, 'text/html', 'The reference of the whole API'),
      link('conformance', `${ogc}/conformance`, JSON_TYPE, 'The conformance classes that are met'),
      link('data', `${ogc}/collections`, JSON_TYPE, 'The collections'),
    ],
  }
}

/** The conformance classes (section 7.4). That for OpenAPI 3.1 is of the draft of version 1.1: version 1.0 knows OpenAPI 3.0 only. */
export function conformanceView(): Schemas['OgcConformance'] {
  return {
    conformsTo: [
      'http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core',
      'http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson',
      'http://www.opengis.net/spec/ogcapi-features-1/1.1/conf/oas31',
    ],
  }
}

/** All collections (section 7.13). */
export function collectionsView(
  publicUrl: string,
  extents: Record<CollectionId, MapExtent>,
): Schemas['OgcCollections'] {
  return {
    links: [link('self', `${publicUrl}/ogc/collections`, JSON_TYPE, 'This document')],
    collections: [
      collectionView(publicUrl, 'cases', extents.cases),
      collectionView(publicUrl, 'organisations', extents.organisations),
    ],
  }
}

/** One collection (section 7.14). */
export function collectionView(
  publicUrl: string,
  id: CollectionId,
  { bbox, from, to }: MapExtent,
): Schemas['OgcCollection'] {
  const address = `${publicUrl}/ogc/collections/${id}`
  return {
    id,
    ...COLLECTIONS[id],
    links: [
      link('self', address, JSON_TYPE, 'This document'),
      link('items', `${address}/items`, GEOJSON, `The ${id}`),
      link(
        'license',
        LICENCE,
        'text/html',
        'Open Government Licence 3.0; what came from others carries its own',
      ),
    ],
    extent: {
      ...(bbox && { spatial: { bbox: [[...bbox]], crs: CRS84 } }),
      ...(from && { temporal: { interval: [[from, to ?? null]], trs: GREGORIAN } }),
    },
    itemType: 'feature',
    crs: [CRS84],
  }
}

const COLLECTIONS = {
  cases: {
    title: 'Cases',
    description: "Published concerns, questions and feedback, each at its organisation's site.",
  },
  organisations: {
    title: 'Organisations',
    description:
      'Who provides and commissions care, with figures of its own published cases; small numbers are left out.',
  },
} as const

const LICENCE = 'https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/'

export type FeaturePage = {
  publicUrl: string
  collection: CollectionId
  /** As it was asked. */
  query: Readonly<Record<string, unknown>>
  /** The features as JSON, joined. */
  items: string
  count: number
  next: string | null
  /** All of them together, if it is known. */
  matched: number | undefined
  now: Date
}

/** A page of features (section 7.15). */
export function featuresView<T>({ publicUrl, collection, query, ...page }: FeaturePage): Json<T> {
  const { items, count, next, matched, now } = page
  const address = `${publicUrl}/ogc/collections/${collection}`
  const links = [
    link('self', addressWith(`${address}/items`, query), GEOJSON, 'This page'),
    ...(next === null
      ? []
      : [link('next', addressWith(`${address}/items`, { ...query, after: next }), GEOJSON, 'The next page')]),
    link('collection', address, JSON_TYPE, 'The collection'),
  ]
  const beside = {
    links,
    timeStamp: now.toISOString(),
    ...(matched !== undefined && { numberMatched: matched }),
    numberReturned: count,
  }
  return {
    json: `{"type":"FeatureCollection","features":[${items}],${JSON.stringify(beside).slice(1)}`,
  }
}

export type OneFeature = {
  publicUrl: string
  collection: CollectionId
  id: string
  /** The feature as JSON. */
  json: string
}

/** One feature (section 7.16); the same thing is told in full by the resource that has its name under `/v1`. */
export function featureView<T>({ publicUrl, collection, id, json }: OneFeature): Json<T> {
  const address = `${publicUrl}/ogc/collections/${collection}`
  const links = [
    link('self', `${address}/items/${encodeURIComponent(id)}`, GEOJSON, 'This feature'),
    link('collection', address, JSON_TYPE, 'Its collection'),
    link(
      'alternate',
      `${publicUrl}/v1/${collection}/${encodeURIComponent(id)}`,
      JSON_TYPE,
      'The same in full',
    ),
  ]
  return { json: `${json.slice(0, -1)},"links":${JSON.stringify(links)}}` }
}

function link(rel: string, href: string, type: string, title: string): Link {
  return { href, rel, type, title }
}
