import {
  createAlias as createInStore,
  listAliases as listFromStore,
  removeAlias as removeFromStore,
} from '../../domain/organisation-aliases.ts'
import { aliasView } from '../views/quarantine.ts'
import { clientOf, type Handle } from './context.ts'

export const listAliases: Handle<'listAliases'> = async (request) => {
  const { db, path, query } = request
  const { after, limit = 20 } = query
  const { items, next } = await listFromStore(db, clientOf(request), path.source, { after, limit })
  return { status: 200, body: { items: items.map(aliasView), next }, next }
}

export const createAlias: Handle<'createAlias'> = async (request) => {
  const { db, body, path } = request
  const alias = await createInStore(db, clientOf(request), path.source, body)
  return { status: 201, body: aliasView(alias) }
}

export const removeAlias: Handle<'removeAlias'> = async (request) => {
  const { db, path, query } = request
  await removeFromStore(db, clientOf(request), path.source, query.code)
  return { status: 204, body: undefined }
}
