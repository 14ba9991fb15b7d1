import { listAttention as listFromStore } from '../../domain/attention.ts'
import { attentionView } from '../views/quarantine.ts'
import { clientOf, type Handle } from './context.ts'

export const listAttention: Handle<'listAttention'> = async (request) => {
  const { db, now, publicUrl } = request
  const items = await listFromStore(db, clientOf(request), now)
  return { status: 200, body: { items: items.map((item) => attentionView(item, publicUrl)), next: null } }
}
