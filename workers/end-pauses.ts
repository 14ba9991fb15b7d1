import { endPausesOver } from '../domain/pause-ends.ts'
import type { Context } from './context.ts'

/** Lets the clocks go on that have stood still for as long as they may. */
export async function endPauses({ db, log, now, signal }: Context): Promise<void> {
  const cases = await endPausesOver(db, now(), () => !signal.aborted)
  if (cases > 0) log.info({ cases }, 'waited for reporters as long as was said')
}
