import type { Db, Tx } from '../prisma/client.ts'
import type { ReporterCaller } from './callers.ts'
import { about, holdOwnCase, nextVersion } from './case-changes.ts'
import { type CaseRow, caseById, findStanding } from './case-rows.ts'
import { type ReporterAction, reporterActions } from './case-rules.ts'
import { DomainError } from './errors.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { receiptFits } from './receipts.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'

/** What a reporter asks for, and the key that makes a repeat safe. */
export type ReporterRequest = { key: string | undefined; operation: string; body: unknown }

/** What a change by the reporter records beside what every event says. */
export type ReporterEvent = Pick<NewEvent, 'type' | 'reason' | 'fields' | 'tells'>

/**
 * Changes the reporter's own case, its row held, once per idempotency key, and returns it as they see it then. `change`
 * says what happened; the new version and the event are made here. Throws the same `not_found` for an unknown case and
 * for a receipt that is not its own.
 */
export async function changeOwnCase(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  { key, operation, body }: ReporterRequest,
  change: (tx: Tx, theCase: CaseRow) => Promise<ReporterEvent>,
): Promise<SeenCase> {
  const caseId = await ownCaseId(db, reporter, reference)
  await once(db, { caseId }, { key, operation, body }, async (tx) => {
    const theCase = await holdOwnCase(tx, reporter, reference)
    await newVersion(tx, theCase, await change(tx, theCase))
    return { caseId }
  })
  return showCase(db.vault, await caseById(db.pool, caseId), 'reporter', 'reporter')
}

/** Makes the next version of a held case that its reporter has changed, with the event of it. */
export async function newVersion(tx: Tx, theCase: CaseRow, event: ReporterEvent): Promise<void> {
  await nextVersion(tx, theCase)
  await recordEvents(tx, null, [{ ...about(theCase), ...event }])
}

/** Throws `move_not_allowed`, with what the reporter may do instead, unless they may do `action` now. */
export function requireAction(theCase: CaseRow, action: ReporterAction, detail: string): void {
  const allowed = reporterActions(theCase)
  if (!allowed.includes(action)) throw new DomainError('move_not_allowed', { allowed, detail })
}

// The keys of a repeat are the case's, so whoever asks must be its reporter before any key is looked at.
async function ownCaseId(db: Db, reporter: ReporterCaller, reference: string): Promise<number> {
  const canonical = parseReference(reference)
  const standing = canonical === null ? undefined : await findStanding(db.pool, canonical)
  const fits = await receiptFits(db.pool, db.vault, reporter.receipt, standing)
  if (standing === undefined || !fits) throw new DomainError('not_found')
  return standing.id
}
