import { type BoundingBox, listCaseFeatures } from '../../domain/geo.ts'
import type { Handle } from './context.ts'

export const getGeoFeed: Handle<'getGeoFeed'> = async ({ db, query, publicUrl }) => {
  const { bbox, after, limit = 100, ...filter } = query
  const { items, next } = await listCaseFeatures(db, {
    filter,
    after,
    limit,
    publicUrl,
    bbox: bbox as BoundingBox | undefined,
  })
  return {
    status: 200,
    body: { json: `{"type":"FeatureCollection","features":[${items}],"next":${JSON.stringify(next)}}` },
    next,
  }
}
