import type { Db, Sql } from '../prisma/client.ts'
import { type Accepted, choiceProblems, loadAccepted, withoutServiceBefore } from './accepted.ts'
import type { ClientCaller } from './callers.ts'
import { type CaseRow, caseById } from './case-rows.ts'
import { dangerIn, guidanceFor } from './danger-signs.ts'
import { DomainError, invalid, type Problem } from './errors.ts'
import { type CaseFields, type Form, formFor } from './forms.ts'
import { once } from './idempotency.ts'
import { attachImages } from './images.ts'
import { type CaseDraft, CONCERN_ADVICE, decideIntake, type Intake } from './intake-rules.ts'
import { openCase } from './open-case.ts'
import { FIRST_GENERATION, receiptOf } from './receipts.ts'

export type SubmittedCase = {
  theCase: CaseRow
  receipt: string
  advice: string | null
  guidance: string | null
}

/** How the contract's fields become a form, and what is wrong with a body by that form's schema. */
export type FormRules = { fields: CaseFields; problemsOf: (form: Form, body: CaseDraft) => Problem[] }

/**
 * Takes a new case, with its events, once per idempotency key, and notes who is to be told. Throws `validation_failed`
 * with every rule it breaks; what comes by a web page or an app is held against the very form that they are given.
 */
export async function submitCase(
  db: Db,
  client: ClientCaller,
  draft: CaseDraft,
  { key, now, forms }: { key: string | undefined; now: Date; forms: FormRules },
): Promise<SubmittedCase> {
  // Says nothing useful to a robot.
  if (draft.website !== undefined && draft.website !== '') throw new DomainError('submission_refused')

  const kept = await once(db, client, { key, operation: 'createCase', body: draft }, async (tx) => {
    const { accepted, intake } = await checkDraft(tx, client, draft, now, forms)
    const danger = dangerIn(draft.title, draft.text)
    const { id: caseId } = await openCase(tx, client, { by: client, draft, intake, accepted, danger, now })
    await attachImages(tx, client, caseId, draft.images ?? [])
    return { caseId, takenAsFeedback: intake.takenAsFeedback, danger }
  })
  const theCase = await caseById(db.pool, kept.caseId)
  const { reference } = theCase
  return {
    theCase,
    // A repeat gives the receipt of then; one that a case handler has given since is not for whoever had that.
    receipt: await receiptOf(db.pool, db.vault, { reference, receiptGeneration: FIRST_GENERATION }),
    advice: kept.takenAsFeedback ? CONCERN_ADVICE : null,
    guidance: guidanceFor(kept.danger),
  }
}

/** What the intake rules make of a draft, and every rule that it breaks; without a problem there is what is accepted. */
export async function judgeDraft(
  sql: Sql,
  client: ClientCaller,
  sent: CaseDraft,
  now: Date,
  forms: FormRules,
): Promise<{ accepted: Accepted | null; intake: Intake; problems: Problem[] }> {
  const acceptance = await loadAccepted(sql, sent.organisation, now)
  const draft = withoutServiceBefore(acceptance, sent)
  const { accepted, refused } = acceptance
  const { intake, problems } = decideIntake(client, draft, now)
  const wrong = [...(refused === null ? [] : [refused]), ...choiceProblems(acceptance, draft), ...problems]
  if (wrong.length > 0 || accepted === null || client.role === 'case_handler') {
    return { accepted, intake, problems: wrong }
  }
  const body = { ...draft, organisation: accepted.organisation.code }
  const unfit = forms.problemsOf(formFor(draft.kind, accepted, forms.fields, now), body)
  return { accepted, intake, problems: unfit }
}

async function checkDraft(
  sql: Sql,
  client: ClientCaller,
  draft: CaseDraft,
  now: Date,
  forms: FormRules,
): Promise<{ accepted: Accepted; intake: Intake }> {
  const { accepted, intake, problems } = await judgeDraft(sql, client, draft, now, forms)
  if (problems.length > 0 || accepted === null) throw invalid(...problems)
  return { accepted, intake }
}
