import { forgetExpiredIdempotency } from '../domain/idempotency.ts'
import { forgetWaitingImages } from '../domain/images.ts'
import { expireOldItems, sourcesWithAgeRule } from '../domain/ingest-removals.ts'
import { closeAbandonedPolls } from '../domain/source-claims.ts'
import { watchCalendar } from './calendar-watch.ts'
import type { Context } from './context.ts'

/** Forgets what has had its time, and closes what a killed process left open. */
export async function keepHouse(context: Context): Promise<void> {
  const { db, log, now } = context
  watchCalendar(context)
  const idempotency = await forgetExpiredIdempotency(db)
  const images = await forgetWaitingImages(db)
  const polls = await closeAbandonedPolls(db, now())
  let items = 0
  for (const sourceId of await sourcesWithAgeRule(db)) items += await expireOldItems(db, sourceId, now())
  if (idempotency + images + polls + items > 0) log.info({ idempotency, images, polls, items }, 'kept house')
}
