import { type Db, row, type SourceState, type Vault } from '../prisma/client.ts'
import { openCursor, type PollCursor, sealCursor } from './poll-cursors.ts'
import { newReference } from './references.ts'
import { COUNTS, type OpenRun, type RunCounts, valuesOf } from './runs.ts'
import { openAddress, type SourceSettings } from './source-rows.ts'

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

/**
 * SQL that holds the polled source $1 and says how it is by then. Whoever takes a poll for dead holds its source and
 * then closes its run: the source comes first here too.
 */
export const HELD = `select id, version, state = 'paused' as paused from sources where id = $1 for no key update`

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
