import type { PollEnd, PollPlan } from '../domain/source-polls.ts'
import { nextPoll, type PollOutcome } from '../net/next-poll.ts'
import type { Context } from './context.ts'
import type { Progress, WalkEnd } from './walk-pages.ts'

/** How a poll is closed that ended so: its run, and when to ask again. */
export function endOf(
  { now, random }: Pick<Context, 'now' | 'random'>,
  plan: PollPlan,
  { cursor, counts, wishes }: Progress,
  end: Exclude<WalkEnd, { outcome: 'lost' }>,
): PollEnd {
  const failed = end.outcome === 'failed' || end.outcome === 'rate-limited'
  const failures = failed ? plan.failures + 1 : 0
  const { intervalMinutes } = plan
  const at = nextPoll(
    { outcome: paceOf(end.outcome), intervalMinutes, failures, ...wishes },
    now(),
    random,
  ).at
  return {
    state: failed ? 'failed' : 'succeeded',
    outcome: failed ? end.reason : end.outcome,
    detail: end.detail,
    counts,
    cursor,
    validators: 'validators' in end ? end.validators : undefined,
    failures,
    // A poll that was stopped from here is due again for whoever goes on.
    nextCheckAt: failed && end.reason === 'aborted' ? now() : at,
  }
}

/** Writes the one line of a poll that has ended. */
export function logEnd({ log }: Context, plan: PollPlan, end: PollEnd, began: Date, ended: Date): void {
  const fields = {
    sourceId: plan.sourceId,
    run: plan.run.reference,
    outcome: end.outcome,
    ...end.counts,
    failures: end.failures,
    ms: ended.getTime() - began.getTime(),
    next: end.nextCheckAt,
  }
  if (end.state === 'failed') log.warn(fields, 'poll failed')
  else log.info(fields, 'polled')
}

// A cut document is asked for again at the usual time: nothing says that it will be whole sooner.
function paceOf(outcome: Exclude<WalkEnd['outcome'], 'lost'>): PollOutcome['outcome'] {
  return outcome === 'cut' ? 'unchanged' : outcome
}
