import type { Test } from 'tap'
import { connectorFor } from '../../connectors/connector.ts'
import { pushedEntry } from '../../connectors/pushed-item.ts'
import { endAskedRun, takeUpRun } from '../../domain/asked-runs.ts'
import type { ClientCaller } from '../../domain/callers.ts'
import { ingest, LARGEST_BATCH } from '../../domain/ingest.ts'
import type { Entry } from '../../domain/items.ts'
import { getMapping, updateMapping } from '../../domain/mapping.ts'
import { askNormalisation } from '../../domain/normalisations.ts'
import { listRunResults, type RunResultRow } from '../../domain/run-results.ts'
import { getRun, type RunRow } from '../../domain/runs.ts'
import { type Db, rows } from '../../prisma/client.ts'
import type { Context } from '../../workers/context.ts'
import { normalise } from '../../workers/normalise.ts'
import { administrator, NOW, pushSource } from '../domain/ingest-store.ts'
import { type Clock, pollSetting } from './poll-setting.ts'

export type NormaliseSetting = {
  db: Db
  admin: ClientCaller
  source: number
  context: Context
  clock: Clock
}

/** What items of a feed are about that do not say it. */
export const SETTINGS = { organisation: { scheme: 'ods', code: 'RX1' } } as const

/** A store with a source that pushes and is trusted, and a worker's context. */
export async function normaliseSetting(t: Test): Promise<NormaliseSetting> {
  const { db, context, clock } = await pollSetting(t, (_, response) => response.end())
  const admin = await administrator(db)
  return {
    db,
    admin,
    source: await pushSource(db, { settings: SETTINGS }),
    clock,
    context: { ...context, reader: plainReader },
  }
}

/** Reads again in this thread, as nothing hostile is read here. */
const plainReader = {
  readAgain: async (name: string, raws: readonly string[], settings: unknown) =>
    raws.map((raw) =>
      (connectorFor(name) as NonNullable<ReturnType<typeof connectorFor>>).readAgain(raw, settings),
    ),
} as Context['reader']

/** The same context, whose reader tells before each reading how often it has read by then. */
export function watched(
  context: Context,
  before: (readings: number) => Promise<void> | void,
  change: (entry: Entry) => Entry = (entry) => entry,
): Context {
  let readings = 0
  const readAgain: Context['reader']['readAgain'] = async (name, raws, settings) => {
    await before(readings++)
    return (await context.reader.readAgain(name, raws, settings)).map(change)
  }
  return { ...context, reader: { ...context.reader, readAgain } }
}

/** An entry as a push brings it. */
export function pushed(own: Record<string, unknown>): Entry {
  const item = {
    type: 'story',
    organisation: 'RX1',
    text: 'They explained everything. (Invented.)',
    publishedAt: '2026-11-01T10:00:00Z',
    ...own,
  }
  return pushedEntry(item, 0, [])
}

/** Takes entries, as many as there are. */
export async function push(
  db: Db,
  sourceId: number,
  entries: readonly Entry[],
  readBy = 'pushed',
): Promise<void> {
  for (let n = 0; n < entries.length; n += LARGEST_BATCH)
    await ingest(db, sourceId, entries.slice(n, n + LARGEST_BATCH), { now: NOW, readBy })
}

/** Maps tags, whatever the version. */
export async function mapTags(
  { db, admin }: Pick<NormaliseSetting, 'db' | 'admin'>,
  tags: Record<string, string | null>,
): Promise<void> {
  const { version } = await getMapping(db, admin, 'invented')
  const entries = Object.entries(tags).map(([term, category]) => ({ kind: 'tag' as const, term, category }))
  await updateMapping(db, admin, 'invented', entries, { version })
}

export async function ask({ db, admin }: NormaliseSetting, dryRun = false): Promise<RunRow> {
  return askNormalisation(db, admin, 'invented', { dryRun, key: undefined, now: NOW })
}

/** Takes up a run as a worker does, and ends it; `lost` when that was not its own any more, or it was not free. */
export async function work(
  { db, context, clock }: NormaliseSetting,
  { reference }: RunRow,
  by: Context = context,
): Promise<'ended' | 'lost'> {
  const [found] = await rows<{ id: number }>(db.pool, 'select id from runs where reference = $1', [reference])
  const run = await takeUpRun(db, (found as { id: number }).id, clock.now(), context.settings.leaseMs)
  if (run === null) return 'lost'
  const end = await normalise(by, run)
  return end !== 'lost' && (await endAskedRun(db, run, end, clock.now())) ? 'ended' : 'lost'
}

/** Asks for a normalisation, does it, and tells what it says of itself. */
export async function normalised(
  setting: NormaliseSetting,
  { dryRun = false, by = setting.context }: { dryRun?: boolean; by?: Context } = {},
): Promise<{ run: RunRow; results: RunResultRow[] }> {
  const asked = await ask(setting, dryRun)
  await work(setting, asked, by)
  return told(setting, asked)
}

export async function told(
  { db, admin }: NormaliseSetting,
  { reference }: RunRow,
): Promise<{ run: RunRow; results: RunResultRow[] }> {
  const which = { name: 'invented', run: reference }
  const run = await getRun(db, admin, 'invented', reference)
  return { run, results: (await listRunResults(db, admin, which, { limit: 2_000 })).items }
}

/** Every row of every table but those of runs, with where it lies: two equal ones mean that nothing was written between. */
export async function dump(db: Db): Promise<string> {
  const tables = await rows<{ name: string }>(
    db.pool,
    `select tablename as name from pg_tables where schemaname = 'public' and tablename not in ('runs', 'run_results') order by 1`,
  )
  const lines = await Promise.all(
    tables.map(async ({ name }) => {
      const [table] = await rows<{ at: string }>(
        db.pool,
        `select coalesce(string_agg(ctid || ' ' || xmin || ' ' || md5(one::text), ',' order by ctid), '') as at from "${name}" one`,
      )
      return `${name}: ${table?.at}`
    }),
  )
  return lines.join('\n')
}
