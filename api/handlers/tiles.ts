import type { BoundingBox } from '../../domain/areas.ts'
import { resolveFilter } from '../../domain/case-filter.ts'
import { listClusters } from '../../domain/clusters.ts'
import { drawTile, LAST_ZOOM, tileLayers } from '../../domain/tiles.ts'
import { clusterCollectionView } from '../views/cluster.ts'
import { tileJsonView } from '../views/tile-json.ts'
import type { Handle } from './context.ts'

export const getClusters: Handle<'getClusters'> = async ({ db, query }) => {
  const { zoom, bbox, ...filter } = query
  const found = await listClusters(db, { filter, zoom, bbox: bbox as BoundingBox | undefined })
  return { status: 200, body: clusterCollectionView(found) }
}

export const getTile: Handle<'getTile'> = async ({ db, path, query }) => {
  const bytes = await drawTile(db, path, query)
  return { status: 200, body: { bytes, mediaType: 'application/vnd.mapbox-vector-tile' } }
}

export const getTileJson: Handle<'getTileJson'> = async ({ db, query, publicUrl }) => {
  // What a tile would refuse is refused here already.
  await resolveFilter(db, query)
  return { status: 200, body: tileJsonView({ publicUrl, query, layers: tileLayers, lastZoom: LAST_ZOOM }) }
}
