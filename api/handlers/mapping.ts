import { getMapping as getFromStore, updateMapping as updateInStore } from '../../domain/mapping.ts'
import { askNormalisation } from '../../domain/normalisations.ts'
import { mappingView } from '../views/mapping.ts'
import { runView } from '../views/source.ts'
import { clientOf, type Handle, versionIn } from './context.ts'
import { pathOf } from './runs.ts'

export const getMapping: Handle<'getMapping'> = async (request) => {
  const { db, path } = request
  const mapping = await getFromStore(db, clientOf(request), path.source)
  return { status: 200, body: mappingView(mapping), version: mapping.version }
}

export const updateMapping: Handle<'updateMapping'> = async (request) => {
  const { db, body, header, path } = request
  const version = versionIn(header['If-Match'])
  const mapping = await updateInStore(db, clientOf(request), path.source, body.entries, { version })
  return { status: 200, body: mappingView(mapping), version: mapping.version }
}

export const createNormalisation: Handle<'createNormalisation'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const run = await askNormalisation(db, clientOf(request), path.source, {
    dryRun: body.dryRun ?? false,
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 202, body: runView(run, publicUrl), location: pathOf(run) }
}
