import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { askRun, holdAskedRun, type TakenUpRun } from './asked-runs.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { type RunRow, runById } from './runs.ts'
import { visibleSource } from './source-access.ts'
import { openAddress, type SourceOpinion, type SourceSettings } from './source-rows.ts'

/** Asks for a look at a source, also at one that is paused; throws `source_not_polled`, and as `getSource` does. */
export async function askProbe(
  db: Db,
  client: ClientCaller,
  name: string,
  { key, now }: { key: string | undefined; now: Date },
): Promise<RunRow> {
  const { id } = await visibleSource(db.pool, client, name)
  const { runId } = await once(
    db,
    client,
    { key, operation: `createProbe ${name}`, body: null },
    async (tx) => {
      const polled = await row(tx, 'select 1 from sources where id = $1 and connector is not null', [id])
      if (polled === undefined) throw new DomainError('source_not_polled')
      return { runId: await askRun(tx, client, { sourceId: id, kind: 'probe', now }) }
    },
  )
  return runById(db.pool, name, runId)
}

/** What a look at a source needs to know. */
export type ProbePlan = {
  connector: string
  /** Whole: it may hold a key and is never logged. */
  address: string
  settings: SourceSettings
  maxDocumentBytes: number | null
  /** Of the source, as it was read. */
  version: number
}

/** What a look at a source needs; null for one that is not polled. */
export async function planProbe(db: Db, sourceId: number): Promise<ProbePlan | null> {
  const source = await row<Omit<ProbePlan, 'address'> & { name: string; addressSealed: string }>(
    db.pool,
    `select name, connector, address_sealed as "addressSealed", settings, max_document_bytes as "maxDocumentBytes", version
     from sources where id = $1 and connector is not null`,
    [sourceId],
    'plan-probe',
  )
  if (source === undefined) return null
  const { name, addressSealed, ...plan } = source
  return { ...plan, address: openAddress(db.vault, name, addressSealed) }
}

/** What a second reader said, of the source in that version or in any; a sample is one that nobody has asked for. */
export type Look = { opinion: SourceOpinion; version: number | null; isSample: boolean }

/** Keeps what a look has brought that somebody asked for; false when its run is not this worker's any more. */
export async function keepProbe(
  db: Db,
  run: Pick<TakenUpRun, 'id' | 'attempts' | 'sourceId'>,
  look: Look,
): Promise<boolean> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return false
    await keepOpinion(tx, run.sourceId, look)
    return true
  })
}

/** Keeps what a second reader said of a mere sample. */
export async function keepSample(db: Db, sourceId: number, look: Omit<Look, 'isSample'>): Promise<void> {
  await inTransaction(db, (tx) => keepOpinion(tx, sourceId, { ...look, isSample: true }))
}

/**
 * Keeps what a second reader said in the caller's transaction, and flags a source about which the two disagree, until
 * they agree or a person has looked; without effect on a source that has changed since.
 */
export async function keepOpinion(
  tx: Tx,
  sourceId: number,
  { opinion, version, isSample }: Look,
): Promise<void> {
  const before = await row<{ flagged: boolean; opinion: SourceOpinion | null }>(
    tx,
    `select flagged, opinion from sources where id = $1 and version = coalesce($2, version) for no key update`,
    [sourceId, version],
    'opinion-before',
  )
  if (before === undefined) return
  const flagged = isFlagged(before, opinion, isSample)
  await rows(
    tx,
    'update sources set opinion = $2, flagged = $3 where id = $1',
    [sourceId, JSON.stringify(opinion), flagged],
    'keep-opinion',
  )
  if (flagged === before.flagged) return
  const type = flagged ? 'source.readers_disagree' : 'source.readers_agree'
  await recordEvents(tx, null, [{ type, sourceId, fields: ['flagged'] }])
}

/** Whether a source is flagged after a look: what a person has looked at already is no news in a mere sample. */
function isFlagged(
  before: { flagged: boolean; opinion: SourceOpinion | null },
  { verdict, differences }: SourceOpinion,
  isSample: boolean,
): boolean {
  if (verdict === 'none') return before.flagged
  if (verdict === 'agrees') return false
  if (before.flagged || !isSample) return true
  const known = new Set(before.opinion?.differences.map(kindOf))
  return differences.some((difference) => !known.has(kindOf(difference)))
}

// The same oddity stands at another item in the next document.
function kindOf(difference: string): string {
  return difference.replace(/\d+/g, 'n')
}
