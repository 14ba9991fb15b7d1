import { connectorFor } from '../../connectors/connector.ts'
import { invalid } from '../../domain/errors.ts'
import {
  createSource as createInStore,
  getSource as getFromStore,
  listSources as listFromStore,
  updateSource as updateInStore,
} from '../../domain/sources.ts'
import { sourceView } from '../views/source.ts'
import { clientOf, type Handle, versionIn } from './context.ts'

export const listSources: Handle<'listSources'> = async (request) => {
  const { db, query, publicUrl } = request
  const { items, next } = await listFromStore(db, clientOf(request), {
    after: query.after,
    limit: query.limit ?? 20,
  })
  return { status: 200, body: { items: items.map((source) => sourceView(source, publicUrl)), next }, next }
}

export const createSource: Handle<'createSource'> = async (request) => {
  const { db, body, header, now, publicUrl } = request
  checkSettings(body.connector ?? null, body.settings)
  const maxAgeDays = body.maxAgeDays ?? connectorFor(body.connector ?? '')?.maxAgeDays ?? undefined
  const draft = { ...body, maxAgeDays }
  const source = await createInStore(db, clientOf(request), draft, { key: header['Idempotency-Key'], now })
  return {
    status: 201,
    body: sourceView(source, publicUrl),
    location: `/v1/sources/${source.name}`,
    version: source.version,
  }
}

export const getSource: Handle<'getSource'> = async (request) => {
  const { db, path, publicUrl } = request
  const source = await getFromStore(db, clientOf(request), path.source)
  return { status: 200, body: sourceView(source, publicUrl), version: source.version }
}

export const updateSource: Handle<'updateSource'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const client = clientOf(request)
  const version = versionIn(header['If-Match'])
  if (body.settings !== undefined)
    checkSettings((await getFromStore(db, client, path.source)).connector, body.settings)
  const source = await updateInStore(db, client, path.source, body, { version, now })
  return { status: 200, body: sourceView(source, publicUrl), version: source.version }
}

function checkSettings(connectorName: string | null, settings: object | undefined): void {
  const connector = connectorName === null ? null : connectorFor(connectorName)
  const problems = connector?.settingsProblems(settings ?? {}) ?? []
  if (problems.length === 0) return
  throw invalid(...problems.map((detail) => ({ pointer: '/settings', code: 'not_valid', detail })))
}
