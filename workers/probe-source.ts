import { finishPoll, finishProbe } from '../domain/poll-ends.ts'
import { noCounts } from '../domain/runs.ts'
import { beginPoll } from '../domain/source-polls.ts'
import type { Context } from './context.ts'
import { endOf, logEnd } from './end-poll.ts'
import { lookAtSource, type NotSeen } from './look-at-source.ts'
import { noProgress } from './walk-pages.ts'

/**
 * Looks at a source for the first time: can its document be fetched and read, and does a second reader of RSS agree?
 * A source that can be read is polled from then on, flagged when the two differ; one that cannot is looked at again.
 */
export async function probeSource(context: Context, sourceId: number): Promise<void> {
  const { db, now, settings } = context
  const began = now()
  const plan = await beginPoll(db, sourceId, began, settings.leaseMs)
  if (plan === null) return
  const look = await lookAtSource(context, plan).catch((err: unknown): NotSeen => {
    context.log.warn({ sourceId, run: plan.run.reference, err }, 'a first look failed unexpectedly')
    return { outcome: 'failed', reason: 'error', detail: 'Something unexpected; the log has it.' }
  })
  const ended = now()
  if ('outcome' in look) {
    const end = endOf(context, plan, noProgress(plan), look)
    if (await finishPoll(db, plan, end, ended)) logEnd(context, plan, end, began, ended)
    return
  }
  const { count, opinion } = look
  const counts = { ...noCounts, pages: 1, seen: count }
  const seen = endOf(context, plan, { ...noProgress(plan), counts }, { outcome: 'unchanged', detail: null })
  const end = {
    ...seen,
    outcome: 'probed',
    detail: `The second reader: ${opinion.verdict}.`,
    nextCheckAt: now(),
    opinion,
  }
  if (await finishProbe(db, plan, end, ended)) logEnd(context, plan, end, began, ended)
}
