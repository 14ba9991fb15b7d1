import { type CaseStatus, rows, type Tx } from '../prisma/client.ts'
import { about } from './case-changes.ts'
import { type CaseRow, contactOf } from './case-rows.ts'
import { isClosed, type Relation, statusesNow, surveyedStatuses, timesAfterMove } from './case-rules.ts'
import { keepClocks, restartRespond } from './clocks.ts'
import { DomainError } from './errors.ts'
import type { NewEvent, Telling } from './events.ts'
import { cancelExtension } from './extension-state.ts'
import { endPause } from './pause-ends.ts'
import { createSurvey } from './surveys.ts'

/**
 * Moves a held case to `to`, with the times that this sets and the clocks, and returns its event, with who is to be told
 * of it, for the caller to record; the caller makes the new version. Throws `move_not_allowed` with the statuses that are.
 */
export async function moveStatus(
  tx: Tx,
  theCase: CaseRow,
  relation: Relation,
  to: CaseStatus,
  now: Date,
): Promise<NewEvent> {
  const allowed = statusesNow(theCase, relation)
  if (!allowed.includes(to)) {
    throw new DomainError('move_not_allowed', {
      allowed,
      detail: `The case is ${theCase.status}; it cannot become ${to}.`,
    })
  }
  const times = timesAfterMove(theCase, to, now.toISOString())
  await rows(
    tx,
    'update cases set status = $2, acknowledged_at = $3, closed_at = $4, resolved_at = $5 where id = $1',
    [theCase.id, to, times.acknowledgedAt, times.closedAt, times.resolvedAt],
  )
  const tells: Telling[] = []
  if (isClosed(to)) {
    await cancelReferral(tx, theCase.id, now)
    await cancelExtension(tx, theCase.id, now)
    // It follows from the closing: nobody has asked for it.
    await endPause(tx, null, theCase, 'closed', now)
    tells.push(...tellsOfClosing(tx, theCase, relation))
    if (surveyedStatuses.includes(to)) tells.push(...(await createSurvey(tx, theCase, now)))
  } else if (isClosed(theCase.status)) {
    await restartRespond(tx, theCase.id, now)
  }
  await keepClocks(tx, theCase.id)
  return { ...about(theCase), type: 'case.status_changed', fields: ['status'], tells }
}

/** Ends the referral that waits for its answer, if one does: the case has gone another way. */
export async function cancelReferral(tx: Tx, caseId: number, now: Date): Promise<void> {
  await rows(
    tx,
    `update referrals set state = 'cancelled', answered_at = $2 where case_id = $1 and state = 'waiting'`,
    [caseId, now],
  )
}

// Whoever closed their case themselves knows.
function tellsOfClosing(tx: Tx, theCase: CaseRow, relation: Relation): Telling[] {
  if (relation === 'reporter' || !contactOf(tx.vault, theCase)?.email) return []
  return [{ kind: 'closing_for_reporter', once: theCase.version + 1 }]
}
