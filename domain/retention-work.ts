import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import { holdToForget } from './forget-besides.ts'
import { anonymiseCases, deleteCases } from './forget-cases.ts'
import { keepHoldsOut } from './legal-holds.ts'
import { type DueCase, dueAmong, dueCases, type KeySpan, nextSpan } from './retention-due.ts'
import {
  countOldEntries,
  countOldRaw,
  forgetOldEntries,
  forgetOldRaw,
  type RawCount,
} from './retention-raw.ts'
import { keepRetentionRun, type RetentionCount, type TakenRetentionRun } from './retention-runs.ts'

/** How far a run has come in a table, and what it has counted by now. */
export type RetentionStep = { after: number; counts: RetentionCount[] }

/** When it is, and until when the run stays this worker's own. */
export type StepTimes = { now: Date; until: Date }

/** What a run begins to count with: each policy that there is, and what was counted before its worker was killed. */
export async function countsToBegin(db: Db, run: TakenRetentionRun): Promise<RetentionCount[]> {
  const policies = await rows<{ id: number }>(db.pool, 'select id from retention_policies order by id')
  const empty = policies.map(({ id }) => ({ policy: id, anonymised: 0, deleted: 0, held: 0, raw: 0 }))
  // What is held, and what a dry run counts, is counted anew.
  const kept = run.dryRun ? [] : run.counts.map((count) => ({ ...count, held: 0 }))
  return added(empty, kept)
}

/**
 * Forgets the texts of sources that are due among the next rows of a table, in one transaction with what the run has
 * counted; a dry run only counts. Null behind the last row, `lost` when the run is another worker's by now.
 */
export async function rawStep(
  db: Db,
  run: TakenRetentionRun,
  table: 'items' | 'quarantined_items',
  { after, counts }: RetentionStep,
  { now, until }: StepTimes,
): Promise<RetentionStep | null | 'lost'> {
  const span = await nextSpan(db.pool, table, after, RAW_AT_ONCE)
  if (span === null) return null
  const { count, forget } = RAW[table]
  return inTransaction(db, async (tx) => {
    if (!run.dryRun) await keepHoldsOut(tx)
    const raw = run.dryRun ? await count(tx, span, now) : await forget(tx, span, now)
    const all = added(counts, raw.map(rawCount))
    return (await keepRetentionRun(tx, run, { counts: all, until }))
      ? { after: span.last, counts: all }
      : 'lost'
  })
}

/** The cases that are due among the next ones, and how far these go; null behind the last case. */
export async function nextDue(
  db: Db,
  after: number,
  now: Date,
): Promise<{ last: number; due: DueCase[] } | null> {
  const span = await nextSpan(db.pool, 'cases', after, CASES_SEEN_AT_ONCE)
  return span && { last: span.last, due: await dueCases(db.pool, span, now) }
}

/**
 * Anonymises and deletes a batch of cases that are due, in one transaction with what the run has counted: those that still
 * are, now that nobody changes them. In a dry run, and of what a legal hold keeps, they are only counted.
 */
export async function forgetDue(
  db: Db,
  run: TakenRetentionRun,
  batch: readonly DueCase[],
  counts: readonly RetentionCount[],
  { now, until }: StepTimes,
): Promise<RetentionCount[] | 'lost'> {
  return inTransaction(db, async (tx) => {
    const due = run.dryRun ? batch : await forgetStillDue(tx, batch, now)
    const all = added(counts, due.map(caseCount))
    return (await keepRetentionRun(tx, run, { counts: all, until })) ? all : 'lost'
  })
}

const RAW_AT_ONCE = 1_000
const CASES_SEEN_AT_ONCE = 10_000

const RAW = {
  items: { count: countOldRaw, forget: forgetOldRaw },
  quarantined_items: { count: countOldEntries, forget: forgetOldEntries },
} as const satisfies Record<
  string,
  Record<'count' | 'forget', (tx: Tx, span: KeySpan, now: Date) => Promise<RawCount[]>>
>

async function forgetStillDue(tx: Tx, batch: readonly DueCase[], now: Date): Promise<DueCase[]> {
  const ids = batch.map(({ id }) => id)
  const deletes = batch.some(({ action }) => action === 'delete')
  await holdToForget(tx, ids, deletes ? 'delete' : 'change')
  const due = await dueAmong(tx, ids, now)
  const free = (action: DueCase['action']) =>
    due.filter((one) => one.action === action && !one.held).map(({ id }) => id)
  await anonymiseCases(tx, free('anonymise'), now)
  await deleteCases(tx, free('delete'), now)
  return due
}

function rawCount({ policy, raw }: RawCount): RetentionCount {
  return { policy, anonymised: 0, deleted: 0, held: 0, raw }
}

function caseCount({ policy, action, held }: DueCase): RetentionCount {
  return {
    policy,
    anonymised: Number(!held && action === 'anonymise'),
    deleted: Number(!held && action === 'delete'),
    held: Number(held),
    raw: 0,
  }
}

function added(counts: readonly RetentionCount[], more: readonly RetentionCount[]): RetentionCount[] {
  const all = new Map(counts.map((count) => [count.policy, { ...count }]))
  for (const one of more) {
    const sum = all.get(one.policy) ?? { policy: one.policy, anonymised: 0, deleted: 0, held: 0, raw: 0 }
    sum.anonymised += one.anonymised
    sum.deleted += one.deleted
    sum.held += one.held
    sum.raw += one.raw
    all.set(one.policy, sum)
  }
  return [...all.values()]
}
