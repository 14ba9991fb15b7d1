import { type Db, rows, type Tx } from '../prisma/client.ts'
import type { ReporterCaller } from './callers.ts'
import type { CaseRow } from './case-rows.ts'
import { keepClocks } from './clocks.ts'
import { moveStatus } from './move-status.ts'
import { closeObjections, goneCase } from './objections.ts'
import { recordRecalls } from './recalls.ts'
import { changeOwnCase, type ReporterEvent, requireAction } from './reporter-case.ts'
import type { SeenCase } from './seen-case.ts'

export type Withdrawal = { what: 'publication' | 'case' }

/**
 * Takes back what the reporter takes back, for good: their consent to publication, so that the case is private from now
 * on, or the whole case. Throws as `changeOwnCase` does, and `move_not_allowed` for what is taken back already.
 */
export async function withdraw(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  { what }: Withdrawal,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SeenCase> {
  const operation = 'createWithdrawal'
  return changeOwnCase(db, reporter, reference, { key, operation, body: { what } }, (tx, theCase) =>
    what === 'publication' ? withdrawConsent(tx, theCase, now) : withdrawCase(tx, theCase, now),
  )
}

// The choice becomes private too, so that staff, who may undo only what staff did, cannot undo this.
async function withdrawConsent(tx: Tx, theCase: CaseRow, now: Date): Promise<ReporterEvent> {
  requireAction(theCase, 'withdraw_publication', 'It is private for good already.')
  await recordRecalls(tx, [theCase], { reason: 'consent_withdrawn', now })
  // What a report hides has been public, and would be again.
  const wasPublic = theCase.publication === 'published' || theCase.heldUntil !== null
  await rows(
    tx,
    `update cases set privacy = 'private', privacy_chosen = 'private', public_name = null, held_until = null,
       publication = case when $2 then 'kept_private' else publication end,
       decision_reason = case when $2 then 'reporter_asked' else decision_reason end
     where id = $1`,
    [theCase.id, wasPublic],
  )
  await closeObjections(tx, null, [goneCase(theCase)], 'reporter_asked')
  await keepClocks(tx, theCase.id)
  return {
    type: 'case.consent_withdrawn',
    reason: `chosen_${theCase.privacyChosen}`,
    fields: wasPublic ? ['privacy', 'publication'] : ['privacy'],
  }
}

async function withdrawCase(tx: Tx, theCase: CaseRow, now: Date): Promise<ReporterEvent> {
  requireAction(theCase, 'withdraw_case', 'It is withdrawn already.')
  await recordRecalls(tx, [theCase], { reason: 'withdrawn', now })
  // The publication first: a withdrawn case is never in public, not for one statement.
  await rows(
    tx,
    `update cases set publication = 'removed', decision_reason = 'withdrawn_by_reporter', public_name = null, held_until = null
     where id = $1`,
    [theCase.id],
  )
  await moveStatus(tx, theCase, 'reporter', 'withdrawn', now)
  await closeObjections(tx, null, [goneCase(theCase)], 'withdrawn_by_reporter')
  return { type: 'case.withdrawn', fields: ['status', 'publication'] }
}
