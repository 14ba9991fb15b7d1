import { listMapChanges as listFromStore } from '../../domain/map-changes.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const listMapChanges: Handle<'listMapChanges'> = async (request) => {
  const { db, query, publicUrl } = request
  const { after, limit = 100 } = query
  const filter = await caseFilterOf(request, query)
  const { changed, removed, next, more } = await listFromStore(db, { filter, after, limit, publicUrl })
  const rest = JSON.stringify({ removed, next, more }).slice(1)
  return { status: 200, body: { json: `{"changed":[${changed}],${rest}` }, next: more ? next : null }
}
