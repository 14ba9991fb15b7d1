import { forgetExpiredIdempotency } from '../domain/idempotency.ts'
import { expireOldItems, sourcesWithAgeRule } from '../domain/ingest-removals.ts'
import { closeAbandonedPolls } from '../domain/source-claims.ts'
import type { Context } from './context.ts'

/** Forgets what has had its time, and closes what a killed process left open. */
export async function keepHouse({ db, log, now }: Context): Promise<void> {
  const idempotency = await forgetExpiredIdempotency(db)
  const polls = await closeAbandonedPolls(db, now())
  let items = 0
  for (const sourceId of await sourcesWithAgeRule(db)) items += await expireOldItems(db, sourceId, now())
  if (idempotency + polls + items > 0) log.info({ idempotency, polls, items }, 'kept house')
}
