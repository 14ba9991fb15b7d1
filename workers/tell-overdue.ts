import { recordOverdue } from '../domain/overdue.ts'
import type { Context } from './context.ts'

/** Records of each case once that it has become overdue. */
export async function tellOverdue({ db, log, now, signal }: Context): Promise<void> {
  const overdue = await recordOverdue(db, now(), () => !signal.aborted)
  if (overdue > 0) log.info({ overdue }, 'cases became overdue')
}
