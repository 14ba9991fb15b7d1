import { type Db, inTransaction, type Tx } from '../prisma/client.ts'
import { about, nextVersion } from './case-changes.ts'
import { type CaseRow, caseById, findStanding, lockStanding } from './case-rows.ts'
import { hidingReasons, publicView } from './case-rules.ts'
import { dueAfter } from './clocks.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { hide, isOrWasShown, wasHidden } from './holds.ts'
import { keepObjection } from './objections.ts'
import { parseReference } from './references.ts'

export type ReportDraft = { reason: string; text?: string; website?: string }

/** A report as whoever made it is told of it. */
export type ReceivedReport = { reference: string; dueAt: string; hidden: boolean }

/**
 * Keeps what somebody has against a case that everybody may read, and hides its text at once when the reason wants
 * that; a text that was hidden before and judged is not hidden again. Throws the same `not_found` for what is unknown
 * and for what the public does not read.
 */
export async function reportCase(
  db: Db,
  reference: string,
  { reason, text, website }: ReportDraft,
  now: Date,
): Promise<ReceivedReport> {
  // Says nothing useful to a robot.
  if (website !== undefined && website !== '') throw new DomainError('submission_refused')

  return inTransaction(db, async (tx) => {
    const theCase = await holdShownCase(tx, reference)
    const dueAt = await dueAfter(tx, 'report', now)
    const held = theCase.heldUntil !== null
    const hides = !held && hidingReasons.includes(reason) && !(await wasHidden(tx, theCase.id))
    const kept = await keepObjection(
      tx,
      null,
      theCase,
      { kind: 'report', organisationId: null, reason, text, dueAt },
      now,
    )
    if (hides) {
      const event = await hide(tx, theCase, dueAt, reason)
      await nextVersion(tx, theCase)
      await recordEvents(tx, null, [{ ...about(theCase), type: 'report.created', reason }, event])
    } else {
      const { version } = theCase
      await recordEvents(tx, null, [
        { ...about(theCase), type: 'report.created', reason, caseVersion: version },
      ])
    }
    return { reference: kept, dueAt: dueAt.toISOString(), hidden: hides || held }
  })
}

// While a report hides a case, another one that was being written is still taken. What is hidden from everybody is
// neither waited for nor read, so that time tells nothing of it.
async function holdShownCase(tx: Tx, reference: string): Promise<CaseRow> {
  const canonical = parseReference(reference)
  const found = canonical === null ? undefined : await findStanding(tx, canonical)
  if (found === undefined || publicView(found) === 'hidden') throw new DomainError('not_found')
  const standing = await lockStanding(tx, found.reference)
  const theCase = standing && (await caseById(tx, standing.id))
  if (theCase === undefined || !isOrWasShown(theCase)) throw new DomainError('not_found')
  return theCase
}
