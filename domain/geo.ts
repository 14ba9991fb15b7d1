import { type Db, row } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'
import { attributionJson } from './case-rows.ts'
import { lookAt } from './cases.ts'
import { DomainError } from './errors.ts'
import { jsonObject } from './json-sql.ts'
import { type JsonPage, jsonPage, type PageShape, type PublicListing, pickedJson } from './public-cases.ts'

/** A page of the published cases of a filter that have a place, as GeoJSON features (RFC 7946: longitude first). */
export async function listCaseFeatures(db: Db, listing: PublicListing): Promise<JsonPage> {
  return jsonPage(db, listing, FEATURE_PAGE)
}

/**
 * One published case as a GeoJSON feature, whose geometry is null where it has no place; throws the same `not_found` for
 * an unknown case and for one that the public does not read.
 */
export async function getCaseFeature(
  db: Db,
  reference: string,
  publicUrl: string,
): Promise<{ reference: string; json: string }> {
  const { id, standing, view } = await lookAt(db, { kind: 'public' }, reference)
  const found =
    view === 'public'
      ? await row<{ json: string }>(
          db.pool,
          `select (${FEATURE_ANYWHERE})::text as json from cases c ${FEATURE_JOINS} where c.id = $2 and ${PUBLISHED}`,
          [publicUrl, id],
          'case-feature',
        )
      : undefined
  if (found === undefined) throw new DomainError('not_found')
  return { reference: standing.reference, json: found.json }
}

/** SQL for the joins that `featureJson` needs. */
export const FEATURE_JOINS =
  'join organisations o on o.id = c.organisation_id left join sources src on src.id = c.source_id'

const PROPERTIES = {
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
}

/** SQL for the feature of a case `c`, with some of its properties or all; `$1` in it is the public address. */
export function featureJson(fields?: readonly string[]): string {
  return jsonObject({
    type: `'Feature'::text`,
    id: 'c.reference',
    geometry: POINT,
    properties: pickedJson(PROPERTIES, fields),
  })
}

const POINT = jsonObject({ type: `'Point'::text`, coordinates: 'array[c.longitude, c.latitude]' })

const FEATURE_ANYWHERE = jsonObject({
  type: `'Feature'::text`,
  id: 'c.reference',
  geometry: `case when c.latitude is not null then ${POINT} end`,
  properties: jsonObject(PROPERTIES),
})

const FEATURE_PAGE: PageShape = { item: featureJson, joins: FEATURE_JOINS, placed: true }
