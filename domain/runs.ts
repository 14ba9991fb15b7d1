import { type Db, type RunKind, type RunState, row, rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError } from './errors.ts'
import { newReference, parseReference } from './references.ts'
import { visibleSource } from './source-access.ts'

/** How many of what; what was ignored is in `seen` only. */
export type RunCounts = {
  pages: number
  seen: number
  created: number
  changed: number
  unchanged: number
  deleted: number
  expired: number
  quarantined: number
  parked: number
}

/** One run, as it is told. */
export type RunRow = RunCounts & {
  reference: string
  source: string
  kind: RunKind
  state: RunState
  dryRun: boolean
  outcome: string | null
  detail: string | null
  /** Entries in all, where that is known. */
  total: number | null
  startedAt: string
  finishedAt: string | null
  nextCheckAt: string | null
}

export type RunEnd = {
  state: 'succeeded' | 'failed'
  outcome: string
  detail: string | null
  counts: RunCounts
  nextCheckAt: Date | null
}

export type OpenRun = { id: number; reference: string }

/** Counts of a run that has done nothing yet. */
export const noCounts: Readonly<RunCounts> = {
  pages: 0,
  seen: 0,
  created: 0,
  changed: 0,
  unchanged: 0,
  deleted: 0,
  expired: 0,
  quarantined: 0,
  parked: 0,
}

/** The sum of two counts. */
export function addCounts(a: RunCounts, b: RunCounts): RunCounts {
  const sum = { ...a }
  for (const name of Object.keys(noCounts) as (keyof RunCounts)[]) sum[name] += b[name]
  return sum
}

/** Opens a run in the caller's transaction; one that a worker takes up is opened by `askRun`. */
export async function startRun(
  tx: Sql,
  { sourceId, kind, clientId, now }: { sourceId: number; kind: RunKind; clientId: number | null; now: Date },
): Promise<OpenRun> {
  const reference = newReference()
  const started = await row<{ id: number }>(
    tx,
    `insert into runs (reference, source_id, kind, state, client_id, started_at)
     values ($1, $2, $3, 'running', $4, $5) returning id`,
    [reference, sourceId, kind, clientId, now],
    'start-run',
  )
  return { id: (started as { id: number }).id, reference }
}

/** Closes a run; false when it was closed before, because somebody took its process for dead. */
export async function finishRun(tx: Sql, runId: number, end: RunEnd, now: Date): Promise<boolean> {
  const { counts } = end
  const finished = await row(
    tx,
    `update runs set state = $2, outcome = $3, detail = $4, finished_at = $5, next_check_at = $6, pages = $7, seen = $8, created = $9,
       changed = $10, unchanged = $11, deleted = $12, expired = $13, quarantined = $14, parked = $15
     where id = $1 and state = 'running' returning 1`,
    [runId, end.state, end.outcome, end.detail, now, end.nextCheckAt, ...valuesOf(counts)],
    'finish-run',
  )
  return finished !== undefined
}

/** Closes the polls of these sources that a killed process left open; what they had counted stays. */
export async function closeInterruptedPolls(tx: Sql, sourceIds: readonly number[], now: Date): Promise<void> {
  await rows(
    tx,
    `update runs set state = 'failed', outcome = 'interrupted', detail = 'Its process ended before it did.', finished_at = $2
     where source_id = any($1::int[]) and kind = 'poll' and state = 'running'`,
    [sourceIds, now],
    'close-interrupted',
  )
}

/**
 * Forgets some of what nobody asks for any more, with the results: polls that found nothing after two days, other runs
 * after 90, but never a source's last one. How many that were; none when all is forgotten.
 */
export async function forgetSomeOldRuns(db: Db, now: Date): Promise<number> {
  const before = (days: number) => new Date(now.getTime() - days * 86_400_000)
  const uneventful = await forgetEnded(db, `outcome in ${UNEVENTFUL}`, before(2), 1_000)
  // With up to 100,000 results each.
  const others = await forgetEnded(db, `outcome not in ${UNEVENTFUL}`, before(90), 25)
  return uneventful + others
}

/** A page of a source's runs, newest first; throws as `getSource` does. */
export async function listRuns(
  db: Db,
  client: ClientCaller,
  name: string,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<RunRow>> {
  const source = await visibleSource(db.pool, client, name)
  const cursor = readCursor(after, ['number'])
  const found = await rows<RunRow & { id: number }>(
    db.pool,
    `select r.id, ${RUN} from runs r where r.source_id = $2 and ($3::bigint is null or r.id < $3) order by r.id desc limit $4`,
    [source.name, source.id, cursor?.[0] ?? null, limit + 1],
    'list-runs',
  )
  const { items, next } = pageOf(found, limit, (last) => [last.id])
  return { items: items.map(({ id: _, ...run }) => run), next }
}

/** One run of a source by its reference; throws `not_found`, and as `getSource` does. */
export async function getRun(db: Db, client: ClientCaller, name: string, reference: string): Promise<RunRow> {
  const source = await visibleSource(db.pool, client, name)
  const { id } = await findRun(db.pool, source, reference)
  return runById(db.pool, source.name, id)
}

/** The key and state of a source's run with this reference; throws `not_found`. */
export async function findRun(
  sql: Sql,
  source: { id: number; name: string },
  reference: string,
): Promise<{ id: number; state: RunState; kind: RunKind }> {
  const found = await row<{ id: number; state: RunState; kind: RunKind }>(
    sql,
    'select id, state, kind from runs where source_id = $1 and reference = $2',
    [source.id, parseReference(reference) ?? ''],
    'find-run',
  )
  if (found !== undefined) return found
  throw new DomainError('not_found', { detail: `The source "${source.name}" has no such run.` })
}

/** One run by its key. */
export async function runById(sql: Sql, sourceName: string, runId: number): Promise<RunRow> {
  const found = await row<RunRow>(
    sql,
    `select ${RUN} from runs r where r.id = $2`,
    [sourceName, runId],
    'run-by-id',
  )
  if (found === undefined) throw new Error(`there is no run with the key ${runId}`)
  return found
}

const UNEVENTFUL = `('not-modified', 'unchanged')`

async function forgetEnded(db: Db, which: string, before: Date, limit: number): Promise<number> {
  const forgotten = await rows(
    db.pool,
    `delete from runs where id in (
       select r.id from runs r where r.${which} and r.finished_at < $1
         and exists (select from runs later where later.source_id = r.source_id and later.id > r.id)
       order by r.finished_at limit $2)
     returning 1`,
    [before, limit],
  )
  return forgotten.length
}

const RUN = `
  r.reference, $1::text as source, r.kind, r.state, r.dry_run as "dryRun", r.outcome, r.detail, r.total, r.started_at as "startedAt", r.finished_at as "finishedAt",
  r.pages, r.seen, r.created, r.changed, r.unchanged, r.deleted, r.expired, r.quarantined, r.parked, r.next_check_at as "nextCheckAt"`

/** The columns of the counts. */
export const COUNTS = 'pages, seen, created, changed, unchanged, deleted, expired, quarantined, parked'

/** The counts in the order of their columns. */
export function valuesOf(counts: RunCounts): number[] {
  const { pages, seen, created, changed, unchanged, deleted, expired, quarantined, parked } = counts
  return [pages, seen, created, changed, unchanged, deleted, expired, quarantined, parked]
}
