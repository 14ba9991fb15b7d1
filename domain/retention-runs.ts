import { type Db, inTransaction, type RunState, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { londonDay } from './digest-times.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'

/** What one policy did, or would do: cases anonymised, deleted, and kept by a legal hold; texts of sources forgotten. */
export type RetentionCount = {
  policy: number
  anonymised: number
  deleted: number
  held: number
  raw: number
}

/** One run of retention; its reference is its only identity on the wire. */
export type RetentionRun = {
  id: number
  reference: string
  dryRun: boolean
  state: RunState
  counts: RetentionCount[]
  createdAt: string
  finishedAt: string | null
}

/** A run that this worker has taken up, until its lease ends. */
export type TakenRetentionRun = Pick<RetentionRun, 'id' | 'reference' | 'dryRun' | 'counts'> & {
  /** How often it was begun, this time included; also says whose it is. */
  attempts: number
  /** Nobody has asked for it. */
  nightly: boolean
}

/** Asks for a run, or with `dryRun` for what one would do; a worker takes it up. */
export async function askRetentionRun(
  db: Db,
  client: ClientCaller,
  { dryRun }: { dryRun: boolean },
  { key, now }: { key: string | undefined; now: Date },
): Promise<RetentionRun> {
  const operation = 'createRetentionRun'
  const { id } = await once(db, client, { key, operation, body: { dryRun } }, async (tx) => {
    const made = await row<{ id: number }>(
      tx,
      `insert into retention_runs (reference, dry_run, client_id, acting_user, created_at) values ($1, $2, $3, $4, $5) returning id`,
      [newReference(), dryRun, client.clientId, client.actingUser, now],
      'ask-retention-run',
    )
    await recordEvents(tx, client, [{ type: 'retention.run', reason: dryRun ? 'dry_run' : 'asked' }])
    return made as { id: number }
  })
  return runWhere(db, 'id = $1', [id])
}

/** A page of the runs, newest first. */
export async function listRetentionRuns(
  db: Db,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<RetentionRun>> {
  const cursor = readCursor(after, ['number'])
  const found = await rows<RetentionRun>(
    db.pool,
    `${RUN} where ($1::bigint is null or id < $1) order by id desc limit $2`,
    [cursor?.[0] ?? null, limit + 1],
    'list-retention-runs',
  )
  return pageOf(found, limit, (last) => [last.id])
}

/** One run by its reference in any form; throws `not_found`. */
export async function getRetentionRun(db: Db, reference: string): Promise<RetentionRun> {
  return runWhere(db, 'reference = $1', [parseReference(reference) ?? ''])
}

/** From this hour on, in London, a night's run begins: when the fewest wait. */
const NIGHT_HOUR = 2

/** Opens the run of a night when its time has come; one for all workers, however many of them ask. */
export async function openNightlyRun(db: Db, now: Date): Promise<void> {
  const night = londonDay(new Date(now.getTime() - NIGHT_HOUR * 3_600_000))
  await rows(
    db.pool,
    `insert into retention_runs (reference, dry_run, night, created_at)
     select $1, false, $2::date, $3 where not exists (select from retention_runs where night = $2::date)
     on conflict (night) do nothing`,
    [newReference(), night, now],
    'open-nightly-run',
  )
}

// A run that nobody comes to the end of has ended its workers, and would end the next.
const BEGUN_AT_MOST = 3

/** Takes up the next run that waits, or whose worker has not been heard of; null when there is none. One goes at a time. */
export async function takeUpRetentionRun(
  db: Db,
  now: Date,
  leaseMs: number,
): Promise<TakenRetentionRun | null> {
  await rows(
    db.pool,
    `update retention_runs set state = 'failed', finished_at = $1, claimed_until = null
     where state = 'running' and claimed_until <= $1 and attempts >= ${BEGUN_AT_MOST}`,
    [now],
    'fail-retention-runs',
  )
  return inTransaction(db, async (tx) => {
    // Two that look at the same time would each see no other that runs.
    const lock = await row<{ mine: boolean }>(tx, TAKING_UP, [], 'lock-taking-up-retention')
    if (lock?.mine !== true) return null
    const taken = await row<TakenRetentionRun>(
      tx,
      `update retention_runs set state = 'running', claimed_until = $2, attempts = attempts + 1
       where id = (
         select id from retention_runs where state = 'waiting' or (state = 'running' and coalesce(claimed_until, $1) <= $1)
         order by id limit 1 for update skip locked)
         and not exists (select from retention_runs where state = 'running' and claimed_until > $1)
       returning id, reference, dry_run as "dryRun", counts, attempts, night is not null as nightly`,
      [now, new Date(now.getTime() + leaseMs)],
      'take-up-retention-run',
    )
    return taken ?? null
  })
}

const TAKING_UP = `select pg_try_advisory_xact_lock(hashtext('care_connect retention runs')) as mine`

/** Keeps what a run has counted so far, and its lease, in the caller's transaction; false when it is another worker's by now. */
export async function keepRetentionRun(
  tx: Tx,
  { id, attempts }: TakenRetentionRun,
  { counts, until }: { counts: readonly RetentionCount[]; until: Date },
): Promise<boolean> {
  const kept = await row(
    tx,
    `update retention_runs set counts = $3::jsonb, claimed_until = $4
     where id = $1 and state = 'running' and attempts = $2 returning 1`,
    [id, attempts, JSON.stringify(counts), until],
    'keep-retention-run',
  )
  return kept !== undefined
}

/** Gives a run back that its worker has to leave undone: another goes on with it at once. */
export async function giveBackRetentionRun(db: Db, { id, attempts }: TakenRetentionRun): Promise<void> {
  await rows(
    db.pool,
    `update retention_runs set claimed_until = null, attempts = attempts - 1
     where id = $1 and state = 'running' and attempts = $2`,
    [id, attempts],
    'give-back-retention-run',
  )
}

/** Ends a run. What a night has done is in the change log; for what somebody has asked for, the asking is. */
export async function endRetentionRun(
  db: Db,
  run: TakenRetentionRun,
  { counts, now }: { counts: readonly RetentionCount[]; now: Date },
): Promise<void> {
  await inTransaction(db, async (tx) => {
    const ended = await row(
      tx,
      `update retention_runs set state = 'succeeded', counts = $3::jsonb, finished_at = $4, claimed_until = null
       where id = $1 and state = 'running' and attempts = $2 returning 1`,
      [run.id, run.attempts, JSON.stringify(counts), now],
      'end-retention-run',
    )
    if (ended === undefined || !run.nightly) return
    const some = counts.some(({ anonymised, deleted, raw }) => anonymised + deleted + raw > 0)
    if (some) await recordEvents(tx, null, [{ type: 'retention.run', reason: 'night' }])
  })
}

const RUN = `
  select id, reference, dry_run as "dryRun", state, counts, created_at as "createdAt", finished_at as "finishedAt"
  from retention_runs`

async function runWhere(db: Db, where: string, values: unknown[]): Promise<RetentionRun> {
  const found = await row<RetentionRun>(db.pool, `${RUN} where ${where}`, values)
  if (found === undefined) throw new DomainError('not_found')
  return found
}
