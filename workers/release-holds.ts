import { releaseHolds as release } from '../domain/holds.ts'
import type { Context } from './context.ts'

/** Shows again what a report has hidden and nobody has decided on in time. */
export async function releaseHolds({ db, log, now }: Pick<Context, 'db' | 'log' | 'now'>): Promise<void> {
  const cases = await release(db, now())
  if (cases > 0) log.info({ cases }, 'showed again what was hidden and not decided on')
}
