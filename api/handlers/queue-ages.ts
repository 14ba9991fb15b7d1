import { listQueueAges as listFromStore } from '../../domain/queue-ages.ts'
import { queueAgeView } from '../views/queue-age.ts'
import { clientOf, type Handle } from './context.ts'

export const listQueueAges: Handle<'listQueueAges'> = async (request) => {
  const { db, query, now } = request
  const ages = await listFromStore(db, clientOf(request), { organisation: query.organisation, now })
  return { status: 200, body: { items: ages.map(queueAgeView), next: null } }
}
