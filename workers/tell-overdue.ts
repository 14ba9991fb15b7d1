import { countOverdue } from '../domain/organisation-figures.ts'
import { recordOverdue } from '../domain/overdue.ts'
import type { Context } from './context.ts'

/** Counts what is overdue, and records of each case once that it has become so. */
export async function tellOverdue({ db, log, now, signal }: Context): Promise<void> {
  await countOverdue(db, now())
  const overdue = await recordOverdue(db, now(), () => !signal.aborted)
  if (overdue > 0) log.info({ overdue }, 'cases became overdue')
}
