import { getCase as getCaseFromStore, listOwnCases, ownViewOf } from '../../domain/cases.ts'
import { invalid } from '../../domain/errors.ts'
import { includedOf } from '../../domain/included.ts'
import { listPublicCases, refuseUnknownFields } from '../../domain/public-cases.ts'
import { submitCase } from '../../domain/submit-case.ts'
import { FIELDS_TYPE, pageJson, type Schemas } from '../contract/handler.ts'
import { createdCaseView, seenCaseView } from '../views/case.ts'
import { includedView, referredIn } from '../views/included.ts'
import { caseFilterOf } from './case-filter.ts'
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
  const { db, query, publicUrl } = request
  const { view = 'public', order = 'newest', after, limit = 20, fields, include } = query
  if (view === 'mine') return listMine(request)
  refuseOwnFilters(query)
  const page = await listPublicCases(db, {
    filter: await caseFilterOf(request, query),
    order: order as 'newest' | 'oldest',
    ...{ after, limit, publicUrl, fields, include },
  })
  const included = page.included && includedView(page.included, publicUrl)
  return {
    status: 200,
    body: pageJson<Schemas['CasePage']>(page.items, page.next, included),
    next: page.next,
    ...(fields && { mediaType: FIELDS_TYPE }),
  }
}

export const getCase: Handle<'getCase'> = async ({ db, caller, path, now, publicUrl }) => {
  const seen = await getCaseFromStore(db, caller, path.reference, publicUrl)
  if ('json' in seen) return { status: 200, body: { json: seen.json } }
  const version = seen.view === 'stub' ? {} : { version: seen.theCase.version }
  return { status: 200, body: seenCaseView(seen, publicUrl, now), ...version }
}

async function listMine(request: Parameters<typeof listCases>[0]): ReturnType<typeof listCases> {
  const { db, caller, query, now, publicUrl, fieldsOf } = request
  const { order = 'newest', after, limit = 20, fields, include } = query
  if (caller.kind !== 'client') {
    throw invalid({ in: 'query', pointer: '/view', code: 'needs_key', detail: 'view=mine needs a key.' })
  }
  if (fields !== undefined) refuseUnknownFields(fields, fieldsOf(OWN_VIEWS[ownViewOf(caller)]))
  const { publication, assignee, breach, formalComplaint } = query
  const filter = await caseFilterOf(request, query)
  const page = await listOwnCases(db, caller, {
    filter: { ...filter, publication, assignee, breach, formalComplaint },
    ...{ order, after, limit, now },
  })
  const items = page.items.map((seen) => seenCaseView(seen, publicUrl, now))
  const included = include && includedView(await includedOf(db, include, referredIn(items)), publicUrl)
  const { next } = page
  return { status: 200, body: { items, next, ...(included && { included }) }, next, fields }
}

const OWN_VIEWS = { own: 'OwnCase', staff: 'StaffCase' } as const

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
