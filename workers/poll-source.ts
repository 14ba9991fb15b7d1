import { connectorFor } from '../connectors/connector.ts'
import { finishPoll } from '../domain/poll-ends.ts'
import { beginPoll, type PollPlan } from '../domain/source-polls.ts'
import type { Context } from './context.ts'
import { endOf, logEnd } from './end-poll.ts'
import { lookAtSample } from './sample-poll.ts'
import { noProgress, type Progress, type WalkEnd, walkPages } from './walk-pages.ts'

/** Asks a source for what is new, takes it, and says when to ask again; a second poll at the same time does nothing. */
export async function pollSource(context: Context, sourceId: number): Promise<void> {
  const began = context.now()
  const plan = await beginPoll(context.db, sourceId, began, context.settings.leaseMs)
  if (plan === null) return
  const progress = noProgress(plan)
  try {
    const walked = await walk(context, plan, progress, began)
    await endPoll(context, plan, progress, walked, began)
    if (walked.outcome === 'changed' && progress.sample !== null)
      await lookAtSample(context, plan, progress.sample)
  } catch (error) {
    // What was taken stays, and the next poll goes on from there. If the store is away too, the lease ends by itself.
    const end = {
      outcome: 'failed',
      reason: 'error',
      detail: 'Something unexpected; the log has it.',
    } as const
    await endPoll(context, plan, progress, end, began).catch(() => undefined)
    throw error
  }
}

async function walk(context: Context, plan: PollPlan, progress: Progress, began: Date): Promise<WalkEnd> {
  const connector = connectorFor(plan.connector)
  if (connector !== null) return walkPages(context, plan, connector, began, progress)
  return {
    outcome: 'failed',
    reason: 'no-connector',
    detail: `There is no connector "${plan.connector}" here.`,
  }
}

async function endPoll(
  context: Context,
  plan: PollPlan,
  progress: Progress,
  walked: WalkEnd,
  began: Date,
): Promise<void> {
  const about = { sourceId: plan.sourceId, run: plan.run.reference }
  if (walked.outcome === 'paused') {
    context.log.info(about, 'a poll ended, as its source was paused')
    return
  }
  const ended = context.now()
  const end = walked.outcome === 'lost' ? null : endOf(context, plan, progress, walked)
  const closed = end !== null && (await finishPoll(context.db, plan, end, ended))
  if (closed) logEnd(context, plan, end, began, ended)
  else context.log.warn(about, 'a poll was cancelled, or taken over by another')
}
