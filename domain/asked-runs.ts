import { type Db, inTransaction, type RunKind, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { holdSource } from './ingest-items.ts'
import { newReference } from './references.ts'
import { COUNTS, findRun, noCounts, type RunCounts, type RunRow, runById, valuesOf } from './runs.ts'
import { visibleSource } from './source-access.ts'

/** What a request asks for and a worker does, as it needs the network, a parser or some time. */
export type AskedKind = Extract<RunKind, 'probe' | 'document' | 'redrive' | 'normalise'>

/**
 * What was asked, as the kind of run has it; a normalisation (`way`) and a redrive (`tried`, the last entry) keep here how
 * far they have come, for whoever goes on.
 */
export type Asked = {
  entries?: readonly string[]
  reason?: string
  way?: NormalisationWay
  tried?: number
}

/** The version of the mapping it began with, the last item that is done, and how many results it has. */
export type NormalisationWay = { mappingVersion: number; after: string; results: number }

/** A run that this worker has taken up, until its lease ends. */
export type TakenUpRun = {
  id: number
  reference: string
  sourceId: number
  kind: AskedKind
  dryRun: boolean
  asked: Asked
  /** How often it was begun, this time included. */
  attempts: number
  /** What whoever had it before has done of it. */
  counts: RunCounts
}

/** How an asked run ended. */
export type AskedRunEnd = {
  state: 'succeeded' | 'failed'
  outcome: string
  detail: string | null
  counts: RunCounts
}

/** Who asks for a run: a client, or with null a person at the machine itself. */
export type Asker = { clientId: number | null; actingUser: string | null }

/** Opens a run that waits for a worker, in the caller's transaction; its key. */
export async function askRun(
  tx: Tx,
  client: Asker,
  { sourceId, kind, now, dryRun = false, asked = {} }: NewAskedRun,
): Promise<number> {
  const opened = await row<{ id: number }>(
    tx,
    `insert into runs (reference, source_id, kind, state, dry_run, asked, client_id, acting_user, started_at)
     values ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8) returning id`,
    [newReference(), sourceId, kind, dryRun, JSON.stringify(asked), client.clientId, client.actingUser, now],
    'ask-run',
  )
  return (opened as { id: number }).id
}

export type NewAskedRun = { sourceId: number; kind: AskedKind; now: Date; dryRun?: boolean; asked?: Asked }

/**
 * The keys of runs that wait for a worker, and of those whose worker has not been heard of within its lease, oldest
 * first.
 */
export async function waitingRuns(db: Db, now: Date, limit: number): Promise<number[]> {
  const waiting = await rows<{ id: number }>(
    db.pool,
    `select id from runs where ${TO_DO} and ${FREE} order by id limit $2`,
    [now, limit],
    'waiting-runs',
  )
  return waiting.map(({ id }) => id)
}

/** Takes up a run; null when another worker has it, or it has ended. */
export async function takeUpRun(
  db: Db,
  runId: number,
  now: Date,
  leaseMs: number,
): Promise<TakenUpRun | null> {
  const taken = await row<Omit<TakenUpRun, 'counts'> & RunCounts>(
    db.pool,
    `update runs set state = 'running', claimed_until = $3, attempts = attempts + 1 where id = $2 and ${TO_DO} and ${FREE}
     returning id, reference, source_id as "sourceId", kind, dry_run as "dryRun", asked, attempts, ${COUNTS}`,
    [now, runId, new Date(now.getTime() + leaseMs)],
    'take-up-run',
  )
  if (taken === undefined) return null
  const { id, reference, sourceId, kind, dryRun, asked, attempts, ...counts } = taken
  return { id, reference, sourceId, kind, dryRun, asked, attempts, counts }
}

/** Gives a run back that its worker has to leave undone: another may go on with it at once. */
export async function giveBackRun(
  db: Db,
  { id, attempts }: Pick<TakenUpRun, 'id' | 'attempts'>,
): Promise<void> {
  await rows(
    db.pool,
    `update runs set claimed_until = null, attempts = attempts - 1 where id = $1 and state = 'running' and attempts = $2`,
    [id, attempts],
    'give-back-run',
  )
}

/** Frees whatever was taken up; only for a process that knows that no other is at work. */
export async function freeAllRuns(db: Db): Promise<void> {
  await rows(db.pool, `update runs set claimed_until = null where ${TO_DO} and claimed_until is not null`)
}

/** Holds a run that is still this worker's, so that nobody cancels it or takes it up before the transaction ends. */
export async function holdAskedRun(
  tx: Tx,
  { id, attempts }: Pick<TakenUpRun, 'id' | 'attempts'>,
): Promise<boolean> {
  const held = await row(
    tx,
    `select 1 from runs where id = $1 and state = 'running' and attempts = $2 for no key update`,
    [id, attempts],
    'hold-asked-run',
  )
  return held !== undefined
}

/** What a run has done so far, as it is kept. */
export async function countsOfRun(db: Db, runId: number): Promise<RunCounts> {
  const counts = await row<RunCounts>(
    db.pool,
    `select ${COUNTS} from runs where id = $1`,
    [runId],
    'counts-of-run',
  )
  return counts ?? noCounts
}

/**
 * Keeps how far a run has come, and its lease, in the caller's transaction; false when it was cancelled or taken up by
 * another, whose work this would be.
 */
export async function keepAskedRun(
  tx: Tx,
  { id, attempts }: Pick<TakenUpRun, 'id' | 'attempts'>,
  { counts, total, until }: { counts: RunCounts; total: number | null; until: Date },
): Promise<boolean> {
  const kept = await row(
    tx,
    `update runs set claimed_until = $3, total = coalesce($4, total),
       (${COUNTS}) = ($5, $6, $7, $8, $9, $10, $11, $12, $13)
     where id = $1 and state = 'running' and attempts = $2 returning 1`,
    [id, attempts, until, total, ...valuesOf(counts)],
    'keep-asked-run',
  )
  return kept !== undefined
}

/** Ends a run and forgets its document; false when it was cancelled or taken up by another before. */
export async function endAskedRun(
  db: Db,
  { id, attempts }: Pick<TakenUpRun, 'id' | 'attempts'>,
  { state, outcome, detail, counts }: AskedRunEnd,
  now: Date,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    const ended = await row(
      tx,
      `update runs set state = $3, outcome = $4, detail = $5, finished_at = $6, claimed_until = null,
         (${COUNTS}) = ($7, $8, $9, $10, $11, $12, $13, $14, $15)
       where id = $1 and state = 'running' and attempts = $2 returning 1`,
      [id, attempts, state, outcome, detail, now, ...valuesOf(counts)],
      'end-asked-run',
    )
    if (ended === undefined) return false
    await forgetDocument(tx, id)
    return true
  })
}

/**
 * Interrupts a run that waits or goes on; what it has taken stays. Throws `not_found`, `run_finished`, and as
 * `getSource` does.
 */
export async function cancelRun(
  db: Db,
  client: ClientCaller,
  name: string,
  reference: string,
  now: Date,
): Promise<RunRow> {
  const source = await visibleSource(db.pool, client, name)
  const { id, kind } = await findRun(db.pool, source, reference)
  await inTransaction(db, async (tx) => {
    // Whoever polls holds the source before the run: the other way round each would wait for the other.
    if (kind === 'poll') await holdSource(tx, source.id)
    const cancelled = await row<{ kind: RunKind }>(
      tx,
      `update runs set state = 'cancelled', outcome = 'cancelled', finished_at = $2, claimed_until = null
       where id = $1 and state in ('waiting', 'running') returning kind`,
      [id, now],
      'cancel-run',
    )
    if (cancelled === undefined) throw new DomainError('run_finished')
    await forgetDocument(tx, id)
    // The poll of a killed process is nobody's; one that is alive finds its run closed and stops.
    if (cancelled.kind === 'poll') await freePolledSource(tx, source.id, now)
  })
  return runById(db.pool, source.name, id)
}

const TO_DO = `state in ('waiting', 'running') and kind in ('probe', 'document', 'redrive', 'normalise')`
const FREE = '(claimed_until is null or claimed_until <= $1)'

async function forgetDocument(tx: Tx, runId: number): Promise<void> {
  await rows(tx, 'delete from run_documents where run_id = $1', [runId], 'forget-run-document')
}

async function freePolledSource(tx: Tx, sourceId: number, now: Date): Promise<void> {
  await rows(
    tx,
    `update sources set claimed_until = null,
       next_check_at = case when state <> 'paused' then $2::timestamptz + make_interval(mins => interval_minutes) end
     where id = $1`,
    [sourceId, now],
    'free-polled-source',
  )
}
