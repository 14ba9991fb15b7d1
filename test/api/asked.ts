import type { Test } from 'tap'
import { createReader } from '../../connectors/reader.ts'
import { waitingRuns } from '../../domain/asked-runs.ts'
import type { Db } from '../../prisma/client.ts'
import { type Context, defaultPollSettings } from '../../workers/context.ts'
import { doRun } from '../../workers/do-run.ts'
import { fetcherFor } from '../net/servers.ts'

/** Gives what does all that requests have asked for, as a worker does it. */
export function workerFor(t: Test, db: Db): () => Promise<void> {
  const reader = createReader()
  t.teardown(reader.close)
  const quiet = () => undefined
  const context: Context = {
    db,
    fetcher: fetcherFor(t, []),
    reader,
    log: { info: quiet, warn: quiet, error: quiet },
    now: () => new Date(),
    random: () => 0.5,
    signal: new AbortController().signal,
    settings: defaultPollSettings,
  }
  return async () => {
    for (const id of await waitingRuns(db, new Date(), 100)) await doRun(context, id)
  }
}
