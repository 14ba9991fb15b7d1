import { type Db, inTransaction, type QueryView, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { resolveFilter } from './case-filter.ts'
import { casesOf } from './cases.ts'
import { holdClient } from './client-rows.ts'
import { noteDataChange } from './data-version.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { newReference } from './references.ts'
import { ownQuery, QUERY_COLUMNS, type SavedFilter, type SavedQuery, savedQuery } from './saved-queries.ts'

export type NewSavedQuery = { name: string; view?: QueryView | undefined; filter: SavedFilter }

/** What to change: absent means leave; a filter is replaced as a whole. */
export type SavedQueryChange = { name?: string | undefined; filter?: SavedFilter | undefined }

/** So many may a client have. */
export const MOST_QUERIES = 200

/**
 * Saves a query. Throws `validation_failed` at `/filter/…` for what cannot be selected by, `name_taken`, and
 * `too_many_queries` beyond `MOST_QUERIES`.
 */
export async function saveQuery(
  db: Db,
  client: ClientCaller,
  draft: NewSavedQuery,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SavedQuery> {
  const { name, view = 'public', filter } = draft
  await checkFilter(db, client, view, filter)
  const request = { key, operation: 'createQuery', body: draft }
  return once(db, { clientId: client.clientId }, request, async (tx) => {
    await refuseTooMany(tx, client)
    const created = await row<SavedQuery>(
      tx,
      `insert into saved_queries as q (reference, client_id, name, view, filter, created_at, updated_at)
       values ($1, $2, $3, $4, $5, $6, $6) on conflict (client_id, name) do nothing returning ${QUERY_COLUMNS}`,
      [newReference(), client.clientId, name, view, JSON.stringify(filter), now],
      'save-query',
    )
    if (created === undefined) throw nameTaken(name)
    await recordEvents(tx, client, [{ type: 'query.created', aboutClientId: client.clientId }])
    return created
  })
}

/** Changes a query of the client's own. Throws `not_found`, `version_stale` when it has changed since `version`, and as `saveQuery` does. */
export async function updateSavedQuery(
  db: Db,
  client: ClientCaller,
  reference: string,
  change: SavedQueryChange,
  { version, now }: { version: number; now: Date },
): Promise<SavedQuery> {
  const { filter } = change
  if (filter !== undefined) {
    const { view } = await ownQuery(db.pool, client, reference)
    await checkFilter(db, client, view, filter)
  }
  await inTransaction(db, async (tx) => {
    const held = await ownQuery(tx, client, reference, 'for update')
    refuseStale(held, version)
    await writeChange(tx, held, change, now)
    // What is read by its id is another answer from now on, under the same address.
    await noteDataChange(tx)
    const fields = (['name', 'filter'] as const).filter((field) => change[field] !== undefined)
    await recordEvents(tx, client, [{ type: 'query.changed', aboutClientId: client.clientId, fields }])
  })
  return savedQuery(db.pool, client, reference)
}

/** Deletes a query of the client's own, with the digests of it that have ended. Throws `not_found`, and `query_in_use` while a subscription or a digest goes by it. */
export async function removeSavedQuery(db: Db, client: ClientCaller, reference: string): Promise<void> {
  await inTransaction(db, async (tx) => {
    const { id } = await ownQuery(tx, client, reference, 'for update')
    await rows(
      tx,
      `update subscriptions set query_id = null where query_id = $1 and state = 'ended'`,
      [id],
      'free-query-of-subscriptions',
    )
    await rows(
      tx,
      `delete from digests where query_id = $1 and state = 'ended'`,
      [id],
      'forget-ended-digests',
    )
    await rows(tx, 'delete from saved_queries where id = $1', [id], 'remove-query').catch(
      (error: { code?: string }) => {
        throw error.code === FOREIGN_KEY_VIOLATION || error.code === RESTRICT_VIOLATION
          ? new DomainError('query_in_use', {
              detail: 'A subscription or a digest goes by it; end that first.',
            })
          : error
      },
    )
    await noteDataChange(tx)
    await recordEvents(tx, client, [{ type: 'query.removed', aboutClientId: client.clientId }])
  })
}

async function refuseTooMany(tx: Tx, client: ClientCaller): Promise<void> {
  await holdClient(tx, client.clientId)
  const found = await row<{ n: number }>(
    tx,
    'select count(*)::int as n from saved_queries where client_id = $1',
    [client.clientId],
    'count-queries',
  )
  if ((found?.n ?? 0) < MOST_QUERIES) return
  throw new DomainError('too_many_queries', {
    detail: `A client has at most ${MOST_QUERIES} saved queries; delete one first.`,
  })
}

async function writeChange(
  tx: Tx,
  { id }: SavedQuery,
  { name, filter }: SavedQueryChange,
  now: Date,
): Promise<void> {
  await rows(
    tx,
    `update saved_queries set name = coalesce($2, name), filter = coalesce($3::jsonb, filter), version = version + 1, updated_at = $4
     where id = $1`,
    [id, name ?? null, filter === undefined ? null : JSON.stringify(filter), now],
    'update-query',
  ).catch((error: { code?: string }) => {
    throw error.code === UNIQUE_VIOLATION ? nameTaken(name ?? '') : error
  })
}

async function checkFilter(
  db: Db,
  client: ClientCaller,
  view: QueryView,
  filter: SavedFilter,
): Promise<void> {
  if (view === 'mine') refuseNoOwnCases(client)
  if (filter.overdue !== undefined) refuseOverdue(client, view)
  try {
    await resolveFilter(db, filter)
  } catch (error) {
    throw inBody(error, (pointer) => `/filter${pointer}`)
  }
}

function refuseNoOwnCases(client: ClientCaller): void {
  try {
    casesOf(client)
  } catch (error) {
    throw inBody(error, (pointer) => pointer)
  }
}

// The public is not told what is overdue, and whoever follows their own cases not when each is due.
function refuseOverdue({ role }: ClientCaller, view: QueryView): void {
  const pointer = '/filter/overdue'
  if (view === 'public')
    throw invalid({ pointer, code: 'needs_own_view', detail: 'This works with view "mine" only.' })
  if (role === 'integrator') {
    const detail = 'Only those who work on a case see this of it; leave it out.'
    throw invalid({ pointer, code: 'needs_staff_key', detail })
  }
}

// What a list says of its parameters is said of the body here.
function inBody(error: unknown, move: (pointer: string) => string): unknown {
  if (!(error instanceof DomainError) || error.code !== 'validation_failed') return error
  const errors = error.details.errors ?? []
  return invalid(...errors.map((one) => ({ ...one, in: 'body' as const, pointer: move(one.pointer) })))
}

function refuseStale(held: SavedQuery, version: number): void {
  if (held.version === version) return
  throw new DomainError('version_stale', {
    currentVersion: held.version,
    detail: `You sent version ${version}; it is ${held.version} now. Read it again and decide again.`,
  })
}

function nameTaken(name: string): DomainError {
  return new DomainError('name_taken', {
    detail: `Your client has a saved query "${name}" already; send another /name.`,
  })
}

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
const RESTRICT_VIOLATION = '23001'
