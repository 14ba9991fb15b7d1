import { type Db, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { parseReference } from './references.ts'

/** Somebody read what only staff may read of these cases. */
export type Access = {
  id: number
  at: string
  client: string
  actingUser: string | null
  operation: string
  cases: string[]
}

export type AccessFilter = { client?: number; case?: string }

/**
 * Notes that `client` reads what only staff may read of these cases, before they get it: what cannot be noted is not
 * read. One line for one answer; none when the answer shows no case.
 */
export async function noteAccess(
  db: { pool: Sql },
  client: Pick<ClientCaller, 'clientId' | 'actingUser'>,
  operation: string,
  references: readonly string[],
): Promise<void> {
  const cases = new Set(references.map(parseReference).filter((reference) => reference !== null))
  if (cases.size === 0) return
  await rows(
    db.pool,
    'insert into accesses (client_id, acting_user, operation, cases) values ($1, $2, $3, $4)',
    [client.clientId, client.actingUser, operation, [...cases]],
    'note-access',
  )
}

/** The access log, newest first: all of it, or what one client read, or who read one case. */
export async function listAccesses(
  db: Db,
  { client, case: reference }: AccessFilter,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<Access>> {
  const cursor = readCursor(after, ['number'])
  const canonical = reference === undefined ? undefined : parseReference(reference)
  if (canonical === null) return { items: [], next: null }
  const found = await rows<Access>(
    db.pool,
    `select a.id, a.at, c.name as client, a.acting_user as "actingUser", a.operation, a.cases
     from accesses a join api_clients c on c.id = a.client_id
     where ($1::int is null or a.client_id = $1) and ($2::text is null or a.cases @> array[$2::text])
       and ($3::bigint is null or a.id < $3)
     order by a.id desc limit $4`,
    [client ?? null, canonical ?? null, cursor?.[0] ?? null, limit + 1],
  )
  return pageOf(found, limit, (last) => [last.id])
}
