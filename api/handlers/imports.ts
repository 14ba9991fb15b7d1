import {
  createImport as createInStore,
  getImport as getFromStore,
  listImports as listFromStore,
  listImportRows as listRowsFromStore,
} from '../../domain/import-organisations.ts'
import { importRowView, importView } from '../views/import.ts'
import { clientOf, type Handle } from './context.ts'

export const createImport: Handle<'createImport'> = async (request) => {
  const { db, body, query, header, now } = request
  const { layout = 'own', update = false, dryRun = false } = query
  const file = { bytes: body ?? Buffer.alloc(0), layout, update, dryRun }
  const kept = await createInStore(db, clientOf(request), file, { key: header['Idempotency-Key'], now })
  const location = `/v1/organisation-imports/${kept.reference}`
  return { status: 202, body: importView(kept), location }
}

export const listImports: Handle<'listImports'> = async ({ db, query }) => {
  const { items, next } = await listFromStore(db, { after: query.after, limit: query.limit ?? 20 })
  return { status: 200, body: { items: items.map(importView), next }, next }
}

export const getImport: Handle<'getImport'> = async ({ db, path }) => {
  return { status: 200, body: importView(await getFromStore(db, path.import)) }
}

export const listImportRows: Handle<'listImportRows'> = async ({ db, path, query }) => {
  const { outcome: outcomes, after, limit = 20 } = query
  const { items, next } = await listRowsFromStore(db, path.import, { outcomes, after, limit })
  return { status: 200, body: { items: items.map(importRowView), next }, next }
}
