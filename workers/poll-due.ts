import { claimDueSources, type DueSource, giveBackSources } from '../domain/source-claims.ts'
import type { Context } from './context.ts'
import type { AddJob } from './queues.ts'

/**
 * Claims the sources whose time has come and has each polled, or looked at for the first time. While as many are due as
 * are claimed at one go, it claims again, but not for ever.
 */
export async function pollDue({ db, now, settings }: Context, addJob: AddJob): Promise<void> {
  const { claimLimit: limit, claimsInARow, claimedAtMost: most, perHost, leaseMs } = settings
  for (let claims = 0; claims < claimsInARow; claims++) {
    const due = await claimDueSources(db, now(), { limit, perHost, most, leaseMs })
    await addAll({ db, now }, due, addJob)
    if (due.length < limit) return
  }
}

async function addAll(
  { db, now }: Pick<Context, 'db' | 'now'>,
  due: readonly DueSource[],
  addJob: AddJob,
): Promise<void> {
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
