import { createHash } from 'node:crypto'
import { type Db, inTransaction, type RunState, row, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { Asker } from './asked-runs.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { once } from './idempotency.ts'
import type { ImportLayout, ImportOutcome, ImportRow } from './import-rows.ts'
import { newReference, parseReference } from './references.ts'

/** A file of organisations, and what became of it until now. */
export type ImportDetail = Record<ImportOutcome, number> & {
  reference: string
  layout: ImportLayout
  dryRun: boolean
  update: boolean
  state: RunState
  /** Why the file could not be read, as a sentence. */
  problem: string | null
  /** How many it has; none is known while it waits. */
  rows: number
  createdAt: string
  finishedAt: string | null
}

/** A file to be imported; with `update` what is registered already is changed, with `dryRun` nothing is kept. */
export type NewImport = { bytes: Uint8Array; layout: ImportLayout; update: boolean; dryRun: boolean }

/** Keeps a file for a worker, which imports it; a repeat with the same key gets the same import. Throws `validation_failed` for an empty one. */
export async function createImport(
  db: Db,
  client: ClientCaller,
  file: NewImport,
  { key, now }: { key: string | undefined; now: Date },
): Promise<ImportDetail> {
  if (file.bytes.length === 0)
    throw invalid({ pointer: '', code: 'too_short', detail: 'The body is empty: send the file.' })
  const { bytes, ...asked } = file
  const body = { ...asked, file: createHash('sha256').update(bytes).digest('hex') }
  const { id } = await once(db, client, { key, operation: 'createImport', body }, async (tx) => ({
    id: await askImport(tx, client, file, now),
  }))
  return importById(db.pool, id)
}

/** The same asked at the machine itself; the key of the import. */
export async function createImportHere(db: Db, file: NewImport, now: Date): Promise<number> {
  const here: Asker = { clientId: null, actingUser: 'npm run organisations' }
  return inTransaction(db, (tx) => askImport(tx, here, file, now))
}

/** A page of all imports, newest first. */
export async function listImports(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<ImportDetail>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<ImportDetail & { id: number }>(
    db.pool,
    `select i.id, ${DETAIL} from organisation_imports i where ($1::bigint is null or i.id < $1) order by i.id desc limit $2`,
    [cursor?.[0] ?? null, limit + 1],
    'list-imports',
  )
  return pageOf(found, limit, ({ id }) => [id])
}

/** One import by its reference in any form; throws `not_found`. */
export async function getImport(db: Db, reference: string): Promise<ImportDetail> {
  return importById(db.pool, await findImport(db.pool, reference))
}

/** A page of what became of the rows of an import, in the order of the file; throws `not_found`. */
export async function listImportRows(
  db: Db,
  reference: string,
  {
    outcomes,
    after,
    limit,
  }: { outcomes?: readonly ImportOutcome[] | undefined; after?: string | undefined; limit: number },
): Promise<Page<ImportRow>> {
  const id = await findImport(db.pool, reference)
  const cursor = readCursor(after, ['number'])
  const found = await importRowsAfter(db.pool, id, cursor?.[0] ?? 0, { outcomes, limit: limit + 1 })
  return pageOf(found, limit, ({ line }) => [line])
}

/** What became of the rows of an import behind the line `after`, in the order of the file. */
export async function importRowsAfter(
  sql: Sql,
  id: number,
  after: number,
  { outcomes, limit }: { outcomes?: readonly ImportOutcome[] | undefined; limit: number },
): Promise<ImportRow[]> {
  return rows<ImportRow>(
    sql,
    `select line, code, outcome, fields, problem, detail from organisation_import_rows
     where import_id = $1 and line > $2 and ($3::text[] is null or outcome::text = any($3)) order by line limit $4`,
    [id, after, outcomes ?? null, limit],
    'list-import-rows',
  )
}

/** One import by its key. */
export async function importById(sql: Sql, id: number): Promise<ImportDetail> {
  const found = await row<ImportDetail>(
    sql,
    `select ${DETAIL} from organisation_imports i where i.id = $1`,
    [id],
    'import-by-id',
  )
  if (found === undefined) throw new Error(`there is no import with the key ${id}`)
  return found
}

/** Where the file of an import lies, to whoever seals it. */
export function documentPlace(id: number): string {
  return `organisation_imports.document_sealed:${id}`
}

const count = (name: string) => `coalesce((i.counts->>'${name}')::int, 0) as ${name}`
const COUNTED = ['rows', 'created', 'changed', 'unchanged', 'skipped', 'refused'].map(count).join(', ')
const DETAIL = `
  i.reference, i.layout, i.dry_run as "dryRun", i.update, i.state, i.problem, ${COUNTED}, i.created_at as "createdAt",
  i.finished_at as "finishedAt"`

async function askImport(
  tx: Tx,
  { clientId, actingUser }: Asker,
  file: NewImport,
  now: Date,
): Promise<number> {
  const drawn = await row<{ id: number }>(
    tx,
    `select nextval(pg_get_serial_sequence('organisation_imports', 'id')) as id`,
    [],
    'new-import-id',
  )
  const { id } = drawn as { id: number }
  const sealed = tx.vault.seal(documentPlace(id), Buffer.from(file.bytes).toString('base64'))
  await rows(
    tx,
    `insert into organisation_imports (id, reference, layout, update, dry_run, document_sealed, client_id, acting_user, created_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [id, newReference(), file.layout, file.update, file.dryRun, sealed, clientId, actingUser, now],
    'ask-import',
  )
  return id
}

async function findImport(sql: Sql, reference: string): Promise<number> {
  const found = await row<{ id: number }>(
    sql,
    'select id from organisation_imports where reference = $1',
    [parseReference(reference)],
    'find-import',
  )
  if (found === undefined) throw new DomainError('not_found', { detail: 'There is no such import.' })
  return found.id
}
