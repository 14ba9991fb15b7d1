import { rows, type Tx } from '../prisma/client.ts'
import { about } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { hurryClocks } from './clocks.ts'
import { dangerIn } from './danger-signs.ts'
import { recordEvents, type Telling } from './events.ts'

/**
 * Makes a held case urgent when what its reporter says now speaks of danger, and returns that the on-call address is to
 * be told, for the event of what they said; one that was urgent already alerts again. The caller makes the new version.
 */
export async function watchForDanger(tx: Tx, theCase: CaseRow, text: string, now: Date): Promise<Telling[]> {
  if (dangerIn(text).length === 0) return []
  const tells: Telling[] = [{ kind: 'urgent_for_on_call', once: theCase.version + 1 }]
  if (theCase.urgent) return tells
  await rows(tx, 'update cases set urgent = true where id = $1', [theCase.id])
  await hurryClocks(tx, theCase.id, now)
  await recordEvents(tx, null, [
    { ...about(theCase), type: 'case.changed', reason: 'danger_signs', fields: ['urgent'] },
  ])
  return tells
}
