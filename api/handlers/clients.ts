import {
  getClient as getFromStore,
  listClients as listFromStore,
  registerClient,
  revokeClient as revokeInStore,
  updateClient as updateInStore,
} from '../../domain/client-admin.ts'
import { addKey, revokeKey as revokeKeyInStore } from '../../domain/client-keys.ts'
import { clientView } from '../views/client.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listClients: Handle<'listClients'> = async ({ db, query, publicUrl }) => {
  const { items, next } = await listFromStore(db, { after: query.after, limit: query.limit ?? 20 })
  return { status: 200, body: { items: items.map((client) => clientView(client, publicUrl)), next }, next }
}

export const createClient: Handle<'createClient'> = async (request) => {
  const { db, body, publicUrl } = request
  const { client, key } = await registerClient(db, clientOf(request), body)
  return {
    status: 201,
    body: { client: clientView(client, publicUrl), key },
    location: `/v1/clients/${client.id}`,
    version: client.version,
  }
}

export const getClient: Handle<'getClient'> = async ({ db, path, publicUrl }) => {
  const client = await getFromStore(db, path.client)
  return { status: 200, body: clientView(client, publicUrl), version: client.version }
}

export const updateClient: Handle<'updateClient'> = async (request) => {
  const { db, body, header, path, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const client = await updateInStore(db, clientOf(request), path.client, body, version)
  return { status: 200, body: clientView(client, publicUrl), version: client.version }
}

export const revokeClient: Handle<'revokeClient'> = async (request) => {
  await revokeInStore(request.db, clientOf(request), request.path.client)
  return { status: 204, body: undefined }
}

export const createKey: Handle<'createKey'> = async (request) => {
  const { db, body, path, now } = request
  const { key, prefix } = await addKey(db, clientOf(request), path.client, body, now)
  return { status: 201, body: { key, prefix } }
}

export const revokeKey: Handle<'revokeKey'> = async (request) => {
  await revokeKeyInStore(request.db, clientOf(request), request.path.client, request.path.key)
  return { status: 204, body: undefined }
}
