import { row, rows, type Tx } from '../prisma/client.ts'
import { keepClocks } from './clocks.ts'
import { addWorkingDays } from './working-days.ts'

/** Cancels the extension of a held case that waits for its reporter, if one does: nobody has to answer it any more. */
export async function cancelExtension(tx: Tx, caseId: number, now: Date): Promise<void> {
  await rows(
    tx,
    `update extensions set state = 'cancelled', answered_at = $2 where case_id = $1 and state = 'waiting'`,
    [caseId, now],
    'cancel-extension',
  )
}

/** Lets the clock for the answer of a held case run so many working days longer than it would have. */
export async function extend(tx: Tx, caseId: number, workingDays: number): Promise<void> {
  const found = await row<{ respondDueAt: string | null }>(
    tx,
    'select respond_due_at as "respondDueAt" from cases where id = $1',
    [caseId],
    'respond-due',
  )
  if (found?.respondDueAt == null) throw new Error('a case without a clock for its answer was extended')
  const due = addWorkingDays(new Date(found.respondDueAt), workingDays)
  await rows(tx, 'update cases set respond_due_at = $2 where id = $1', [caseId, due], 'extend-clock')
  await keepClocks(tx, caseId)
}
