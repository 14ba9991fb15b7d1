import type { CaseFilter } from '../../domain/case-filter.ts'
import { getCase as getCaseFromStore, listOwnCases } from '../../domain/cases.ts'
import { invalid } from '../../domain/errors.ts'
import { decide } from '../../domain/moderation.ts'
import { listPublicCases } from '../../domain/public-cases.ts'
import { submitCase } from '../../domain/submit-case.ts'
import { pageJson, type Schemas } from '../contract/handler.ts'
import { createdCaseView, seenCaseView, staffCaseView } from '../views/case.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const createCase: Handle<'createCase'> = async (request) => {
  const { db, body, header, now, publicUrl } = request
  const submitted = await submitCase(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
  const { reference, version } = submitted.theCase
  return {
    status: 201,
    body: createdCaseView(submitted, publicUrl),
    location: `/v1/cases/${reference}`,
    version,
  }
}

export const listCases: Handle<'listCases'> = async (request) => {
  const { db, caller, query, publicUrl } = request
  const { view = 'public', after, limit = 20, ...filter } = query
  if (view === 'public') {
    refusePublication(filter)
    const { items, next } = await listPublicCases(db, { filter, after, limit, publicUrl })
    return { status: 200, body: pageJson<Schemas['CasePage']>(items, next), next }
  }
  if (caller.kind === 'public') {
    throw invalid({ in: 'query', pointer: '/view', code: 'needs_key', detail: 'view=mine needs a key.' })
  }
  const page = await listOwnCases(db, caller, { filter, after, limit })
  return {
    status: 200,
    body: { items: page.items.map((seen) => seenCaseView(seen, publicUrl)), next: page.next },
    next: page.next,
  }
}

export const getCase: Handle<'getCase'> = async ({ db, caller, path, publicUrl }) => {
  const seen = await getCaseFromStore(db, caller, path.reference, publicUrl)
  if ('json' in seen) return { status: 200, body: { json: seen.json } }
  const version = seen.view === 'stub' ? {} : { version: seen.theCase.version }
  return { status: 200, body: seenCaseView(seen, publicUrl), ...version }
}

export const createDecision: Handle<'createDecision'> = async (request) => {
  const { db, body, header, path, publicUrl } = request
  const version = versionIn(header['If-Match'])
  const seen = await decide(db, clientOf(request), path.reference, body, {
    key: header['Idempotency-Key'],
    version,
  })
  return { status: 201, body: staffCaseView(seen, publicUrl), version: seen.theCase.version }
}

function refusePublication({ publication }: CaseFilter): void {
  if (publication === undefined) return
  throw invalid({
    in: 'query',
    pointer: '/publication',
    code: 'needs_own_view',
    detail: 'What the public sees is published; publication is a filter of view=mine.',
  })
}
