import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { askRun, holdAskedRun, keepAskedRun, type TakenUpRun } from './asked-runs.ts'
import type { ClientCaller } from './callers.ts'
import { once } from './idempotency.ts'
import { type ItemResult, ingestInto, LARGEST_BATCH } from './ingest.ts'
import type { QuarantineReason } from './ingest-entries.ts'
import { quarantinePlace } from './ingest-quarantine.ts'
import type { Entry } from './items.ts'
import { holdActiveSource } from './push-items.ts'
import { entryReference } from './quarantine.ts'
import { takeText } from './receive-text.ts'
import { keepRunResults } from './run-results.ts'
import { addCounts, noCounts, type RunCounts, type RunRow, runById } from './runs.ts'
import { visibleSource } from './source-access.ts'

/** What to try again: everything that waits, what waits for one reason, or what is named. */
export type RedriveChoice = { reason?: QuarantineReason | undefined; entries?: readonly string[] | undefined }

/** Asks for entries in quarantine to be tried again; throws `source_paused`, and as `getSource` does. */
export async function askRedrive(
  db: Db,
  client: ClientCaller,
  name: string,
  { reason, entries }: RedriveChoice,
  { key, now }: { key: string | undefined; now: Date },
): Promise<RunRow> {
  const { id } = await visibleSource(db.pool, client, name)
  const asked = { ...(reason && { reason }), ...(entries && { entries }) }
  const what = { key, operation: `createRedrive ${name}`, body: asked }
  const { runId } = await once(db, client, what, async (tx) => {
    await holdActiveSource(tx, id)
    return { runId: await askRun(tx, client, { sourceId: id, kind: 'redrive', asked, now }) }
  })
  return runById(db.pool, name, runId)
}

/** An entry in quarantine as its source sent it, opened. */
export type WaitingEntry = {
  id: number
  hash: string
  externalId: string | null
  reason: QuarantineReason
  detail: string
  place: string | null
  lastSeenAt: string
  raw: string
  readBy: string
}

/** The next entries that a run is to try again, behind the one with that key. */
export async function waitingEntries(db: Db, run: TakenUpRun, after: number): Promise<WaitingEntry[]> {
  const found = await rows<Omit<WaitingEntry, 'raw'> & { rawSealed: string }>(
    db.pool,
    `select id, encode(fingerprint, 'hex') as hash, external_id as "externalId", reason, detail, place, last_seen_at as "lastSeenAt",
       raw_sealed as "rawSealed", read_by as "readBy"
     from quarantined_items where ${CHOSEN} and id > $4 order by id limit $5`,
    [...chosenBy(run), after, LARGEST_BATCH],
    'waiting-entries',
  )
  return found.map(({ rawSealed, ...entry }) => ({
    ...entry,
    raw: db.vault.open(quarantinePlace(run.sourceId, entry.hash), rawSealed),
  }))
}

/** How many entries a run is to try again. */
export async function countWaiting(db: Db, run: TakenUpRun): Promise<number> {
  const counted = await row<{ n: number }>(
    db.pool,
    `select count(*)::int as n from quarantined_items where ${CHOSEN}`,
    chosenBy(run),
    'count-waiting',
  )
  return (counted as { n: number }).n
}

/** What waits, and what is read in it now; null where nothing reads it again. */
export type TriedEntry = { waiting: WaitingEntry; entry: Entry | null }

/**
 * Tries a batch of entries again, in one transaction with what became of each and how far the run has come; what is taken
 * leaves the quarantine. What the run has done in all; null, and nothing written, when it is somebody else's by now.
 * Throws `source_paused`.
 */
export async function tryAgain(
  db: Db,
  run: TakenUpRun,
  batch: readonly TriedEntry[],
  { counts, total, now, until }: { counts: RunCounts; total: number | null; now: Date; until: Date },
): Promise<RunCounts | null> {
  return inTransaction(db, async (tx) => {
    if (!(await holdAskedRun(tx, run))) return null
    const taken = await takeBatch(tx, run, batch, now)
    const told = taken.results.map((result, n) => ({ ...result, number: counts.seen + n + 1 }))
    await keepRunResults(tx, run.id, told)
    const all = addCounts(counts, taken.counts)
    await keepAskedRun(tx, run, { counts: all, total, until })
    const last = batch.at(-1)
    if (last !== undefined) await keepTried(tx, run, last.waiting.id)
    return all
  })
}

const CHOSEN = `source_id = $1 and dismissed_at is null and ($2::text[] is null or reference = any($2))
  and ($3::text is null or reason = $3)`

function chosenBy({ sourceId, asked: { entries, reason } }: TakenUpRun): unknown[] {
  return [sourceId, entries?.map(entryReference) ?? null, reason ?? null]
}

type Taken = { results: ItemResult[]; counts: RunCounts }

async function takeBatch(tx: Tx, run: TakenUpRun, batch: readonly TriedEntry[], now: Date): Promise<Taken> {
  const source = await holdActiveSource(tx, run.sourceId)
  const still = await stillWaiting(tx, batch)
  const tried = batch.filter(({ waiting }) => still.has(waiting.id))
  const ends = new Map<number, ItemResult>()
  let counts: RunCounts = noCounts
  for (const [readBy, read] of Map.groupBy(tried.filter(isRead), ({ waiting }) => waiting.readBy)) {
    const taken = await ingestInto(tx, source, read.map(entryOf), { now, readBy })
    for (const [n, { waiting }] of read.entries()) ends.set(waiting.id, taken.results[n] as ItemResult)
    counts = addCounts(counts, taken.counts)
  }
  for (const { waiting } of tried.filter((one) => !isRead(one))) {
    const isText = waiting.readBy === 'text'
    const result = isText ? (await takeText(tx, source, waiting.raw, now)).result : asBefore(waiting)
    ends.set(waiting.id, result)
    counts = addCounts(counts, { ...noCounts, seen: 1, [result.outcome]: 1 })
  }
  await leave(tx, tried, ends)
  return { results: tried.flatMap(({ waiting }) => ends.get(waiting.id) ?? []), counts }
}

/** The keys of those that nobody has taken or dismissed meanwhile. */
async function stillWaiting(tx: Tx, batch: readonly TriedEntry[]): Promise<Set<number>> {
  const found = await rows<{ id: number }>(
    tx,
    'select id from quarantined_items where id = any($1::bigint[]) and dismissed_at is null order by id for update',
    [batch.map(({ waiting }) => waiting.id)],
    'still-waiting',
  )
  return new Set(found.map(({ id }) => id))
}

type ReadEntry = TriedEntry & { entry: Entry }

function isRead(tried: TriedEntry): tried is ReadEntry {
  return tried.entry !== null
}

/** What it is now, by the text, the id and the place that are kept of it. */
function entryOf({ waiting: { raw, externalId, place }, entry }: ReadEntry): Entry {
  return 'item' in entry
    ? { ...entry, raw }
    : { ...entry, raw, place: place ?? entry.place, externalId: entry.externalId ?? externalId }
}

function asBefore({ externalId, reason, detail }: WaitingEntry): ItemResult {
  return { externalId, outcome: 'quarantined', caseReference: null, fields: [], reason, detail }
}

/**
 * What was taken leaves, also where it has no id by which ingest would know it again. For what stays an attempt is
 * counted; its source has not sent it again.
 */
async function leave(
  tx: Tx,
  tried: readonly TriedEntry[],
  ends: ReadonlyMap<number, ItemResult>,
): Promise<void> {
  const isTaken = ({ waiting }: TriedEntry) => ends.get(waiting.id)?.outcome !== 'quarantined'
  await rows(
    tx,
    'delete from quarantined_items where id = any($1::bigint[])',
    [tried.filter(isTaken).map(({ waiting }) => waiting.id)],
    'leave-quarantine',
  )
  const stay = tried.filter((one) => !isTaken(one)).map(({ waiting }) => waiting)
  await rows(
    tx,
    `update quarantined_items q set attempts = attempts + 1, last_seen_at = s.seen
     from unnest($1::bigint[], $2::timestamptz[]) as s(id, seen) where q.id = s.id`,
    [stay.map(({ id }) => id), stay.map(({ lastSeenAt }) => lastSeenAt)],
    'stay-in-quarantine',
  )
}

/** Notes the last entry that was tried, so that whoever goes on tries none a second time. */
async function keepTried(tx: Tx, { id }: TakenUpRun, tried: number): Promise<void> {
  await rows(
    tx,
    `update runs set asked = asked || jsonb_build_object('tried', $2::bigint) where id = $1`,
    [id, tried],
    'keep-tried',
  )
}
