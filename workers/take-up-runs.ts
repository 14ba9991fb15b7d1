import { waitingRuns } from '../domain/asked-runs.ts'
import type { Context } from './context.ts'
import type { AddJob } from './queues.ts'

const AT_A_TIME = 50

/** Has runs done that somebody has asked for, and those whose worker has not been heard of. */
export async function takeUpRuns({ db, now }: Pick<Context, 'db' | 'now'>, addJob: AddJob): Promise<void> {
  for (const runId of await waitingRuns(db, now(), AT_A_TIME)) await addJob('do-run', { runId })
}
