import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import { closeFromFile } from './import-closings.ts'
import type { Family } from './import-layouts.ts'
import { loadRegistry } from './import-load.ts'
import { emptyPlan, planGroup } from './import-plan.ts'
import { withCode } from './import-registry.ts'
import type { ImportRow, RowGroup } from './import-rows.ts'
import { type ImportCounts, keepRows, type TakenImport } from './import-runs.ts'
import { writePlan } from './import-write.ts'
import { holdRegistry } from './registry.ts'

/** What a file asks, beside its rows. */
export type BatchOptions = {
  family: Family
  /** A day in London, as 2026-04-01. */
  today: string
  now: Date
}

/**
 * Takes the rows of some organisations, in one transaction with what became of each; what a group names comes before it, here or in
 * a batch before. What the import has counted in all; null, and nothing written, when it is another worker's by now.
 */
export async function importGroups(
  db: Db,
  run: TakenImport,
  groups: readonly RowGroup[],
  { counts, until, ...options }: BatchOptions & { counts: ImportCounts; until: Date },
): Promise<ImportCounts | null> {
  return inTransaction(db, async (tx) => {
    await holdRegistry(tx)
    const done = await takeGroups(tx, run, groups, options)
    const kept = await keepRows(tx, run, done, { counts, until })
    if (kept === null) throw new ImportLost()
    return kept
  }).catch((error: unknown) => {
    if (error instanceof ImportLost) return null
    throw error
  })
}

/** What would become of all rows, taken as `importGroups` does and then taken back; nobody waits for it. */
export async function tryGroups(
  db: Db,
  run: TakenImport,
  batches: readonly (readonly RowGroup[])[],
  options: BatchOptions,
): Promise<ImportRow[]> {
  const done: ImportRow[] = []
  const tried = inTransaction(db, async (tx) => {
    await rows(tx, `select set_config('care_connect.dry_run', 'on', true)`)
    for (const groups of batches) done.push(...(await takeGroups(tx, run, groups, options)))
    throw new TakenBack()
  })
  await tried.catch((error: unknown) => {
    if (!(error instanceof TakenBack)) throw error
  })
  return done
}

class ImportLost extends Error {
  override readonly name = 'ImportLost'
}

class TakenBack extends Error {
  override readonly name = 'TakenBack'
}

async function takeGroups(
  tx: Tx,
  { client, dryRun, update }: TakenImport,
  groups: readonly RowGroup[],
  { family, today, now }: BatchOptions,
): Promise<ImportRow[]> {
  const registry = await loadRegistry(tx, groups, { hold: !dryRun })
  const newOnes = groups.filter(({ code }) => withCode(registry, code) === undefined)
  const ids = await newIds(tx, newOnes.length)
  const nextId = () => {
    const id = ids.pop()
    if (id === undefined)
      throw new Error('there are more new organisations than codes that are not registered')
    return id
  }
  const plan = emptyPlan()
  for (const group of groups) planGroup(plan, registry, group, { family, update, today, nextId })
  await writePlan(tx, client, plan, registry, { dryRun })
  await closeFromFile(tx, client, plan, { dryRun, now })
  return plan.rows
}

async function newIds(tx: Tx, n: number): Promise<number[]> {
  const drawn = await rows<{ id: number }>(
    tx,
    `select nextval(pg_get_serial_sequence('organisations', 'id'))::int as id from generate_series(1, $1::int) order by 1 desc`,
    [n],
    'new-organisation-ids',
  )
  return drawn.map(({ id }) => id)
}
