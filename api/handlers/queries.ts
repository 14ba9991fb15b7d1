import { removeSavedQuery, saveQuery, updateSavedQuery } from '../../domain/save-query.ts'
import { listSavedQueries, type SavedFilter, savedQuery } from '../../domain/saved-queries.ts'
import type { Schemas } from '../contract/handler.ts'
import { savedQueryView } from '../views/saved-query.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listQueries: Handle<'listQueries'> = async (request) => {
  const { after, limit = 20 } = request.query
  const { items, next } = await listSavedQueries(request.db, clientOf(request), { after, limit })
  const views = items.map((query) => savedQueryView(query, request.publicUrl))
  return { status: 200, body: { items: views, next }, next }
}

export const createQuery: Handle<'createQuery'> = async (request) => {
  const { db, body, header, now, publicUrl } = request
  const draft = { ...body, filter: filterOf(body.filter) }
  const query = await saveQuery(db, clientOf(request), draft, { key: header['Idempotency-Key'], now })
  const { reference, version } = query
  return {
    status: 201,
    body: savedQueryView(query, publicUrl),
    location: `/v1/queries/${reference}`,
    version,
  }
}

export const getQuery: Handle<'getQuery'> = async ({ db, caller, path, publicUrl }) => {
  const query = await savedQuery(db.pool, caller, path.query)
  return { status: 200, body: savedQueryView(query, publicUrl), version: query.version }
}

export const updateQuery: Handle<'updateQuery'> = async (request) => {
  const { db, path, body, header, now, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const change = { name: body.name, filter: body.filter && filterOf(body.filter) }
  const query = await updateSavedQuery(db, clientOf(request), path.query, change, { version, now })
  return { status: 200, body: savedQueryView(query, publicUrl), version: query.version }
}

export const removeQuery: Handle<'removeQuery'> = async (request) => {
  await removeSavedQuery(request.db, clientOf(request), request.path.query)
  return { status: 204, body: undefined }
}

// The contract says how many numbers there are, which its types do not.
function filterOf(filter: Schemas['QueryFilterUpdate']): SavedFilter {
  return filter as SavedFilter
}
