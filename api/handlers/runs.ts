import { cancelRun } from '../../domain/asked-runs.ts'
import { askProbe } from '../../domain/probes.ts'
import { listRunResults as listResultsFromStore } from '../../domain/run-results.ts'
import { getRun as getFromStore, listRuns as listFromStore } from '../../domain/runs.ts'
import { runResultView, runView } from '../views/source.ts'
import { clientOf, type Handle } from './context.ts'

export const listRuns: Handle<'listRuns'> = async (request) => {
  const { db, path, query, publicUrl } = request
  const { items, next } = await listFromStore(db, clientOf(request), path.source, {
    after: query.after,
    limit: query.limit ?? 20,
  })
  return { status: 200, body: { items: items.map((run) => runView(run, publicUrl)), next }, next }
}

export const getRun: Handle<'getRun'> = async (request) => {
  const { db, path, publicUrl } = request
  const run = await getFromStore(db, clientOf(request), path.source, path.run)
  return { status: 200, body: runView(run, publicUrl) }
}

export const listRunResults: Handle<'listRunResults'> = async (request) => {
  const { db, path, query } = request
  const { items, next } = await listResultsFromStore(
    db,
    clientOf(request),
    { name: path.source, run: path.run },
    { after: query.after, limit: query.limit ?? 20 },
  )
  return { status: 200, body: { items: items.map(runResultView), next }, next }
}

export const createCancellation: Handle<'createCancellation'> = async (request) => {
  const { db, path, now, publicUrl } = request
  const run = await cancelRun(db, clientOf(request), path.source, path.run, now)
  return { status: 201, body: runView(run, publicUrl) }
}

export const createProbe: Handle<'createProbe'> = async (request) => {
  const { db, path, header, now, publicUrl } = request
  const run = await askProbe(db, clientOf(request), path.source, { key: header['Idempotency-Key'], now })
  return { status: 202, body: runView(run, publicUrl), location: pathOf(run) }
}

/** Where a run is read. */
export function pathOf({ source, reference }: { source: string; reference: string }): string {
  return `/v1/sources/${source}/runs/${reference}`
}
