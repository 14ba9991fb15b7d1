import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import {
  type Asker,
  askRun,
  holdAskedRun,
  keepAskedRun,
  type NormalisationWay,
  type TakenUpRun,
} from './asked-runs.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { once } from './idempotency.ts'
import type { ItemResult } from './ingest.ts'
import { NORMALISED, type ReadAgain, takeItemsAgain } from './items-again.ts'
import { keepRunResults } from './run-results.ts'
import { addCounts, noCounts, type RunCounts, type RunRow, runById } from './runs.ts'
import { visibleSource } from './source-access.ts'

/** Asks for a source's cases to be derived again, or with `dryRun` for what that would change; as `getSource` throws. */
export async function askNormalisation(
  db: Db,
  client: ClientCaller,
  name: string,
  { dryRun, key, now }: { dryRun: boolean; key: string | undefined; now: Date },
): Promise<RunRow> {
  const { id } = await visibleSource(db.pool, client, name)
  const asked = { key, operation: `createNormalisation ${name}`, body: { dryRun } }
  const { runId } = await once(db, client, asked, async (tx) => ({
    runId: await askRun(tx, client, { sourceId: id, kind: 'normalise', dryRun, now }),
  }))
  return runById(db.pool, name, runId)
}

/** The same asked at the machine itself; the key of the run. Throws `not_found`. */
export async function askNormalisationHere(
  db: Db,
  name: string,
  { dryRun, now }: { dryRun: boolean; now: Date },
): Promise<number> {
  const source = await row<{ id: number }>(db.pool, 'select id from sources where name = $1', [name])
  if (source === undefined) throw new DomainError('not_found')
  const here: Asker = { clientId: null, actingUser: 'npm run normalise' }
  return inTransaction(db, (tx) => askRun(tx, here, { sourceId: source.id, kind: 'normalise', dryRun, now }))
}

/** A normalisation that goes on: of which source, how far it has come, and what it has counted. */
export type Normalisation = {
  sourceId: number
  settings: object
  way: NormalisationWay
  counts: RunCounts
  total: number
}

/** Begins a normalisation, or goes on where a killed worker left it; null when the run is somebody else's by now. */
export async function beginNormalisation(
  db: Db,
  run: TakenUpRun,
  until: Date,
): Promise<Normalisation | null> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return null
    const source = await row<{ settings: object; mappingVersion: number; total: number }>(
      tx,
      `select settings, mapping_version as "mappingVersion",
         (select count(*)::int from items where source_id = $1 and ${NORMALISED}) as total
       from sources where id = $1`,
      [run.sourceId],
      'begin-normalisation',
    )
    if (source === undefined) throw new Error(`there is no source with the key ${run.sourceId}`)
    const { settings, mappingVersion, total } = source
    const way = run.asked.way ?? { mappingVersion, after: '', results: 0 }
    const counts = run.asked.way === undefined ? noCounts : run.counts
    const begun = { sourceId: run.sourceId, settings, way, counts, total }
    await keepWay(tx, run, begun, until)
    return begun
  })
}

/**
 * Takes a batch of items as they are read now, in one transaction with what became of them and how far the run has come;
 * in a dry run only the latter is kept. Null, and nothing written, when the run is somebody else's by now.
 */
export async function takeAgain(
  db: Db,
  run: TakenUpRun,
  begun: Normalisation,
  batch: readonly ReadAgain[],
  { now, until }: { now: Date; until: Date },
): Promise<Normalisation | null> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return null
    if (run.dryRun) await tx.query('savepoint dry_run')
    const { results, counts } = await takeItemsAgain(tx, begun.sourceId, batch, now)
    if (run.dryRun) await tx.query('rollback to savepoint dry_run')

    const told = results.filter(({ outcome }) => !UNTOLD.includes(outcome))
    const { way } = begun
    await keepRunResults(
      tx,
      run.id,
      told.map((result, n) => ({ ...result, number: way.results + n + 1 })),
    )
    const after = batch.at(-1)?.kept.externalId ?? way.after
    const next = {
      ...begun,
      way: { ...way, after, results: way.results + told.length },
      counts: addCounts(begun.counts, counts),
    }
    await keepWay(tx, run, next, until)
    return next
  })
}

/** Notes that all cases of the source follow the mapping that the run began with; false when it is another's by now. */
export async function noteNormalised(
  db: Db,
  run: TakenUpRun,
  { sourceId, way }: Normalisation,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return false
    await rows(
      tx,
      'update sources set normalised_version = $2 where id = $1 and normalised_version < $2',
      [sourceId, way.mappingVersion],
      'note-normalised',
    )
    return true
  })
}

const UNTOLD: readonly ItemResult['outcome'][] = ['unchanged', 'ignored', 'parked']

async function keepWay(
  tx: Tx,
  run: TakenUpRun,
  { way, counts, total }: Normalisation,
  until: Date,
): Promise<void> {
  await keepAskedRun(tx, run, { counts, total, until })
  await rows(
    tx,
    `update runs set asked = asked || jsonb_build_object('way', $2::jsonb) where id = $1`,
    [run.id, JSON.stringify(way)],
    'keep-normalisation-way',
  )
}
