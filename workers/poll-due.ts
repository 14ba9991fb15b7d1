import { claimDueSources, giveBackSources } from '../domain/source-claims.ts'
import type { Context } from './context.ts'
import type { SourceJob, SourceJobName } from './queues.ts'

/** Claims the sources whose time has come and has each polled, or looked at for the first time. */
export async function pollDue(
  { db, now, settings }: Context,
  addJob: (name: SourceJobName, job: SourceJob) => Promise<void>,
): Promise<void> {
  const { claimLimit: limit, perHost, leaseMs } = settings
  const due = await claimDueSources(db, now(), { limit, perHost, leaseMs })
  const added = await Promise.allSettled(
    due.map(({ id, state }) =>
      addJob(state === 'probing' ? 'probe-source' : 'poll-source', { sourceId: id }),
    ),
  )
  const failed = added.find((result) => result.status === 'rejected')
  if (failed === undefined) return
  // The queue is away: at the next tick they are due again, not only when their lease ends.
  await giveBackSources(
    db,
    due.filter((_, n) => added[n]?.status === 'rejected').map(({ id }) => id),
    now(),
  )
  throw failed.reason
}
