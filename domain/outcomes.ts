import { type Db, rows, type Tx } from '../prisma/client.ts'
import type { ReporterCaller } from './callers.ts'
import type { CaseRow } from './case-rows.ts'
import { DomainError } from './errors.ts'
import { changeOwnCase, type ReporterEvent, requireAction } from './reporter-case.ts'
import type { SeenCase } from './seen-case.ts'

/** What a reporter says of the outcome; what is absent or null they would rather not say. */
export type Outcome = { resolved?: boolean | null; manner?: boolean | null }

/**
 * Records what the reporter says of the outcome, once. Throws as `changeOwnCase` does, `already_answered` the second
 * time, and `move_not_allowed` before the case was ever closed.
 */
export async function rate(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  outcome: Outcome,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SeenCase> {
  const operation = 'createOutcome'
  return changeOwnCase(db, reporter, reference, { key, operation, body: outcome }, (tx, theCase) =>
    recordOutcome(tx, theCase, outcome, now),
  )
}

/** Records the outcome of a held case, by receipt or by survey; the caller makes the new version. */
export async function recordOutcome(
  tx: Tx,
  theCase: CaseRow,
  { resolved = null, manner = null }: Outcome,
  now: Date,
): Promise<ReporterEvent> {
  if (theCase.outcomeAt !== null) throw new DomainError('already_answered')
  requireAction(theCase, 'rate', 'The outcome is rated once the case was closed, and was not withdrawn.')
  await rows(
    tx,
    'update cases set outcome_resolved = $2, outcome_manner = $3, outcome_at = $4 where id = $1',
    [theCase.id, resolved, manner, now],
  )
  return { type: 'case.rated', fields: ['outcome'] }
}
