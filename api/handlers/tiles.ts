import { resolveFilter } from '../../domain/case-filter.ts'
import { listClusters } from '../../domain/clusters.ts'
import { drawTile, LAST_ZOOM, tileLayers } from '../../domain/tiles.ts'
import { clusterCollectionView } from '../views/cluster.ts'
import { tileJsonView } from '../views/tile-json.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const getClusters: Handle<'getClusters'> = async (request) => {
  const { db, query } = request
  const { zoom, ...asked } = query
  const { bbox, ...filter } = await caseFilterOf(request, asked)
  const found = await listClusters(db, { filter, zoom, bbox })
  return { status: 200, body: clusterCollectionView(found) }
}

export const getTile: Handle<'getTile'> = async (request) => {
  const { db, path, query } = request
  const bytes = await drawTile(db, path, await caseFilterOf(request, query))
  return { status: 200, body: { bytes, mediaType: 'application/vnd.mapbox-vector-tile' } }
}

export const getTileJson: Handle<'getTileJson'> = async (request) => {
  const { db, query, publicUrl } = request
  // What a tile would refuse is refused here already.
  await resolveFilter(db, await caseFilterOf(request, query))
  return { status: 200, body: tileJsonView({ publicUrl, query, layers: tileLayers, lastZoom: LAST_ZOOM }) }
}
