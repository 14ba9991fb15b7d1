import type { Db } from '../prisma/client.ts'
import type { ReporterCaller } from './callers.ts'
import { watchForDanger } from './danger-watch.ts'
import { addMessage } from './messages.ts'
import { moveStatus } from './move-status.ts'
import { changeOwnCase, requireAction } from './reporter-case.ts'
import type { SeenCase } from './seen-case.ts'

export type Reopening = { reason: 'not_resolved' | 'disagree' | 'happened_again' | 'other'; text: string }

/**
 * Opens a closed case again because its reporter asks, with what they say as a message; the organisation hears of it
 * again. Throws as `changeOwnCase` does, and `move_not_allowed` for a case that is open or withdrawn.
 */
export async function reopen(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  reopening: Reopening,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SeenCase> {
  const operation = 'createReopening'
  return changeOwnCase(db, reporter, reference, { key, operation, body: reopening }, async (tx, theCase) => {
    requireAction(theCase, 'reopen', `It is ${theCase.status}; a closed case that is not withdrawn reopens.`)
    await moveStatus(tx, theCase, 'reporter', 'open', now)
    await addMessage(tx, theCase, { author: 'reporter', text: reopening.text })
    const tells = await watchForDanger(tx, theCase, reopening.text, now)
    // A question that was never passed on is the central team's alone.
    if (theCase.kind !== 'question' || theCase.passedOn)
      tells.push({ kind: 'case_for_organisation', once: theCase.version + 1 })
    const { reason } = reopening
    return { type: 'case.reopened_by_reporter', reason, fields: ['status', 'messages'], tells }
  })
}
