import { orphansOf } from '../domain/attention.ts'
import type { Context } from './context.ts'

const lastDay = new WeakMap<object, string>()

/** Warns once a day, in each process, of sources whose replies have waited too long for their stories. */
export async function watchOrphans(context: Pick<Context, 'db' | 'log' | 'now'>): Promise<void> {
  const now = context.now()
  const today = now.toISOString().slice(0, 10)
  if (lastDay.get(context) === today) return
  for (const { sourceId, count, since } of await orphansOf(context.db, now)) {
    context.log.warn({ sourceId, count, since }, 'replies wait for stories that do not come')
  }
  lastDay.set(context, today)
}
