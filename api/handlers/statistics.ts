import { getStatistics as getFromStore, type StatisticsAsked } from '../../domain/statistics.ts'
import { listStatistics as listFromStore } from '../../domain/statistics-rows.ts'
import { listWithheld as listWithheldFromStore } from '../../domain/withheld-weeks.ts'
import { figureLines, statisticsRowView, statisticsView, withheldView } from '../views/statistics.ts'
import type { Handle } from './context.ts'

export const getStatistics: Handle<'getStatistics'> = async ({ db, caller, query, now }) => {
  const statistics = await getFromStore(db, caller, askedIn(query, now))
  return { status: 200, body: statisticsView(statistics) }
}

export const listFigures: Handle<'listFigures'> = async ({ db, caller, query, now }) => {
  const statistics = await getFromStore(db, caller, askedIn(query, now))
  return { status: 200, body: { items: figureLines(statistics), next: null } }
}

export const listStatistics: Handle<'listStatistics'> = async ({ db, caller, query, now }) => {
  const { level = 'parent', minimum = 6, order = 'name', after, limit = 20 } = query
  const asked = { ...askedIn(query, now), level, minimum, order, after, limit }
  const { items, next } = await listFromStore(db, caller, asked)
  return { status: 200, body: { items: items.map(statisticsRowView), next }, next }
}

export const listWithheld: Handle<'listWithheld'> = async ({ db, query, now }) => {
  const { organisation, from, to, after, limit = 20 } = query
  const { items, next } = await listWithheldFromStore(db, { organisation, from, to, after, limit, now })
  return { status: 200, body: { items: items.map(withheldView), next }, next }
}

type Query = Parameters<Handle<'getStatistics'>>[0]['query']

function askedIn(query: Query, now: Date): StatisticsAsked {
  const { view = 'public', organisation, commissioner, region, window } = query
  const { from, to, kind, channel, category, service } = query
  return { view, organisation, commissioner, region, window, from, to, kind, channel, category, service, now }
}
