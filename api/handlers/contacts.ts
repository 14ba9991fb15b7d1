import { searchContacts as searchContactsInStore } from '../../domain/contact-search.ts'
import { staffCaseView } from '../views/case.ts'
import { clientOf, type Handle } from './context.ts'

export const searchContacts: Handle<'searchContacts'> = async (request) => {
  const { db, body, now, publicUrl } = request
  const found = await searchContactsInStore(db, clientOf(request), body)
  return {
    status: 200,
    body: { items: found.map((seen) => staffCaseView(seen, publicUrl, now)), next: null },
  }
}
