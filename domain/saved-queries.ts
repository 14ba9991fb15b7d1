import { type Db, type QueryView, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import type { OwnCaseFilter } from './case-filter.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, type FieldError, invalid } from './errors.ts'
import { parseReference } from './references.ts'

/** What a saved query may select cases by: the filters that mean the same tomorrow. */
export type SavedFilter = Pick<
  OwnCaseFilter,
  | 'organisation'
  | 'region'
  | 'kind'
  | 'category'
  | 'status'
  | 'source'
  | 'language'
  | 'bbox'
  | 'near'
  | 'radius'
  | 'polygon'
  | 'q'
  | 'overdue'
>

/** A filter with a name. Its reference is its only identity on the wire; the filter is as it was sent. */
export type SavedQuery = {
  id: number
  reference: string
  clientId: number
  name: string
  /** Of what everybody reads, or of the cases that its client relates to. */
  view: QueryView
  filter: SavedFilter
  version: number
  createdAt: string
  updatedAt: string
}

/**
 * A saved query by its reference: a public one for anybody, one of `mine` for its own client only. Throws `not_found`, the
 * same for one of somebody else's and for one that is not there.
 */
export async function savedQuery(sql: Sql, caller: Caller, reference: string): Promise<SavedQuery> {
  const found = await visibleQuery(sql, caller, reference)
  if (found === undefined) throw new DomainError('not_found', { detail: 'There is no such saved query.' })
  return found
}

/** The same for where a request names it; throws `validation_failed` at the parameter `query`. */
export async function savedQueryNamed(sql: Sql, caller: Caller, reference: string): Promise<SavedQuery> {
  const found = await visibleQuery(sql, caller, reference)
  if (found === undefined) throw unknownQuery('query')
  return found
}

/** The same for a body that names what is to go by it: until the transaction ends nobody deletes it. */
export async function heldQueryNamed(tx: Tx, caller: Caller, reference: string): Promise<SavedQuery> {
  const found = await visibleQuery(tx, caller, reference)
  const held =
    found &&
    (await row(tx, 'select 1 from saved_queries where id = $1 for key share', [found.id], 'hold-query'))
  if (found === undefined || held === undefined) throw unknownQuery('body')
  return found
}

function unknownQuery(part: FieldError['in']): DomainError {
  return invalid({
    in: part,
    pointer: '/query',
    code: 'unknown_query',
    detail: 'There is no such saved query, or it is of view=mine and of another client.',
  })
}

/** The saved queries of a client, oldest first. */
export async function listSavedQueries(
  db: Db,
  client: ClientCaller,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<SavedQuery>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<SavedQuery>(
    db.pool,
    `${QUERY} where q.client_id = $1 and q.id > $2 order by q.id limit $3`,
    [client.clientId, cursor?.[0] ?? 0, limit + 1],
    'saved-queries',
  )
  return pageOf(found, limit, (last) => [last.id])
}

async function visibleQuery(sql: Sql, caller: Caller, reference: string): Promise<SavedQuery | undefined> {
  const clientId = caller.kind === 'client' ? caller.clientId : null
  return row<SavedQuery>(
    sql,
    `${QUERY} where q.reference = $1 and (q.view = 'public' or q.client_id = $2::int)`,
    [parseReference(reference) ?? '', clientId],
    'saved-query',
  )
}

/** A saved query of the client's own, held where the caller changes it; throws `not_found`. */
export async function ownQuery(
  sql: Sql,
  client: ClientCaller,
  reference: string,
  lock: '' | 'for update' = '',
): Promise<SavedQuery> {
  const found = await row<SavedQuery>(
    sql,
    `${QUERY} where q.reference = $1 and q.client_id = $2 ${lock}`,
    [parseReference(reference) ?? '', client.clientId],
    lock === '' ? 'own-query' : 'hold-own-query',
  )
  if (found === undefined)
    throw new DomainError('not_found', { detail: 'Your client has no such saved query.' })
  return found
}

/** SQL for everything of a saved query `q`. */
export const QUERY_COLUMNS = `q.id, q.reference, q.client_id as "clientId", q.name, q.view, q.filter, q.version,
  q.created_at as "createdAt", q.updated_at as "updatedAt"`

const QUERY = `select ${QUERY_COLUMNS} from saved_queries q`
