import {
  createResponseTemplate as createInStore,
  removeResponseTemplate as removeFromStore,
  updateResponseTemplate as updateInStore,
} from '../../domain/change-response-template.ts'
import { listCaseTemplates as listForCase } from '../../domain/fill-response-template.ts'
import {
  getResponseTemplate as getFromStore,
  listResponseTemplates as listFromStore,
} from '../../domain/response-templates.ts'
import { filledTemplateView, responseTemplateView } from '../views/response-template.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listResponseTemplates: Handle<'listResponseTemplates'> = async (request) => {
  const { status, kind, category, active, after, limit = 20 } = request.query
  const filter = { status, kind, category, active }
  const { items, next } = await listFromStore(request.db, clientOf(request), filter, { after, limit })
  return { status: 200, body: { items: items.map(responseTemplateView), next }, next }
}

export const createResponseTemplate: Handle<'createResponseTemplate'> = async (request) => {
  const { db, body, header, now } = request
  const template = await createInStore(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
  const { reference, version } = template
  const location = `/v1/response-templates/${reference}`
  return { status: 201, body: responseTemplateView(template), location, version }
}

export const getResponseTemplate: Handle<'getResponseTemplate'> = async (request) => {
  const template = await getFromStore(request.db, clientOf(request), request.path.template)
  return { status: 200, body: responseTemplateView(template), version: template.version }
}

export const updateResponseTemplate: Handle<'updateResponseTemplate'> = async (request) => {
  const { db, body, header, path, now } = request
  const version = versionIn(header['If-Match'])
  const template = await updateInStore(db, clientOf(request), path.template, body, { version, now })
  return { status: 200, body: responseTemplateView(template), version: template.version }
}

export const removeResponseTemplate: Handle<'removeResponseTemplate'> = async (request) => {
  await removeFromStore(request.db, clientOf(request), request.path.template)
  return { status: 204, body: undefined }
}

export const listCaseTemplates: Handle<'listCaseTemplates'> = async (request) => {
  const { db, path, query } = request
  const templates = await listForCase(db, clientOf(request), path.reference, { status: query.status })
  return { status: 200, body: { items: templates.map(filledTemplateView), next: null } }
}
