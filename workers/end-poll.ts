import type { PollEnd } from '../domain/poll-ends.ts'
import type { PollPlan } from '../domain/source-polls.ts'
import { CIRCUIT_OPENS_AFTER, circuitChange } from '../domain/source-rows.ts'
import { nextPoll, type PollOutcome } from '../net/next-poll.ts'
import type { Context } from './context.ts'
import type { Progress, WalkEnd } from './walk.ts'

type Ended = Exclude<WalkEnd, { outcome: 'lost' | 'paused' }>

/** How a poll is closed that ended so: its run, and when to ask again. */
export function endOf(
  { now, random }: Pick<Context, 'now' | 'random'>,
  plan: PollPlan,
  progress: Progress,
  end: Ended,
): PollEnd {
  const { counts, movedTo } = progress
  const answered = end.outcome !== 'failed' && end.outcome !== 'rate-limited'
  const aborted = end.outcome === 'failed' && end.reason === 'aborted'
  // To ask for patience, and to be stopped from here, is no failure of the source.
  const isFailure = end.outcome === 'failed' && !aborted
  const failures = answered ? 0 : plan.failures + (isFailure ? 1 : 0)
  const limited = end.outcome === 'rate-limited' ? plan.cursor.limited + 1 : 0
  const moved = answered && end.outcome !== 'cut' ? movedTo : null
  return {
    state: answered ? 'succeeded' : 'failed',
    outcome: answered ? end.outcome : end.reason,
    detail: moved === null ? end.detail : [end.detail, MOVED].filter(Boolean).join(' '),
    counts,
    cursor: { ...progress.cursor, limited },
    validators: 'validators' in end ? end.validators : undefined,
    failures,
    failure: answered || aborted ? null : { reason: end.reason, detail: end.detail },
    movedTo: moved,
    // A poll that was stopped from here is due again for whoever goes on.
    nextCheckAt: aborted
      ? now()
      : nextPoll(outcomeOf(plan, progress, end, { failures, limited }, now()), now(), random).at,
  }
}

/** Writes the one line of a poll that has ended, and another when its circuit has opened or closed. */
export function logEnd(
  { log, measure }: Context,
  plan: PollPlan,
  end: PollEnd,
  began: Date,
  ended: Date,
): void {
  measure?.counted('poll', end.outcome)
  const { sourceId } = plan
  const fields = {
    sourceId,
    run: plan.run.reference,
    outcome: end.outcome,
    ...end.counts,
    failures: end.failures,
    ms: ended.getTime() - began.getTime(),
    next: end.nextCheckAt,
  }
  if (end.state === 'failed') log.warn(fields, 'poll failed')
  else log.info(fields, 'polled')
  const circuit = circuitChange(plan.failures, end.failures)
  if (circuit === 'opened')
    log.warn(
      { sourceId, failures: end.failures },
      'the circuit of a source has opened: it is asked once a day',
    )
  if (circuit === 'closed') log.info({ sourceId }, 'the circuit of a source has closed: it answers again')
}

const MOVED = 'The source has moved for good.'

function outcomeOf(
  { intervalMinutes, freshMinutes, lastChangedAt }: PollPlan,
  { counts, wishes }: Progress,
  { outcome }: Ended,
  { failures, limited }: { failures: number; limited: number },
  now: Date,
): PollOutcome {
  const isNew = counts.created + counts.changed + counts.deleted + counts.parked > 0
  return {
    // A cut document is asked for again at the usual time: nothing says that it will be whole sooner.
    outcome: outcome === 'cut' ? 'unchanged' : outcome,
    intervalMinutes,
    freshMinutes,
    lastChangedAt: isNew ? now : lastChangedAt,
    failures: outcome === 'rate-limited' ? limited : failures,
    circuitOpen: failures >= CIRCUIT_OPENS_AFTER,
    ...wishes,
  }
}
