import { type Db, inTransaction, type RunKind, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { once } from './idempotency.ts'
import { type Ingested, type ItemResult, ingestInto, LARGEST_BATCH } from './ingest.ts'
import { type HeldSource, holdSource } from './ingest-items.ts'
import type { Entry } from './items.ts'
import { addCounts, finishRun, noCounts, type RunCounts, type RunRow, runById, startRun } from './runs.ts'
import { visibleSource } from './source-access.ts'

/** What became of each entry, in the order sent; of a dry run nothing is kept, no run either. */
export type Pushed = { run: RunRow | null; items: ItemResult[] }

/** How a batch is sent: to what place in the provider's own list it comes, and whether only to try. */
export type PushOptions = {
  bookmark?: string | undefined
  dryRun?: boolean
  key: string | undefined
  now: Date
}

/**
 * Takes what a feedback provider pushes, all of it in one transaction with its run and its bookmark; a repeat with the
 * same key gets the same answer. A dry run does the same work and keeps nothing. Throws `source_paused`, and as
 * `getSource` does.
 */
export async function pushItems(
  db: Db,
  client: ClientCaller,
  name: string,
  entries: readonly Entry[],
  { bookmark, dryRun = false, key, now }: PushOptions,
): Promise<Pushed> {
  const source = await visibleSource(db.pool, client, name)
  const push: Push = { entries, kind: 'push', clientId: client.clientId, bookmark, now }
  if (dryRun) return tryPush(db, source, push)

  const body = { bookmark, entries: entries.map(({ raw }) => raw) }
  return once(db, client, { key, operation: `pushItems ${name}`, body }, (tx) => takePush(tx, source, push))
}

/** Entries that came in one message. */
export type Push = {
  entries: readonly Entry[]
  kind: Extract<RunKind, 'push' | 'webhook'>
  clientId: number | null
  bookmark?: string | undefined
  now: Date
}

/** Takes a push in the caller's transaction; throws `source_paused`. */
export async function takePush(
  tx: Tx,
  { id, name }: { id: number; name: string },
  { entries, kind, clientId, bookmark, now }: Push,
): Promise<{ run: RunRow; items: ItemResult[] }> {
  const source = await holdActiveSource(tx, id)
  const run = await startRun(tx, { sourceId: id, kind, clientId, now })
  const { results, counts } = await ingestAll(tx, source, entries, now)
  const end = { state: 'succeeded', outcome: 'pushed', detail: null, counts, nextCheckAt: null } as const
  await finishRun(tx, run.id, end, now)
  await notePush(tx, id, { counts, bookmark, now })
  return { run: await runById(tx, name, run.id), items: results }
}

/** Holds a source that takes what is sent to it; throws `source_paused`. */
export async function holdActiveSource(tx: Tx, sourceId: number): Promise<HeldSource> {
  const source = await holdSource(tx, sourceId)
  if (source === undefined) throw new DomainError('not_found')
  if (!source.paused) return source
  throw new DomainError('source_paused', { detail: 'An administrator can make it active again.' })
}

/** Notes at a source that something has come, whether it was news, and where in its own list its provider is now. */
export async function notePush(
  tx: Tx,
  sourceId: number,
  { counts, bookmark, now }: { counts: RunCounts; bookmark?: string | undefined; now: Date },
): Promise<void> {
  const news = counts.created + counts.changed + counts.deleted > 0
  await rows(
    tx,
    `update sources set bookmark = coalesce($2, bookmark), last_success_at = $3,
       last_changed_at = case when $4::boolean then $3 else last_changed_at end
     where id = $1`,
    [sourceId, bookmark ?? null, now, news],
    'note-push',
  )
}

async function tryPush(db: Db, source: { id: number; name: string }, push: Push): Promise<Pushed> {
  return inTransaction(db, async (tx) => {
    await tx.query('savepoint dry_run')
    const { items } = await takePush(tx, source, push)
    await tx.query('rollback to savepoint dry_run')
    const there = await referencesThatExist(tx, items)
    return {
      run: null,
      items: items.map((item) => ({
        ...item,
        caseReference: there.has(item.caseReference) ? item.caseReference : null,
      })),
    }
  })
}

/** Of the references that a dry run has given, those of cases that were there before. */
async function referencesThatExist(tx: Tx, items: readonly ItemResult[]): Promise<Set<string | null>> {
  const found = await rows<{ reference: string }>(
    tx,
    'select reference from cases where reference = any($1::text[])',
    [items.flatMap(({ caseReference }) => caseReference ?? [])],
    'references-that-exist',
  )
  return new Set(found.map(({ reference }) => reference))
}

/** In steps, stories before replies, so that no reply waits for a story of the same push; results in the order sent. */
async function ingestAll(
  tx: Tx,
  source: HeldSource,
  entries: readonly Entry[],
  now: Date,
): Promise<Ingested> {
  const order = entries.map((_, n) => n)
  const isReply = (n: number) => replies(entries[n] as Entry)
  const inSteps = [...order.filter((n) => !isReply(n)), ...order.filter(isReply)]
  const results: ItemResult[] = []
  let counts: RunCounts = noCounts
  for (let from = 0; from < inSteps.length; from += LARGEST_BATCH) {
    const step = inSteps.slice(from, from + LARGEST_BATCH)
    const some = step.map((n) => entries[n] as Entry)
    const taken = await ingestInto(tx, source, some, { now, readBy: 'pushed' })
    counts = addCounts(counts, taken.counts)
    step.forEach((n, place) => {
      results[n] = taken.results[place] as ItemResult
    })
  }
  return { results, counts }
}

function replies(entry: Entry): boolean {
  return 'item' in entry && entry.item.type === 'reply'
}
