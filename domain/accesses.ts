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
  /** What was read as a source sent it: the source, and an entry of its quarantine or an item of it. */
  subject: string | null
}

export type AccessFilter = { client?: number; case?: string }

/** A text as a source sent it: that of an entry in its quarantine, or those of an item. */
export type RawText = { source: string; entry: string } | { source: string; item: string }

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

/** The same of somebody who reads what a source sent, word for word; an item is noted with its case. */
export async function noteRawAccess(
  db: { pool: Sql },
  client: Pick<ClientCaller, 'clientId' | 'actingUser'>,
  operation: string,
  text: RawText,
): Promise<void> {
  const { source } = text
  const [item, entry] = 'item' in text ? [text.item, null] : [null, text.entry]
  await rows(
    db.pool,
    `insert into accesses (client_id, acting_user, operation, subject, cases) values ($1, $2, $3, $4,
       array(select c.reference from sources s join items i on i.source_id = s.id join cases c on c.id = i.case_id
             where s.name = $5 and i.external_id = $6))`,
    [client.clientId, client.actingUser, operation, `${source} ${item ?? entry}`, source, item],
    'note-raw-access',
  )
}

/** Notes that somebody looks at how the service works, where no case is shown. */
export async function noteOperationsAccess(
  db: { pool: Sql },
  client: Pick<ClientCaller, 'clientId' | 'actingUser'>,
  operation: string,
): Promise<void> {
  await rows(
    db.pool,
    `insert into accesses (client_id, acting_user, operation, cases) values ($1, $2, $3, '{}')`,
    [client.clientId, client.actingUser, operation],
    'note-operations-access',
  )
}

/** Who read a case, oldest first. */
export async function accessesTo(db: Db, reference: string): Promise<Access[]> {
  return rows<Access>(
    db.pool,
    `select a.id, a.at, c.name as client, a.acting_user as "actingUser", a.operation, a.cases, a.subject
     from accesses a join api_clients c on c.id = a.client_id where a.cases @> array[$1::text] order by a.id`,
    [reference],
    'accesses-to-case',
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
    `select a.id, a.at, c.name as client, a.acting_user as "actingUser", a.operation, a.cases, a.subject
     from accesses a join api_clients c on c.id = a.client_id
     where ($1::int is null or a.client_id = $1) and ($2::text is null or a.cases @> array[$2::text])
       and ($3::bigint is null or a.id < $3)
     order by a.id desc limit $4`,
    [client ?? null, canonical ?? null, cursor?.[0] ?? null, limit + 1],
  )
  return pageOf(found, limit, (last) => [last.id])
}
