import { rows, type Tx } from '../prisma/client.ts'
import { about } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { hurryClocks } from './clocks.ts'
import { dangerIn } from './danger-signs.ts'
import { recordEvents } from './events.ts'
import { notify } from './notifications.ts'

/**
 * Makes a held case urgent, and alerts the on-call address, when what its reporter says now speaks of danger; one that
 * was urgent already alerts again. The caller makes the new version.
 */
export async function watchForDanger(tx: Tx, theCase: CaseRow, text: string, now: Date): Promise<void> {
  if (dangerIn(text).length === 0) return
  await notify(tx, theCase, 'urgent_for_on_call', theCase.version + 1)
  if (theCase.urgent) return
  await rows(tx, 'update cases set urgent = true where id = $1', [theCase.id])
  await hurryClocks(tx, theCase.id, now)
  await recordEvents(tx, null, [
    { ...about(theCase), type: 'case.changed', reason: 'danger_signs', fields: ['urgent'] },
  ])
}
