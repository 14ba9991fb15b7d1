import { forgetOldAccesses, forgetOldPlaces } from '../domain/retention-leftovers.ts'
import {
  endRetentionRun,
  giveBackRetentionRun,
  openNightlyRun,
  type RetentionCount,
  type TakenRetentionRun,
  takeUpRetentionRun,
} from '../domain/retention-runs.ts'
import { countsToBegin, forgetDue, nextDue, rawStep } from '../domain/retention-work.ts'
import type { Context } from './context.ts'
import { type Loop, startLoop } from './loop.ts'

/** What retention has at hand; it fetches nothing. */
export type RetainContext = Pick<Context, 'db' | 'log' | 'now' | 'settings'>

const EVERY_MS = 5_000

/** Does the runs of retention of this process; stopping, it ends after the batch that it is at, and gives its run back. */
export function startRetaining(context: RetainContext): Loop {
  let stopping = false
  const loop = startLoop(() => retain(context, () => stopping), {
    everyMs: EVERY_MS,
    log: context.log,
    failed: 'retention could not go on; it is tried again',
  })
  return {
    wake: loop.wake,
    stop() {
      stopping = true
      return loop.stop()
    },
  }
}

/**
 * Opens the run of the night when it is time, and does what runs are waiting. A run that is killed is taken up again when
 * its lease ends: what was forgotten is not due any more, so that it comes to the same end.
 */
export async function retain(context: RetainContext, stopping: () => boolean = () => false): Promise<void> {
  const { db, now, settings } = context
  await openNightlyRun(db, now())
  while (!stopping()) {
    const run = await takeUpRetentionRun(db, now(), settings.leaseMs)
    if (run === null) return
    await doRun(context, run, stopping)
  }
}

async function doRun(context: RetainContext, run: TakenRetentionRun, stopping: () => boolean): Promise<void> {
  const { db, log, now } = context
  const began = now()
  const about = { run: run.reference, dryRun: run.dryRun }
  const counts = await allOf(context, run, began, stopping)
  if (counts === 'lost') {
    log.info(about, 'a run of retention was left: another goes on with it')
    return giveBackRetentionRun(db, run)
  }
  const accesses = run.dryRun ? 0 : await again(() => forgetOldAccesses(db, began))
  const places = run.dryRun ? 0 : await forgetOldPlaces(db, began)
  await endRetentionRun(db, run, { counts, now: now() })
  const total = (what: Exclude<keyof RetentionCount, 'policy'>) =>
    counts.reduce((sum, count) => sum + count[what], 0)
  const done = {
    anonymised: total('anonymised'),
    deleted: total('deleted'),
    held: total('held'),
    raw: total('raw'),
  }
  log.info(
    { ...about, ...done, accesses, places, ms: now().getTime() - began.getTime() },
    'did a run of retention',
  )
}

const CASES_AT_ONCE = 100

// All of a run is as of the moment when it was taken up.
async function allOf(
  { db, now, settings }: RetainContext,
  run: TakenRetentionRun,
  began: Date,
  stopping: () => boolean,
): Promise<RetentionCount[] | 'lost'> {
  const times = () => ({ now: began, until: new Date(now().getTime() + settings.leaseMs) })
  let counts = await countsToBegin(db, run)
  for (const table of ['items', 'quarantined_items'] as const) {
    for (let after = 0; ; ) {
      if (stopping()) return 'lost'
      const step = await rawStep(db, run, table, { after, counts }, times())
      if (step === 'lost') return 'lost'
      if (step === null) break
      counts = step.counts
      after = step.after
    }
  }
  for (let next = await nextDue(db, -1, began); next !== null; next = await nextDue(db, next.last, began)) {
    for (let from = 0; from < next.due.length; from += CASES_AT_ONCE) {
      if (stopping()) return 'lost'
      const all = await forgetDue(db, run, next.due.slice(from, from + CASES_AT_ONCE), counts, times())
      if (all === 'lost') return 'lost'
      counts = all
    }
  }
  return counts
}

const MOST_ROUNDS = 1_000

async function again(forgetSome: () => Promise<number>): Promise<number> {
  let all = 0
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const forgotten = await forgetSome()
    if (forgotten === 0) break
    all += forgotten
  }
  return all
}
