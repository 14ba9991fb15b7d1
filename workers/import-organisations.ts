import { importGroups, tryGroups } from '../domain/import-batch.ts'
import { familyOf, rowsOf } from '../domain/import-layouts.ts'
import { groupsOf, inOrder } from '../domain/import-order.ts'
import type { FileRow, ImportRow, RowGroup } from '../domain/import-rows.ts'
import {
  endImport,
  giveBackImport,
  type ImportEnd,
  keepDecided,
  linesDone,
  type TakenImport,
  takeUpImport,
  waitingImports,
} from '../domain/import-runs.ts'
import { recordsIn, UnreadableFile } from '../domain/import-text.ts'
import type { Context } from './context.ts'
import type { AddJob } from './queues.ts'

/** What an import needs. */
export type ImportContext = Pick<Context, 'db' | 'now' | 'signal' | 'log'> & {
  settings: Pick<Context['settings'], 'leaseMs'>
  /** Organisations of one transaction. */
  batch?: number
}

// An import that nobody comes to the end of has ended its workers, and would end the next.
const BEGUN_AT_MOST = 3
// A transaction holds the registry so long.
const BATCH = 1_000
/** Whoever writes the same things at the same time may have to begin again. */
const TRIES = 3

/** Has imports done that somebody has asked for, and those whose worker has not been heard of. */
export async function takeUpImports({ db, now }: Pick<Context, 'db' | 'now'>, addJob: AddJob): Promise<void> {
  for (const importId of await waitingImports(db, now())) await addJob('import-organisations', { importId })
}

/**
 * Takes up an import, does it batch by batch, and ends it; nothing when another worker has it. After a kill it goes on behind the
 * last batch that was kept.
 */
export async function importOrganisations(context: ImportContext, importId: number): Promise<void> {
  const { db, now, settings, signal, log } = context
  const began = now()
  const run = await takeUpImport(db, importId, began, settings.leaseMs)
  if (run === null) return
  const { reference, layout, dryRun } = run
  const end = await endOf(context, run)
  if (end === 'lost' && signal.aborted) await giveBackImport(db, run)
  const ended = end !== 'lost' && (await endImport(db, run, end, now()))
  if (!ended) {
    log.info({ import: reference, layout }, 'an import was left: another goes on with it')
    return
  }
  const fields = { import: reference, layout, dryRun, ...run.counts, ms: now().getTime() - began.getTime() }
  if (end.state === 'failed') log.warn(fields, 'an import failed')
  else log.info(fields, 'did an import')
}

async function endOf(context: ImportContext, run: TakenImport): Promise<ImportEnd | 'lost'> {
  if (run.attempts > BEGUN_AT_MOST)
    return failed(`It was begun ${BEGUN_AT_MOST} times, and its worker ended each time.`)
  try {
    return await work(context, run)
  } catch (err) {
    if (err instanceof UnreadableFile) return failed(err.message)
    if (context.signal.aborted) return 'lost'
    context.log.warn({ import: run.reference, err }, 'an import had an unexpected error')
    return failed('Something unexpected; the log has it. What was done stays: send the file again.')
  }
}

async function work(context: ImportContext, run: TakenImport): Promise<ImportEnd | 'lost'> {
  const { db, now, settings, signal } = context
  const rows = rowsOf(run.layout, await recordsIn(run.bytes))
  const { groups, left } = groupsOf(rows)
  const { ordered, circling } = inOrder(groups)
  const done = await linesDone(db, run)
  const batches = chunked(
    ordered.filter((group) => !done.has(group.rows[0].line)),
    context.batch ?? BATCH,
  )
  const options = { family: familyOf(run.layout), now: now(), today: dayInLondon(now()) }
  const keeping = () => ({ counts: run.counts, until: new Date(now().getTime() + settings.leaseMs) })

  const tried = run.dryRun ? await again(() => tryGroups(db, run, batches, options)) : []
  const decided = [...left.map(asLeft), ...circling.flatMap(asCircling), ...tried]
  run.counts = { ...run.counts, rows: rows.length }
  const kept = await keepDecided(
    db,
    run,
    decided.filter(({ line }) => !done.has(line)),
    keeping(),
  )
  if (kept === null) return 'lost'
  run.counts = kept
  for (const batch of run.dryRun ? [] : batches) {
    if (signal.aborted) return 'lost'
    const counts = await again(() => importGroups(db, run, batch, { ...options, ...keeping() }))
    if (counts === null) return 'lost'
    run.counts = counts
  }
  return { state: 'succeeded' }
}

function failed(problem: string): ImportEnd {
  return { state: 'failed', problem }
}

function chunked(groups: readonly RowGroup[], size: number): RowGroup[][] {
  const batches = Math.ceil(groups.length / size)
  return Array.from({ length: batches }, (_, n) => groups.slice(n * size, (n + 1) * size))
}

function asLeft(row: FileRow): ImportRow {
  if ('wanted' in row) throw new Error(`line ${row.line} can be taken`)
  const { line, code, left: outcome, problem, detail } = row
  return { line, code, outcome, fields: [], problem, detail }
}

function asCircling({ code, rows }: RowGroup): ImportRow[] {
  const detail = 'It would be below itself or come after itself, or what it names would.'
  return rows.map(({ line }) => ({
    line,
    code,
    outcome: 'refused',
    fields: [],
    problem: 'tree_conflict',
    detail,
  }))
}

// A code that was registered at the same moment (23505), or two that waited for each other (40001, 40P01).
async function again<T>(work: () => Promise<T>): Promise<T> {
  for (let n = 1; ; n++) {
    try {
      return await work()
    } catch (error) {
      const { code = '' } = error as { code?: string }
      if (n === TRIES || !['23505', '40001', '40P01'].includes(code)) throw error
    }
  }
}

function dayInLondon(now: Date): string {
  return now.toLocaleDateString('sv-SE', { timeZone: 'Europe/London' })
}
