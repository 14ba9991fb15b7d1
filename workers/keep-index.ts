import { indexCases, isIndexBehind } from '../domain/case-index.ts'
import { ANNOUNCE_MS, announceVersion } from '../domain/data-version.ts'
import type { Context } from './context.ts'

/** Brings the index of cases up to the change log all the time, until the process stops. */
export type Indexing = { stop(): Promise<void> }

const LOOK_MS = 250
const AFTER_ERROR_MS = 2_000

/**
 * Begins at once. Not by the queue: it looks several times a second, works through whatever there is in one go, and one
 * process at a time does it, so a job would only be a detour.
 */
export function startIndexing({ db, log }: Pick<Context, 'db' | 'log'>, lookMs = LOOK_MS): Indexing {
  let stopped = false
  let wake: () => void = () => undefined
  let announcedAt = 0

  const look = async (): Promise<void> => {
    if (await isIndexBehind(db)) {
      await indexCases(db)
    } else if (Date.now() - announcedAt >= ANNOUNCE_MS) {
      announcedAt = Date.now()
      await announceVersion(db.pool)
    }
  }
  const work = async (): Promise<void> => {
    while (!stopped) {
      const next = await look().then(
        () => lookMs,
        (err: Error) => {
          log.warn({ err }, 'the index of cases could not be brought up to date')
          return AFTER_ERROR_MS
        },
      )
      if (stopped) return
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, next)
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    }
  }
  const working = work()
  return {
    async stop() {
      stopped = true
      wake()
      await working
    },
  }
}
