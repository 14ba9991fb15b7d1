import type { ClusterOnMap } from '../../domain/clusters.ts'
import type { Schemas } from '../contract/handler.ts'

/** Clusters as GeoJSON, longitude first (RFC 7946). */
export function clusterCollectionView({
  clusters,
  capped,
}: {
  clusters: readonly ClusterOnMap[]
  capped: boolean
}): Schemas['ClusterCollection'] {
  return { type: 'FeatureCollection', features: clusters.map(clusterView), capped }
}

function clusterView(cluster: ClusterOnMap): Schemas['ClusterFeature'] {
  const { level, column, row, bounds, place, count, open, closed, byStatus } = cluster
  return {
    type: 'Feature',
    id: `${level}/${column}/${row}`,
    bbox: [...bounds],
    geometry: { type: 'Point', coordinates: [...place] },
    properties: { count, open, closed, byStatus },
  }
}
