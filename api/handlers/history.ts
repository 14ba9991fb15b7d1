import { listAccesses as listAccessesFromStore } from '../../domain/accesses.ts'
import { listCaseEvents as listCaseEventsFromStore } from '../../domain/history.ts'
import { accessView, caseEventView } from '../views/history.ts'
import { clientOf, type Handle } from './context.ts'

export const listCaseEvents: Handle<'listCaseEvents'> = async (request) => {
  const { db, path, query } = request
  const { after, limit = 20 } = query
  const { items, next } = await listCaseEventsFromStore(db, clientOf(request), path.reference, {
    after,
    limit,
  })
  return { status: 200, body: { items: items.map(caseEventView), next }, next }
}

export const listAccesses: Handle<'listAccesses'> = async ({ db, query }) => {
  const { after, limit = 20, ...filter } = query
  const { items, next } = await listAccessesFromStore(db, filter, { after, limit })
  return { status: 200, body: { items: items.map(accessView), next }, next }
}
