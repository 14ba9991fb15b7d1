import { countCases as countInStore } from '../../domain/case-counts.ts'
import { caseFilterOf } from './case-filter.ts'
import type { Handle } from './context.ts'

export const countCases: Handle<'countCases'> = async (request) => {
  const { db, query } = request
  const filter = await caseFilterOf(request, query)
  return { status: 200, body: await countInStore(db, filter, query.by ?? []) }
}
