import { confirmDigest, unsubscribe } from '../../domain/digest-links.ts'
import {
  createDigest as createInStore,
  endDigest as endInStore,
  getDigest as getFromStore,
  listDigests as listInStore,
} from '../../domain/digests.ts'
import { digestView } from '../views/digest.ts'
import { clientOf, type Handle } from './context.ts'

export const listDigests: Handle<'listDigests'> = async (request) => {
  const { after, limit = 20 } = request.query
  const { items, next } = await listInStore(request.db, clientOf(request), { after, limit })
  return { status: 200, body: { items: items.map(digestView), next }, next }
}

export const createDigest: Handle<'createDigest'> = async (request) => {
  const { db, body, header, now } = request
  const digest = await createInStore(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
  return { status: 201, body: digestView(digest), location: `/v1/digests/${digest.reference}` }
}

export const getDigest: Handle<'getDigest'> = async (request) => {
  const digest = await getFromStore(request.db, clientOf(request), request.path.digest)
  return { status: 200, body: digestView(digest) }
}

export const endDigest: Handle<'endDigest'> = async (request) => {
  await endInStore(request.db, clientOf(request), request.path.digest)
  return { status: 204, body: undefined }
}

export const createDigestConfirmation: Handle<'createDigestConfirmation'> = async ({ db, path, now }) => {
  await confirmDigest(db, path.token, now)
  return { status: 204, body: undefined }
}

export const createDigestEnd: Handle<'createDigestEnd'> = async ({ db, path }) => {
  await unsubscribe(db, path.token)
  return { status: 204, body: undefined }
}
