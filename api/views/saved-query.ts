import type { SavedFilter, SavedQuery } from '../../domain/saved-queries.ts'
import type { Schemas } from '../contract/handler.ts'

/** A saved query on the wire, with where it can be read. */
export function savedQueryView(query: SavedQuery, publicUrl: string): Schemas['SavedQuery'] {
  return {
    id: query.reference,
    name: query.name,
    view: query.view,
    filter: filterView(query.filter),
    version: query.version,
    createdAt: query.createdAt,
    updatedAt: query.updatedAt,
    links: linksOf(query, `${publicUrl}/v1`),
  }
}

function filterView(filter: SavedFilter): Schemas['QueryFilterUpdate'] {
  const { organisation, region, kind, category, status, source, language } = filter
  const { bbox, near, radius, polygon, q, overdue } = filter
  return {
    ...(organisation && { organisation: [...organisation] }),
    ...(region && { region: [...region] }),
    ...(kind && { kind: [...kind] }),
    ...(category && { category: [...category] }),
    ...(status && { status: [...status] }),
    ...(source && { source: [...source] }),
    ...(language && { language: [...language] }),
    ...(bbox && { bbox: [...bbox] }),
    ...(near && { near: [...near] }),
    ...(radius !== undefined && { radius }),
    ...(polygon && { polygon: [...polygon] }),
    ...(q !== undefined && { q }),
    ...(overdue !== undefined && { overdue }),
  }
}

function linksOf({ reference, view }: SavedQuery, base: string): Schemas['SavedQuery']['links'] {
  const query = `query=${reference}`
  if (view === 'mine') {
    return { cases: `${base}/cases?view=mine&${query}`, events: `${base}/events?view=mine&${query}` }
  }
  return {
    cases: `${base}/cases?${query}`,
    events: `${base}/events?${query}`,
    stream: `${base}/events/stream?${query}`,
    atom: `${base}/feeds/cases.atom?${query}`,
    rss: `${base}/feeds/cases.rss?${query}`,
    jsonFeed: `${base}/feeds/cases.json?${query}`,
    geoFeed: `${base}/geo-feed?${query}`,
  }
}
