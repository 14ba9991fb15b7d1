import { type Db, inTransaction, row, rows, type SourceState, type Tx, type Vault } from '../prisma/client.ts'
import {
  closeInterruptedPolls,
  finishRun,
  keepRunCounts,
  type OpenRun,
  type RunCounts,
  type RunEnd,
  startRun,
} from './runs.ts'
import { openAddress, type SourceOpinion, type SourceSettings } from './source-rows.ts'

/** Where a poll stands: what it needs to go on, and what it knows of the last documents. */
export type PollCursor = {
  /** The page at which an unfinished walk goes on; null when it begins anew. */
  next: string | null
  /** When the unfinished walk began; null when there is none. */
  walkFrom: string | null
  /** When the last walk that reached its end had begun. */
  completeFrom: string | null
  /** Entries to read of one document, where the usual number was not enough; null for the usual. */
  entries: number | null
  /** Pages of the unfinished walk so far. */
  pages: number
  /** A hash of the address whose answer the validators describe. */
  asked: string | null
}

/** What the last answer said of itself; only for a walk of one page, as the others may change unseen. */
export type Validators = { etag: string | null; lastModified: string | null; bodySha256: string | null }

/** Everything that one poll needs to know. */
export type PollPlan = {
  sourceId: number
  name: string
  state: Exclude<SourceState, 'paused'>
  connector: string
  /** Whole: it may hold a key and is never logged. */
  address: string
  settings: SourceSettings
  intervalMinutes: number
  cursor: PollCursor
  validators: Validators
  /** Polls in a row before this one that brought no answer. */
  failures: number
  /** This one included. */
  polls: number
  /** Of the source, as it was read: what changes it meanwhile has the last word. */
  version: number
  run: OpenRun
}

/** What a finished poll leaves behind. */
export type PollEnd = RunEnd & {
  cursor: PollCursor
  /** Undefined leaves them as they are. */
  validators?: Validators | undefined
  failures: number
  nextCheckAt: Date
}

/** A source that was never read. */
export const noCursor: PollCursor = {
  next: null,
  walkFrom: null,
  completeFrom: null,
  entries: null,
  pages: 0,
  asked: null,
}

/** Opens a poll's run and gives what it needs; null when there is nothing to poll, or another poll of it is under way. */
export async function beginPoll(
  db: Db,
  sourceId: number,
  now: Date,
  leaseMs: number,
): Promise<PollPlan | null> {
  return inTransaction(db, async (tx) => {
    const source = await row<PolledRow>(
      tx,
      `select id, name, state, connector, address_sealed as "addressSealed", settings, interval_minutes as "intervalMinutes",
         cursor_sealed as "cursorSealed", etag, last_modified as "lastModified", body_sha256 as "bodySha256", failures, polls, version,
         coalesce(claimed_until > $2, false) as claimed
       from sources where id = $1 for no key update`,
      [sourceId, now],
      'polled-source',
    )
    if (!isPolled(source) || (source.claimed && (await isBeingPolled(tx, sourceId)))) return null
    await closeInterruptedPolls(tx, [sourceId], now)
    const run = await startRun(tx, { sourceId, kind: 'poll', clientId: null, now })
    await rows(
      tx,
      'update sources set claimed_until = $2, next_check_at = $2, polls = polls + 1 where id = $1',
      [sourceId, new Date(now.getTime() + leaseMs)],
      'begin-poll',
    )
    return planOf(tx.vault, source, run)
  })
}

/** Keeps how far a poll has come and its lease; false when its run was closed, as somebody took its process for dead. */
export async function keepPoll(
  db: Db,
  plan: PollPlan,
  { cursor, counts, claimedUntil }: { cursor: PollCursor; counts: RunCounts; claimedUntil: Date },
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await holdPolled(tx, plan)
    if (!(await keepRunCounts(tx, plan.run.id, counts))) return false
    await rows(
      tx,
      `update sources set claimed_until = $2, next_check_at = case when state <> 'paused' then $2::timestamptz end,
         cursor_sealed = case when version = $4 then $3 else cursor_sealed end
       where id = $1`,
      [plan.sourceId, claimedUntil, sealCursor(tx.vault, plan.name, cursor), plan.version],
      'keep-poll',
    )
    return true
  })
}

/** Closes a poll: its run, where the next one begins, and when; false when its run was closed before. */
export async function finishPoll(db: Db, plan: PollPlan, end: PollEnd, now: Date): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await holdPolled(tx, plan)
    if (!(await finishRun(tx, plan.run.id, end, now))) return false
    await leaveSource(tx, plan, end, now)
    return true
  })
}

/** Closes a first look that could read the document: from now on the source is polled, flagged or not. */
export async function finishProbe(
  db: Db,
  plan: PollPlan,
  { opinion, ...end }: PollEnd & { opinion: SourceOpinion },
  now: Date,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    await holdPolled(tx, plan)
    if (!(await finishRun(tx, plan.run.id, end, now))) return false
    await leaveSource(tx, plan, end, now)
    await rows(
      tx,
      `update sources set opinion = $2, flagged = $3, state = 'active', version = version + 1, updated_at = now()
       where id = $1 and state = 'probing' and version = $4`,
      [plan.sourceId, JSON.stringify(opinion), opinion.verdict === 'differs', plan.version],
    )
    return true
  })
}

type PolledRow = Validators & {
  id: number
  name: string
  state: SourceState
  connector: string | null
  addressSealed: string | null
  settings: SourceSettings
  intervalMinutes: number
  cursorSealed: string | null
  failures: number
  polls: number
  version: number
  claimed: boolean
}

type Polled = PolledRow & { state: Exclude<SourceState, 'paused'>; connector: string; addressSealed: string }

function isPolled(source: PolledRow | undefined): source is Polled {
  return (
    source !== undefined &&
    source.state !== 'paused' &&
    source.connector !== null &&
    source.addressSealed !== null
  )
}

// A statement of its own, as one that waits for the source's row sees the runs of before it waited.
async function isBeingPolled(tx: Tx, sourceId: number): Promise<boolean> {
  const running = await row(
    tx,
    `select 1 from runs where source_id = $1 and kind = 'poll' and state = 'running' limit 1`,
    [sourceId],
    'is-being-polled',
  )
  return running !== undefined
}

function planOf(vault: Vault, source: Polled, run: OpenRun): PollPlan {
  const { id, name, state, connector, settings, intervalMinutes, failures, polls, version } = source
  const { etag, lastModified, bodySha256 } = source
  return {
    sourceId: id,
    name,
    state,
    connector,
    address: openAddress(vault, name, source.addressSealed),
    settings,
    intervalMinutes,
    cursor: source.cursorSealed === null ? noCursor : openCursor(vault, name, source.cursorSealed),
    validators: { etag, lastModified, bodySha256 },
    failures,
    polls: polls + 1,
    version,
    run,
  }
}

// Whoever takes a poll for dead holds its source and then closes its run: the source comes first here too.
async function holdPolled(tx: Tx, { sourceId }: PollPlan): Promise<void> {
  await rows(tx, 'select 1 from sources where id = $1 for no key update', [sourceId], 'hold-polled-source')
}

async function leaveSource(tx: Tx, plan: PollPlan, end: PollEnd, now: Date): Promise<void> {
  const { validators } = end
  await rows(
    tx,
    `update sources set claimed_until = null, next_check_at = $2, cursor_sealed = $3,
       etag = case when $4 then $5 else etag end, last_modified = case when $4 then $6 else last_modified end,
       body_sha256 = case when $4 then $7 else body_sha256 end, failures = $8,
       last_success_at = case when $9 then $10 else last_success_at end
     where id = $1 and version = $11`,
    [
      plan.sourceId,
      end.nextCheckAt,
      sealCursor(tx.vault, plan.name, end.cursor),
      validators !== undefined,
      validators?.etag ?? null,
      validators?.lastModified ?? null,
      validators?.bodySha256 ?? null,
      end.failures,
      end.state === 'succeeded',
      now,
      plan.version,
    ],
    'leave-source',
  )
  // Whoever changed the source while it was polled wants it polled as it is now.
  await rows(
    tx,
    `update sources set claimed_until = null, next_check_at = case when state <> 'paused' then $2::timestamptz end
     where id = $1 and version <> $3`,
    [plan.sourceId, now, plan.version],
    'leave-changed-source',
  )
}

function sealCursor(vault: Vault, name: string, cursor: PollCursor): string {
  return vault.seal(`sources.cursor:${name}`, JSON.stringify(cursor))
}

function openCursor(vault: Vault, name: string, sealed: string): PollCursor {
  return JSON.parse(vault.open(`sources.cursor:${name}`, sealed)) as PollCursor
}
