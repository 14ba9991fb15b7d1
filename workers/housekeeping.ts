import { forgetEmptyCounts } from '../domain/case-index.ts'
import { forgetOldDeliveries } from '../domain/deliveries.ts'
import { forgetExpiredIdempotency } from '../domain/idempotency.ts'
import { forgetWaitingImages } from '../domain/images.ts'
import { expireOldItems, sourcesWithAgeRule } from '../domain/ingest-removals.ts'
import { countUnmappedTerms } from '../domain/mapping.ts'
import { forgetOldNotifications } from '../domain/notifications.ts'
import { forgetSomeOldRuns } from '../domain/runs.ts'
import { closeAbandonedPolls } from '../domain/source-claims.ts'
import { watchCalendar } from './calendar-watch.ts'
import type { Context } from './context.ts'
import { watchOrphans } from './orphan-watch.ts'

/** Forgets what has had its time, closes what a killed process left open, and looks for what a person should know. */
export async function keepHouse(context: Context): Promise<void> {
  const { db, log, now } = context
  watchCalendar(context)
  await watchOrphans(context)
  const idempotency = await forgetExpiredIdempotency(db)
  const images = await forgetWaitingImages(db)
  const polls = await closeAbandonedPolls(db, now())
  const runs = await again(() => forgetSomeOldRuns(db, now()))
  const deliveries = await again(() => forgetOldDeliveries(db, now()))
  const notifications = await again(() => forgetOldNotifications(db, now()))
  await forgetEmptyCounts(db)
  let items = 0
  for (const sourceId of await sourcesWithAgeRule(db)) items += await expireOldItems(db, sourceId, now())
  await countUnmappedTerms(db, now(), MOST_COUNTED)
  if (idempotency + images + polls + runs + deliveries + notifications + items > 0)
    log.info({ idempotency, images, polls, runs, deliveries, notifications, items }, 'kept house')
}

const MOST_ROUNDS = 100
const MOST_COUNTED = 200

/** What is left over is for the next time. */
async function again(forgetSome: () => Promise<number>): Promise<number> {
  let all = 0
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const forgotten = await forgetSome()
    if (forgotten === 0) break
    all += forgotten
  }
  return all
}
