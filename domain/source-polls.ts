import {
  type Db,
  inTransaction,
  row,
  rows,
  type SourceState,
  type Sql,
  type Vault,
} from '../prisma/client.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { openCursor, type PollCursor, sealCursor } from './poll-cursors.ts'
import { keepOpinion } from './probes.ts'
import { newReference } from './references.ts'
import { type OpenRun, type RunCounts, type RunEnd, valuesOf } from './runs.ts'
import {
  circuitChange,
  hostOf,
  openAddress,
  type SourceOpinion,
  type SourceSettings,
  sealAddress,
} from './source-rows.ts'

export { noCursor, type PollCursor } from './poll-cursors.ts'

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
  freshMinutes: number | null
  /** When it last brought something new, or was registered. */
  lastChangedAt: Date
  /** It always lists everything there is. */
  fullListing: boolean
  maxDocumentBytes: number | null
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
  /** Why there was no answer; null leaves what was said of the last failure. */
  failure: { reason: string; detail: string | null } | null
  /** Where the source is from now on; null when it has not moved. */
  movedTo: string | null
  nextCheckAt: Date
}

/** How a poll goes on: it has its run still, its source was paused, or somebody has closed its run. */
export type PollStands = 'going-on' | 'paused' | 'lost'

/** Opens a poll's run and gives what it needs; null when there is nothing to poll, or another poll of it is under way. */
export async function beginPoll(
  db: Db,
  sourceId: number,
  now: Date,
  leaseMs: number,
): Promise<PollPlan | null> {
  const reference = newReference()
  const begun = await row<BegunRow>(
    db.pool,
    `with source as (
       select id from sources where id = $1 and state <> 'paused' and connector is not null and address_sealed is not null
       for no key update),
     run as (
       insert into runs (reference, source_id, kind, state, started_at) select $2, id, 'poll', 'running', $3 from source
       on conflict (source_id) where state = 'running' and kind = 'poll' do nothing returning id)
     update sources s set claimed_until = $4, next_check_at = $4, polls = s.polls + 1 from run where s.id = $1
     returning run.id as "runId", s.id, s.name, s.state, s.connector, s.address_sealed as "addressSealed", s.settings,
       s.interval_minutes as "intervalMinutes", s.fresh_minutes as "freshMinutes", s.full_listing as "fullListing",
       coalesce(s.last_changed_at, s.created_at) as "lastChangedAt", s.max_document_bytes as "maxDocumentBytes",
       s.cursor_sealed as "cursorSealed", s.etag, s.last_modified as "lastModified", s.body_sha256 as "bodySha256",
       s.failures, s.polls, s.version`,
    [sourceId, reference, now, new Date(now.getTime() + leaseMs)],
    'begin-poll',
  )
  return begun === undefined ? null : planOf(db.vault, begun, reference)
}

/** Keeps how far a poll has come and its lease; one whose source was paused meanwhile ends here as cancelled. */
export async function keepPoll(
  db: Db,
  plan: PollPlan,
  {
    cursor,
    counts,
    total,
    now,
    claimedUntil,
  }: { cursor: PollCursor; counts: RunCounts; total: number | null; now: Date; claimedUntil: Date },
): Promise<PollStands> {
  const kept = await row<{ paused: boolean }>(
    db.pool,
    `with source as (${HELD}),
     run as (
       update runs r set total = coalesce($3, r.total), state = case when source.paused then 'cancelled' else r.state end,
         outcome = case when source.paused then 'cancelled' end, detail = case when source.paused then $4 end,
         finished_at = case when source.paused then $5::timestamptz end,
         (${COUNTS}) = ($9, $10, $11, $12, $13, $14, $15, $16, $17)
       from source where r.id = $2 and r.state = 'running' returning r.id)
     update sources s set claimed_until = case when source.paused then null else $6::timestamptz end,
       next_check_at = case when source.paused then null else $6::timestamptz end,
       cursor_sealed = case when source.version = $7 then $8 else s.cursor_sealed end
     from source, run where s.id = source.id
     returning source.paused`,
    [
      plan.sourceId,
      plan.run.id,
      total,
      'Its source was paused.',
      now,
      claimedUntil,
      plan.version,
      sealCursor(db.vault, plan.name, cursor),
      ...valuesOf(counts),
    ],
    'keep-poll',
  )
  if (kept === undefined) return 'lost'
  return kept.paused ? 'paused' : 'going-on'
}

/** Closes a poll: its run, where the next one begins, and when; false when its run was closed before. */
export async function finishPoll(db: Db, plan: PollPlan, end: PollEnd, now: Date): Promise<boolean> {
  const events = eventsOf(plan, end)
  if (events.length === 0) return (await leave(db.pool, db.vault, plan, end, now)) !== 'lost'
  return inTransaction(db, async (tx) => {
    const left = await leave(tx, tx.vault, plan, end, now)
    if (left === 'as-planned') await recordEvents(tx, null, events)
    return left !== 'lost'
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
    const left = await leave(tx, tx.vault, plan, end, now)
    if (left !== 'as-planned') return left !== 'lost'
    await recordEvents(tx, null, eventsOf(plan, end))
    await keepOpinion(tx, plan.sourceId, { opinion, version: null, isSample: false })
    await rows(
      tx,
      `update sources set state = 'active', version = version + 1, updated_at = now()
       where id = $1 and state = 'probing'`,
      [plan.sourceId],
    )
    return true
  })
}

type BegunRow = Validators & {
  runId: number
  id: number
  name: string
  state: Exclude<SourceState, 'paused'>
  connector: string
  addressSealed: string
  settings: SourceSettings
  intervalMinutes: number
  freshMinutes: number | null
  lastChangedAt: string
  fullListing: boolean
  maxDocumentBytes: number | null
  cursorSealed: string | null
  failures: number
  polls: number
  version: number
}

// Whoever takes a poll for dead holds its source and then closes its run: the source comes first here too.
const HELD = `select id, version, state = 'paused' as paused from sources where id = $1 for no key update`
const COUNTS = 'pages, seen, created, changed, unchanged, deleted, expired, quarantined, parked'

function planOf(vault: Vault, source: BegunRow, reference: string): PollPlan {
  const { id, runId, addressSealed, cursorSealed, lastChangedAt, etag, lastModified, bodySha256, ...rest } =
    source
  return {
    ...rest,
    sourceId: id,
    address: openAddress(vault, source.name, addressSealed),
    lastChangedAt: new Date(lastChangedAt),
    cursor: openCursor(vault, source.name, cursorSealed),
    validators: { etag, lastModified, bodySha256 },
    run: { id: runId, reference },
  }
}

function eventsOf({ sourceId, failures }: PollPlan, end: PollEnd): NewEvent[] {
  const circuit = circuitChange(failures, end.failures)
  return [
    ...(circuit === null ? [] : [{ type: `source.circuit_${circuit}`, sourceId } as const]),
    ...(end.movedTo === null ? [] : [{ type: 'source.changed', sourceId, fields: ['address'] } as const]),
  ]
}

/**
 * Closes the run and leaves the source in one statement. One that was changed while it was polled keeps its change, and
 * is due again as it is now.
 */
async function leave(
  sql: Sql,
  vault: Vault,
  plan: PollPlan,
  end: PollEnd,
  now: Date,
): Promise<'as-planned' | 'changed' | 'lost'> {
  const { validators, failure, movedTo, counts } = end
  const address = movedTo ?? plan.address
  const isNew = counts.created + counts.changed + counts.deleted + counts.parked > 0
  const left = await row<{ asPlanned: boolean }>(
    sql,
    `with source as (${HELD}),
     run as (
       update runs r set state = $4::run_state, outcome = $5, detail = $6, finished_at = $7, next_check_at = $8,
         (${COUNTS}) = ($21, $22, $23, $24, $25, $26, $27, $28, $29)
       from source where r.id = $2 and r.state = 'running' returning r.id),
     planned as (
       update sources s set claimed_until = null, next_check_at = $8, cursor_sealed = $9, failures = $10, host = $11,
         etag = case when $12 then $13 else s.etag end, last_modified = case when $12 then $14 else s.last_modified end,
         body_sha256 = case when $12 then $15 else s.body_sha256 end,
         last_success_at = case when $4 = 'succeeded' then $7 else s.last_success_at end,
         last_changed_at = case when $16 then $7 else s.last_changed_at end,
         failing_since = case when $4 = 'succeeded' then null when $10 > s.failures then coalesce(s.failing_since, $7)
           else s.failing_since end,
         last_failure_at = case when $17::text is null then s.last_failure_at else $7 end,
         last_failure_reason = coalesce($17, s.last_failure_reason),
         last_failure_detail = case when $17 is null then s.last_failure_detail else $18 end,
         address_sealed = coalesce($19, s.address_sealed), version = s.version + $20::int,
         updated_at = case when $20 > 0 then $7 else s.updated_at end
       from source, run where s.id = source.id and source.version = $3),
     changed as (
       update sources s set claimed_until = null, next_check_at = case when source.paused then null else $7::timestamptz end
       from source, run where s.id = source.id and source.version <> $3)
     select source.version = $3 as "asPlanned" from source, run`,
    [
      plan.sourceId,
      plan.run.id,
      plan.version,
      end.state,
      end.outcome,
      end.detail,
      now,
      end.nextCheckAt,
      sealCursor(vault, plan.name, end.cursor),
      end.failures,
      hostOf(address),
      validators !== undefined,
      validators?.etag ?? null,
      validators?.lastModified ?? null,
      validators?.bodySha256 ?? null,
      isNew,
      failure?.reason ?? null,
      failure?.detail ?? null,
      movedTo === null ? null : sealAddress(vault, plan.name, movedTo),
      movedTo === null ? 0 : 1,
      ...valuesOf(counts),
    ],
    'leave-source',
  )
  if (left === undefined) return 'lost'
  return left.asPlanned ? 'as-planned' : 'changed'
}
