import { listDemand as listFromStore } from '../../domain/demand.ts'
import { demandView } from '../views/demand.ts'
import { clientOf, type Handle } from './context.ts'

export const listDemand: Handle<'listDemand'> = async (request) => {
  const { db, query, now } = request
  const { by = 'week', from, to, organisation, kind, after, limit = 20 } = query
  const asked = { by, from, to, organisation, kind, after, limit, now }
  const { items, next } = await listFromStore(db, clientOf(request), asked)
  return { status: 200, body: { items: items.map(demandView), next }, next }
}
