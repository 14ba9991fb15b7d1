import {
  addSourceSecret,
  listSourceSecrets as listInStore,
  revokeSourceSecret as revokeInStore,
} from '../../domain/source-secrets.ts'
import { createdSourceSecretView, sourceSecretView } from '../views/source-secret.ts'
import { clientOf, type Handle } from './context.ts'

export const listSourceSecrets: Handle<'listSourceSecrets'> = async (request) => {
  const secrets = await listInStore(request.db, clientOf(request), request.path.source)
  return { status: 200, body: { items: secrets.map(sourceSecretView), next: null } }
}

export const createSourceSecret: Handle<'createSourceSecret'> = async (request) => {
  const { db, path, now } = request
  const secret = await addSourceSecret(db, clientOf(request), path.source, now)
  return { status: 201, body: createdSourceSecretView(secret) }
}

export const revokeSourceSecret: Handle<'revokeSourceSecret'> = async (request) => {
  const { db, path, now } = request
  await revokeInStore(db, clientOf(request), { name: path.source, secret: path.secret }, now)
  return { status: 204, body: undefined }
}
