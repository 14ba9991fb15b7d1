import { listCaseFeatures } from '../../domain/geo.ts'
import { FIELDS_TYPE } from '../contract/handler.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const getGeoFeed: Handle<'getGeoFeed'> = async (request) => {
  const { db, query, publicUrl } = request
  const { order, after, limit = 100, fields } = query
  const filter = await caseFilterOf(request, query)
  const { items, next } = await listCaseFeatures(db, { filter, order, after, limit, publicUrl, fields })
  return {
    status: 200,
    body: { json: `{"type":"FeatureCollection","features":[${items}],"next":${JSON.stringify(next)}}` },
    next,
    ...(fields && { mediaType: FIELDS_TYPE }),
  }
}
