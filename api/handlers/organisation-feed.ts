import type { BoundingBox } from '../../domain/areas.ts'
import { listOrganisationFeatures } from '../../domain/organisation-figures.ts'
import type { Handle } from './context.ts'

export const getOrganisationFeed: Handle<'getOrganisationFeed'> = async ({ db, query, publicUrl }) => {
  const { bbox, organisation, region, kind, after, limit = 100 } = query
  const filter = { bbox: bbox as BoundingBox | undefined, organisation, region, kind }
  const { items, next } = await listOrganisationFeatures(db, { filter, after, limit, publicUrl })
  return {
    status: 200,
    body: { json: `{"type":"FeatureCollection","features":[${items}],"next":${JSON.stringify(next)}}` },
    next,
  }
}
