import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { callerOf } from './clients.ts'
import { recordEvents } from './events.ts'
import { documentPlace } from './import-organisations.ts'
import type { ImportLayout, ImportOutcome, ImportRow } from './import-rows.ts'

/** How many rows a file has, and what became of them until now. */
export type ImportCounts = Partial<Record<ImportOutcome | 'rows', number>>

/** An import that this worker has taken up, until its lease ends. */
export type TakenImport = {
  id: number
  reference: string
  layout: ImportLayout
  update: boolean
  dryRun: boolean
  /** How often it was begun, this time included. */
  attempts: number
  counts: ImportCounts
  bytes: Buffer
  /** Who asked for it; null for a person at the machine itself. */
  client: ClientCaller | null
}

/** The keys of imports that wait for a worker, and of those whose worker has not been heard of within its lease, oldest first. */
export async function waitingImports(db: Db, now: Date): Promise<number[]> {
  const waiting = await rows<{ id: number }>(
    db.pool,
    `select id from organisation_imports where ${FREE} and not exists (${BUSY}) order by id limit 1`,
    [now],
    'waiting-imports',
  )
  return waiting.map(({ id }) => id)
}

/** Takes up an import; null when another worker has it or does another one, or it has ended. One at a time is done. */
export async function takeUpImport(
  db: Db,
  id: number,
  now: Date,
  leaseMs: number,
): Promise<TakenImport | null> {
  const taken = await row<TakenRow>(
    db.pool,
    `update organisation_imports i set state = 'running', claimed_until = $3, attempts = attempts + 1
     where id = $2 and ${FREE} and not exists (${BUSY})
     returning id, reference, layout, update, dry_run as "dryRun", attempts, counts, document_sealed as "documentSealed",
       client_id as "clientId", acting_user as "actingUser"`,
    [now, id, new Date(now.getTime() + leaseMs)],
    'take-up-import',
  )
  if (taken === undefined) return null
  const { documentSealed, clientId, actingUser, ...one } = taken
  const bytes = Buffer.from(db.vault.open(documentPlace(id), documentSealed), 'base64')
  const client = clientId === null ? null : await callerOf(db.pool, clientId)
  return { ...one, bytes, client: client && { ...client, actingUser } }
}

type TakenRow = Omit<TakenImport, 'bytes' | 'client'> & {
  documentSealed: string
  clientId: number | null
  actingUser: string | null
}

/** Gives an import back that its worker has to leave undone: another may go on with it at once. */
export async function giveBackImport(db: Db, { id, attempts }: TakenImport): Promise<void> {
  await rows(
    db.pool,
    `update organisation_imports set claimed_until = null, attempts = attempts - 1
     where id = $1 and state = 'running' and attempts = $2`,
    [id, attempts],
    'give-back-import',
  )
}

/** Frees whatever was taken up; only for a process that knows that no other is at work. */
export async function freeAllImports(db: Db): Promise<void> {
  await rows(db.pool, `update organisation_imports set claimed_until = null where state = 'running'`)
}

/** The lines whose rows were decided on by whoever had the import before. */
export async function linesDone(db: Db, { id }: Pick<TakenImport, 'id'>): Promise<Set<number>> {
  const done = await rows<{ line: number }>(
    db.pool,
    'select line from organisation_import_rows where import_id = $1',
    [id],
    'lines-done',
  )
  return new Set(done.map(({ line }) => line))
}

/**
 * Keeps what became of rows, how far an import has come and its lease, in the caller's transaction; null, and nothing is to be
 * kept, when it is another worker's by now.
 */
export async function keepRows(
  tx: Tx,
  { id, attempts }: Pick<TakenImport, 'id' | 'attempts'>,
  done: readonly ImportRow[],
  { counts, until }: { counts: ImportCounts; until: Date },
): Promise<ImportCounts | null> {
  const all = { ...counts }
  for (const { outcome } of done) all[outcome] = (all[outcome] ?? 0) + 1
  const kept = await row(
    tx,
    `update organisation_imports set counts = $3, claimed_until = $4 where id = $1 and state = 'running' and attempts = $2 returning 1`,
    [id, attempts, JSON.stringify(all), until],
    'keep-import',
  )
  if (kept === undefined) return null
  await rows(
    tx,
    `insert into organisation_import_rows (import_id, line, code, outcome, fields, problem, detail)
     select $1, line, code, outcome, array(select json_array_elements_text(fields)), problem, detail
     from json_to_recordset($2::json) as v(line int, code text, outcome import_outcome, fields json, problem text, detail text)`,
    [id, JSON.stringify(done)],
    'keep-import-rows',
  )
  return all
}

/** The same for rows on which no organisation depends, in a transaction of its own. */
export async function keepDecided(
  db: Db,
  run: TakenImport,
  done: readonly ImportRow[],
  keeping: { counts: ImportCounts; until: Date },
): Promise<ImportCounts | null> {
  return inTransaction(db, (tx) => keepRows(tx, run, done, keeping))
}

/** How an import ended: with all its rows decided on, or as a file that could not be taken, and why. */
export type ImportEnd = { state: 'succeeded' } | { state: 'failed'; problem: string }

/** Ends an import, forgets its file and records the event; false when another worker has it, or had it before. */
export async function endImport(db: Db, run: TakenImport, end: ImportEnd, now: Date): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const ended = await row(
      tx,
      `update organisation_imports set state = $3, problem = $4, finished_at = $5, claimed_until = null, document_sealed = null
       where id = $1 and state = 'running' and attempts = $2 returning 1`,
      [run.id, run.attempts, end.state, 'problem' in end ? end.problem : null, now],
      'end-import',
    )
    if (ended === undefined) return false
    if (!run.dryRun) await recordEvents(tx, run.client, [{ type: 'organisation.imported' }])
    return true
  })
}

const FREE = `state in ('waiting', 'running') and (claimed_until is null or claimed_until <= $1)`
const BUSY = `select from organisation_imports busy where busy.state = 'running' and busy.claimed_until > $1`
