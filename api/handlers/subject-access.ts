import { createSubjectAccess as createSubjectAccessInStore } from '../../domain/subject-access.ts'
import { subjectAccessView } from '../views/subject-access.ts'
import { clientOf, type Handle } from './context.ts'

export const createSubjectAccess: Handle<'createSubjectAccess'> = async (request) => {
  const { db, body, publicUrl, now } = request
  const given = await createSubjectAccessInStore(db, clientOf(request), body, { publicUrl, now })
  return { status: 200, body: subjectAccessView(given, publicUrl, now) }
}
