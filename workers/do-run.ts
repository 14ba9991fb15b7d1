import {
  type AskedKind,
  type AskedRunEnd,
  countsOfRun,
  endAskedRun,
  giveBackRun,
  type TakenUpRun,
  takeUpRun,
} from '../domain/asked-runs.ts'
import type { Context } from './context.ts'
import { normalise } from './normalise.ts'
import { probe } from './probe-run.ts'
import { redrive } from './redrive.ts'
import { document } from './take-document.ts'

/** Does what a run was asked for; `lost` when it is not this worker's any more, or has to be left undone. */
export type AskedWork = (context: Context, run: TakenUpRun) => Promise<AskedRunEnd | 'lost'>

const works: Readonly<Record<AskedKind, AskedWork>> = { probe, document, redrive, normalise }

// A run that nobody comes to the end of has ended its workers, and would end the next.
const BEGUN_AT_MOST = 3

/** Takes up a run that somebody has asked for, does it, and ends it; nothing when another worker has it. */
export async function doRun(context: Context, runId: number): Promise<void> {
  const { db, now, settings, signal, log } = context
  const began = now()
  const run = await takeUpRun(db, runId, began, settings.leaseMs)
  if (run === null) return
  const { sourceId, kind, reference } = run
  const end = await endOf(context, run)
  if (end === 'lost' && signal.aborted) await giveBackRun(db, run)
  const ended = end !== 'lost' && (await endAskedRun(db, run, end, now()))
  if (!ended) {
    log.info(
      { sourceId, run: reference, kind },
      'a run was left: it was cancelled, or another goes on with it',
    )
    return
  }
  const { state, outcome, counts } = end
  const fields = { sourceId, run: reference, kind, outcome, ...counts, ms: now().getTime() - began.getTime() }
  if (state === 'failed') log.warn(fields, 'a run failed')
  else log.info(fields, 'did a run')
}

async function endOf(context: Context, run: TakenUpRun): Promise<AskedRunEnd | 'lost'> {
  if (run.attempts > BEGUN_AT_MOST) {
    const detail = `It was begun ${BEGUN_AT_MOST} times, and its worker ended each time.`
    return { state: 'failed', outcome: 'interrupted', detail, counts: run.counts }
  }
  try {
    return await works[run.kind](context, run)
  } catch (err) {
    if (context.signal.aborted) return 'lost'
    const { sourceId, kind, reference } = run
    context.log.warn({ sourceId, run: reference, kind, err }, 'a run had an unexpected error')
    const detail = 'Something unexpected; the log has it.'
    return { state: 'failed', outcome: 'error', detail, counts: await countsOfRun(context.db, run.id) }
  }
}
