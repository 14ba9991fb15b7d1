import { indexPlaced, isIndexBehind } from '../domain/case-index.ts'
import { ANNOUNCE_MS, announceVersion } from '../domain/data-version.ts'
import type { Context } from './context.ts'
import { type Loop, startLoop } from './loop.ts'

const LOOK_MS = 250

/**
 * Brings the index of cases up to the change log all the time. Not by the queue: it looks several times a second, works
 * through whatever there is in one go, and one process at a time does it, so a job would only be a detour.
 */
export function startIndexing({ db, log }: Pick<Context, 'db' | 'log'>, lookMs = LOOK_MS): Loop {
  let announcedAt = 0
  const look = async (): Promise<void> => {
    const behind = await isIndexBehind(db)
    if (behind.index) {
      await indexPlaced(db)
    } else if (!behind.log && Date.now() - announcedAt >= ANNOUNCE_MS) {
      announcedAt = Date.now()
      await announceVersion(db.pool)
    }
  }
  return startLoop(look, {
    everyMs: lookMs,
    log,
    failed: 'the index of cases could not be brought up to date',
  })
}
