import { type Db, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller, ReporterCaller } from './callers.ts'
import { about, changedCase, holdCase, nextVersion } from './case-changes.ts'
import { type CaseRow, contactOf } from './case-rows.ts'
import { isClosed } from './case-rules.ts'
import { DomainError, invalid } from './errors.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { cancelExtension, extend } from './extension-state.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'
import { changeOwnCase, type ReporterEvent, requireAction } from './reporter-case.ts'
import type { SeenCase } from './seen-case.ts'
import { sealExtension } from './waiting-rows.ts'

/** How the reporter agrees: they are `asked` here, or have said so already, to whoever acts. */
export type Consent = 'asked' | 'phone' | 'email' | 'letter' | 'in_person'

export type ExtensionDraft = { workingDays: number; reason: string; consent: Consent }

/** All extensions of a case together may not be longer. */
const MOST_DAYS = 60

/**
 * Lets the answer to a case take longer by so many working days, once its reporter agrees. Whoever has the consent already
 * takes the place of a question that still waits. Throws `move_not_allowed` where no clock for an answer runs, and for a
 * second question while one waits; `validation_failed` for more days than a case may have, and for a reporter who is to be
 * asked and has no e-mail address.
 */
export async function createExtension(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: ExtensionDraft,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<SeenCase> {
  const operation = `createExtension ${parseReference(reference)}`
  const { caseId } = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'createExtension')
    requireClock(theCase)
    const asks = draft.consent === 'asked'
    if (asks) requireAskable(tx, theCase)
    else await cancelExtension(tx, theCase.id, now)
    await requireDaysLeft(tx, theCase.id, draft.workingDays)

    const made = await insertExtension(tx, client, theCase.id, draft, now)
    if (!asks) await extend(tx, theCase.id, draft.workingDays)
    await nextVersion(tx, theCase)
    await recordEvents(tx, client, [{ ...about(theCase), ...(asks ? askedEvent(made) : answered('agreed')) }])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

/**
 * The reporter agrees that the answer takes longer, or does not. Throws as `changeOwnCase` does, `already_answered` the
 * second time, and `move_not_allowed` where nothing waits for it.
 */
export async function answerExtension(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  { answer }: { answer: 'agreed' | 'declined' },
  { key, now }: { key: string | undefined; now: Date },
): Promise<SeenCase> {
  const operation = 'answerExtension'
  return changeOwnCase(db, reporter, reference, { key, operation, body: { answer } }, async (tx, theCase) => {
    const { extension } = theCase
    if (extension?.consent === 'asked' && ['agreed', 'declined'].includes(extension.state))
      throw new DomainError('already_answered')
    requireAction(theCase, 'answer_extension', 'Nobody asks you to agree that it takes longer.')
    const settled = await row<{ workingDays: number }>(
      tx,
      `update extensions set state = $2::extension_state, answered_at = $3 where case_id = $1 and state = 'waiting'
       returning working_days as "workingDays"`,
      [theCase.id, answer, now],
      'answer-extension',
    )
    if (settled === undefined) throw new Error('an extension that waits is not there')
    if (answer === 'agreed') await extend(tx, theCase.id, settled.workingDays)
    return answered(answer)
  })
}

function requireClock({ status, respondDueAt }: CaseRow): void {
  if (isClosed(status)) throw notAllowed(`The case is ${status}; nobody waits for an answer.`)
  if (respondDueAt === null) throw notAllowed('No clock for an answer runs that could run longer.')
}

function requireAskable(tx: Tx, theCase: CaseRow): void {
  if (theCase.extension?.state === 'waiting')
    throw notAllowed('Its reporter is asked already and has not answered yet.')
  if (contactOf(tx.vault, theCase)?.email) return
  throw invalid({
    pointer: '/consent',
    code: 'no_email',
    detail: 'Its reporter left no e-mail address to be asked at. Ask them by telephone, and say so: phone.',
  })
}

async function requireDaysLeft(tx: Tx, caseId: number, workingDays: number): Promise<void> {
  const had = await row<{ days: number }>(
    tx,
    `select coalesce(sum(working_days), 0)::int as days from extensions where case_id = $1 and state = 'agreed'`,
    [caseId],
    'extended-days',
  )
  const left = MOST_DAYS - (had?.days ?? 0)
  if (workingDays <= left) return
  throw invalid({
    pointer: '/workingDays',
    code: 'no_days_left',
    detail: `All extensions of a case are ${MOST_DAYS} working days at most; ${left} are left of this one's.`,
  })
}

async function insertExtension(
  tx: Tx,
  client: ClientCaller,
  caseId: number,
  { workingDays, reason, consent }: ExtensionDraft,
  now: Date,
): Promise<string> {
  const reference = newReference()
  const asks = consent === 'asked'
  await rows(
    tx,
    `insert into extensions (reference, case_id, working_days, reason_sealed, consent, state, client_id, acting_user, created_at, answered_at)
     values ($1, $2, $3, $4, $5, $6::extension_state, $7, $8, $9, $10)`,
    [
      reference,
      caseId,
      workingDays,
      sealExtension(tx.vault, reference, reason),
      consent,
      asks ? 'waiting' : 'agreed',
      client.clientId,
      client.actingUser,
      now,
      asks ? null : now,
    ],
    'add-extension',
  )
  return reference
}

function askedEvent(reference: string): Pick<NewEvent, 'type' | 'fields' | 'tells'> {
  const tells = [{ kind: 'extension_for_reporter', once: reference } as const]
  return { type: 'case.extension_asked', fields: ['extension'], tells }
}

function answered(answer: 'agreed' | 'declined'): ReporterEvent {
  const fields = answer === 'agreed' ? ['extension', 'dueAt'] : ['extension']
  return { type: 'case.extension_answered', reason: answer, fields }
}

function notAllowed(detail: string): DomainError {
  return new DomainError('move_not_allowed', { allowed: [], detail })
}
