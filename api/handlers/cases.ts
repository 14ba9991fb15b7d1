import { getCase as getCaseFromStore, listOwnCases } from '../../domain/cases.ts'
import { invalid } from '../../domain/errors.ts'
import { listPublicCases } from '../../domain/public-cases.ts'
import { submitCase } from '../../domain/submit-case.ts'
import { pageJson, type Schemas } from '../contract/handler.ts'
import { createdCaseView, seenCaseView } from '../views/case.ts'
import { clientOf, type Handle } from './context.ts'

export const createCase: Handle<'createCase'> = async (request) => {
  const { db, body, header, now, publicUrl, forms, service } = request
  const submitted = await submitCase(db, clientOf(request), body, {
    key: header['Idempotency-Key'],
    now,
    forms,
  })
  const { reference, version } = submitted.theCase
  return {
    status: 201,
    body: createdCaseView(submitted, publicUrl, service.notice),
    location: `/v1/cases/${reference}`,
    version,
  }
}

export const listCases: Handle<'listCases'> = async (request) => {
  const { db, caller, query, now, publicUrl } = request
  const { view = 'public', order = 'newest', after, limit = 20, ...filter } = query
  if (view === 'public') {
    refuseOwnFilters(query)
    const { items, next } = await listPublicCases(db, { filter, after, limit, publicUrl })
    return { status: 200, body: pageJson<Schemas['CasePage']>(items, next), next }
  }
  if (caller.kind !== 'client') {
    throw invalid({ in: 'query', pointer: '/view', code: 'needs_key', detail: 'view=mine needs a key.' })
  }
  const page = await listOwnCases(db, caller, { filter, order, after, limit, now })
  return {
    status: 200,
    body: { items: page.items.map((seen) => seenCaseView(seen, publicUrl, now)), next: page.next },
    next: page.next,
  }
}

export const getCase: Handle<'getCase'> = async ({ db, caller, path, now, publicUrl }) => {
  const seen = await getCaseFromStore(db, caller, path.reference, publicUrl)
  if ('json' in seen) return { status: 200, body: { json: seen.json } }
  const version = seen.view === 'stub' ? {} : { version: seen.theCase.version }
  return { status: 200, body: seenCaseView(seen, publicUrl, now), ...version }
}

const OWN_FILTERS = ['publication', 'overdue', 'assignee', 'breach', 'formalComplaint'] as const

function refuseOwnFilters(query: Parameters<typeof listCases>[0]['query']): void {
  const own: string[] = OWN_FILTERS.filter((name) => query[name] !== undefined)
  if (query.order === 'due') own.push('order')
  if (own.length === 0) return
  throw invalid(
    ...own.map((name) => ({
      in: 'query' as const,
      pointer: `/${name}`,
      code: 'needs_own_view',
      detail: 'This works with view=mine only: the public list has what is published, newest first.',
    })),
  )
}
