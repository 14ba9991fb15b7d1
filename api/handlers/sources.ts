import { connectorFor } from '../../connectors/connector.ts'
import { pushedEntry } from '../../connectors/pushed-item.ts'
import { invalid } from '../../domain/errors.ts'
import { pushItems as pushToStore } from '../../domain/push-items.ts'
import { listRuns as listRunsFromStore } from '../../domain/runs.ts'
import {
  createSource as createInStore,
  getSource as getFromStore,
  listSources as listFromStore,
  updateSource as updateInStore,
} from '../../domain/sources.ts'
import { itemResultView, runView, sourceView } from '../views/source.ts'
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
  const source = await createInStore(db, clientOf(request), body, { key: header['Idempotency-Key'], now })
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

export const pushItems: Handle<'pushItems'> = async (request) => {
  const { db, body, header, path, now, problemsOf } = request
  const entries = body.items.map((item, n) =>
    pushedEntry(
      item,
      n,
      problemsOf('NewItem', item).map(({ pointer, detail }) => `${pointer}: ${detail}`),
    ),
  )
  const { run, items } = await pushToStore(db, clientOf(request), path.source, entries, {
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 200, body: { run: runView(run), items: items.map(itemResultView) } }
}

export const listRuns: Handle<'listRuns'> = async (request) => {
  const { db, path, query } = request
  const { items, next } = await listRunsFromStore(db, clientOf(request), path.source, {
    after: query.after,
    limit: query.limit ?? 20,
  })
  return { status: 200, body: { items: items.map(runView), next }, next }
}

function checkSettings(connectorName: string | null, settings: object | undefined): void {
  const connector = connectorName === null ? null : connectorFor(connectorName)
  const problems = connector?.settingsProblems(settings ?? {}) ?? []
  if (problems.length === 0) return
  throw invalid(...problems.map((detail) => ({ pointer: '/settings', code: 'not_valid', detail })))
}
