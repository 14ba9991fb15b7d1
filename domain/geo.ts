import type { Db } from '../prisma/client.ts'
import { attributionJson } from './case-rows.ts'
import { invalid } from './errors.ts'
import { jsonObject } from './json-sql.ts'
import { type JsonPage, jsonPage, type PublicListing } from './public-cases.ts'

/** West, south, east, north in degrees. West greater than east crosses the antimeridian (RFC 7946, section 5.2). */
export type BoundingBox = readonly [west: number, south: number, east: number, north: number]

// In a larger box the feed index finds the newest sooner than the one over places.
const SMALL_BOX_DEGREES = 3

/** Published cases with a place in a box, newest first, as GeoJSON features (RFC 7946: longitude first). */
export async function listCaseFeatures(
  db: Db,
  listing: PublicListing & { bbox?: BoundingBox | undefined },
): Promise<JsonPage> {
  const box = listing.bbox === undefined ? undefined : boxConditions(listing.bbox)
  return jsonPage(db, listing, box?.sql ?? ['c.pt is not null'], box?.values ?? [], FEATURE, FEATURE_JOINS)
}

function boxConditions([west, south, east, north]: BoundingBox): { sql: string[]; values: number[] } {
  if (south > north || Math.abs(south) > 90 || Math.abs(north) > 90) {
    throw invalid({
      in: 'query',
      pointer: '/bbox',
      code: 'not_a_box',
      detail: 'Give west, south, east, north: south not above north, both within ±90.',
    })
  }
  const values = [west, south, east, north]
  if (west > east) {
    return {
      sql: ['c.latitude between $3 and $5', '(c.longitude >= $2::float8 or c.longitude <= $4::float8)'],
      values,
    }
  }
  const small = east - west <= SMALL_BOX_DEGREES && north - south <= SMALL_BOX_DEGREES
  return {
    // The index over places finds candidates; the exact edges are checked in degrees.
    sql: [
      ...(small ? ['c.pt <@ box(mercator($5::float8, $2::float8), mercator($3::float8, $4::float8))'] : []),
      'c.latitude between $3::float8 and $5::float8',
      'c.longitude between $2::float8 and $4::float8',
    ],
    values,
  }
}

const FEATURE_JOINS =
  'join organisations o on o.id = c.organisation_id left join sources src on src.id = c.source_id'

const FEATURE = jsonObject({
  type: `'Feature'::text`,
  id: 'c.reference',
  geometry: jsonObject({ type: `'Point'::text`, coordinates: 'array[c.longitude, c.latitude]' }),
  properties: jsonObject({
    reference: 'c.reference',
    url: `$1::text || '/v1/cases/' || c.reference`,
    kind: 'c.kind',
    title: 'c.moderated_title',
    text: 'c.moderated_text',
    category: 'c.category_code',
    organisationCode: 'o.code',
    organisationName: 'o.name',
    status: 'c.status',
    reportedAt: 'utc(c.reported_at)',
    responseCount: `(select count(*) from responses r where r.case_id = c.id and r.publication = 'published')`,
    attribution: attributionJson('c.source_link'),
  }),
})
