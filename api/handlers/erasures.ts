import {
  createErasure as createErasureInStore,
  getErasure as getErasureFromStore,
  listErasures as listErasuresFromStore,
} from '../../domain/erasures.ts'
import { erasureView } from '../views/erasure.ts'
import { clientOf, type Handle } from './context.ts'

export const createErasure: Handle<'createErasure'> = async (request) => {
  const { db, body, ledger, now } = request
  const erasure = await createErasureInStore(db, clientOf(request), body, { ledger, now })
  return { status: 201, body: erasureView(erasure), location: `/v1/erasures/${erasure.reference}` }
}

export const listErasures: Handle<'listErasures'> = async ({ db, query }) => {
  const { after, limit = 20 } = query
  const { items, next } = await listErasuresFromStore(db, { after, limit })
  return { status: 200, body: { items: items.map(erasureView), next }, next }
}

export const getErasure: Handle<'getErasure'> = async ({ db, path }) => {
  return { status: 200, body: erasureView(await getErasureFromStore(db, path.erasure)) }
}
