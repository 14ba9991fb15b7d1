import { listCaseEntries } from '../../domain/case-atom.ts'
import { atomView } from '../views/atom.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const getCaseAtom: Handle<'getCaseAtom'> = async (request) => {
  const { db, query, publicUrl, service, now } = request
  const { after, limit = 20 } = query
  const filter = await caseFilterOf(request, query)
  const { entries, next } = await listCaseEntries(db, { filter, after, limit, publicUrl })
  return {
    status: 200,
    body: atomView({ publicUrl, name: service.name, query, entries, next, now }),
    next,
  }
}
