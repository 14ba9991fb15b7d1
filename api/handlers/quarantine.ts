import { listItemVersions as listVersionsFromStore } from '../../domain/item-versions.ts'
import {
  dismissEntry,
  getQuarantined as getFromStore,
  listQuarantine as listFromStore,
} from '../../domain/quarantine.ts'
import { askRedrive } from '../../domain/redrives.ts'
import { itemVersionView, quarantinedView, quarantinedWithRawView } from '../views/quarantine.ts'
import { runView } from '../views/source.ts'
import { clientOf, type Handle } from './context.ts'
import { pathOf } from './runs.ts'

export const listQuarantine: Handle<'listQuarantine'> = async (request) => {
  const { db, path, query, publicUrl } = request
  const { after, limit = 20, reason, dismissed } = query
  const { items, next } = await listFromStore(
    db,
    clientOf(request),
    path.source,
    { reason, dismissed },
    { after, limit },
  )
  return { status: 200, body: { items: items.map((entry) => quarantinedView(entry, publicUrl)), next }, next }
}

export const getQuarantined: Handle<'getQuarantined'> = async (request) => {
  const { db, path, publicUrl } = request
  const entry = await getFromStore(db, clientOf(request), { name: path.source, entry: path.entry })
  return { status: 200, body: quarantinedWithRawView(entry, publicUrl) }
}

export const createDismissal: Handle<'createDismissal'> = async (request) => {
  const { db, path, now, publicUrl } = request
  const entry = await dismissEntry(db, clientOf(request), { name: path.source, entry: path.entry }, now)
  return { status: 201, body: quarantinedView(entry, publicUrl) }
}

export const createRedrive: Handle<'createRedrive'> = async (request) => {
  const { db, body, header, path, now, publicUrl } = request
  const run = await askRedrive(db, clientOf(request), path.source, body, {
    key: header['Idempotency-Key'],
    now,
  })
  return { status: 202, body: runView(run, publicUrl), location: pathOf(run) }
}

export const listItemVersions: Handle<'listItemVersions'> = async (request) => {
  const { db, path, query } = request
  const versions = await listVersionsFromStore(db, clientOf(request), path.source, query.externalId)
  return { status: 200, body: { items: versions.map(itemVersionView), next: null } }
}
