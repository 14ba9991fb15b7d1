import {
  confirmRecall,
  getRecall as getFromStore,
  listRecalls as listInStore,
} from '../../domain/recall-list.ts'
import { recallView } from '../views/recall.ts'
import { clientOf, type Handle } from './context.ts'

export const listRecalls: Handle<'listRecalls'> = async (request) => {
  const { db, query, now } = request
  const { open, after, limit = 20 } = query
  const { items, next } = await listInStore(db, clientOf(request), { open, after, limit, now })
  return { status: 200, body: { items: items.map(recallView), next }, next }
}

export const getRecall: Handle<'getRecall'> = async (request) => {
  const recall = await getFromStore(request.db, clientOf(request), request.path.recall, request.now)
  return { status: 200, body: recallView(recall) }
}

export const createRecallConfirmation: Handle<'createRecallConfirmation'> = async (request) => {
  const recall = await confirmRecall(request.db, clientOf(request), request.path.recall, request.now)
  return { status: 201, body: recallView(recall) }
}
