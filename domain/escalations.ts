import { type Db, type EscalationState, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, holdCase, nextVersion } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { dueAfter } from './clocks.ts'
import { commissionersBehind, commissionersOf, primaryOf } from './commissioners.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents, type Telling } from './events.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'
import { type EscalationRow, openEscalation, sealEscalation } from './waiting-rows.ts'

export type EscalationDraft = { reason: string; text?: string | undefined }
export type EscalationAnswer = {
  answer: Exclude<EscalationState, 'waiting'>
  text?: string | undefined
}

type Asked = { key: string | undefined; version: number; now: Date }

/**
 * Escalates a case, which stays where it is: to the primary commissioner of its organisation, or of the nearest one above
 * it, when it is commissioned locally, to the national contact when nationally. They are told at once. Throws
 * `validation_failed` while nobody has said how it is commissioned, and `move_not_allowed` where an escalation is open
 * already, its reporter has withdrawn it, or nobody is there to escalate it to.
 */
export async function escalate(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: EscalationDraft,
  { key, version, now }: Asked,
): Promise<SeenCase> {
  const operation = `createEscalation ${parseReference(reference)}`
  const { caseId } = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'createEscalation')
    const toId = await whomTo(tx, theCase)
    const made = newReference()
    await rows(
      tx,
      `insert into escalations (reference, case_id, to_id, reason, text_sealed, client_id, acting_user, created_at, due_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        made,
        theCase.id,
        toId,
        draft.reason,
        sealEscalation(tx.vault, 'text', made, draft.text),
        client.clientId,
        client.actingUser,
        now,
        await dueAfter(tx, 'escalation', now),
      ],
      'add-escalation',
    )
    await nextVersion(tx, theCase)
    const event = { type: 'case.escalated', reason: draft.reason, fields: ['escalation'] } as const
    await recordEvents(tx, client, [{ ...about(theCase), ...event, tells: [tellingOf(toId, made)] }])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

/**
 * Takes an escalation up, or closes it, which takes it up too. The commissioner that it went to does; the central team does
 * where it went to the national contact, or the commissioner has nothing to do with the case any more. Throws
 * `move_not_allowed` to everybody else, and where none waits for it.
 */
export async function answerEscalation(
  db: Db,
  client: ClientCaller,
  reference: string,
  { answer, text }: EscalationAnswer,
  { key, version, now }: Asked,
): Promise<SeenCase> {
  const operation = `answerEscalation ${parseReference(reference)}`
  const { caseId } = await once(db, client, { key, operation, body: { answer, text } }, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'answerEscalation')
    const escalation = await requireTurn(tx, client, theCase, answer)
    await rows(
      tx,
      `update escalations set state = $2::escalation_state, acknowledged_at = coalesce(acknowledged_at, $3),
         resolved_at = case when $2::text = 'resolved' then $3::timestamptz end, answered_by = $4, answer_sealed = $5
       where reference = $1`,
      [escalation.reference, answer, now, client.actingUser, answersOf(tx, escalation, text)],
      'answer-escalation',
    )
    await nextVersion(tx, theCase)
    const event = { type: 'case.escalation_answered', reason: answer, fields: ['escalation'] } as const
    await recordEvents(tx, client, [{ ...about(theCase), ...event }])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

async function whomTo(tx: Tx, theCase: CaseRow): Promise<number | null> {
  const { commissioned, escalation, organisation, status } = theCase
  if (status === 'withdrawn') throw notAllowed('Its reporter has withdrawn it; nobody works on it any more.')
  if (escalation !== null && escalation.state !== 'resolved')
    throw notAllowed(`It is escalated already, to ${nameOf(escalation)}; wait until that is closed.`)
  if (commissioned === null) {
    throw invalid({
      pointer: '/commissioned',
      code: 'commissioned_missing',
      detail:
        'Nobody has said yet how this care is commissioned. Set commissioned with PATCH /v1/cases/{reference}.',
    })
  }
  if (commissioned === 'nationally') return null
  if (theCase.kind === 'question' && !theCase.passedOn)
    throw notAllowed(
      'A question that was not passed on is with the central team alone: no commissioner sees it.',
    )
  const primary = primaryOf(await commissionersOf(tx, theCase.organisationId))
  if (primary !== null) return primary
  throw notAllowed(
    `No primary commissioner is known of ${organisation.code}, nor of what it belongs to. Have an administrator name one.`,
  )
}

async function requireTurn(
  tx: Tx,
  client: ClientCaller,
  { escalation, organisationId }: CaseRow,
  answer: EscalationAnswer['answer'],
): Promise<EscalationRow> {
  if (escalation === null || escalation.state === 'resolved')
    throw notAllowed('No escalation of this case waits for an answer.')
  if (escalation.state === answer) throw notAllowed('It is taken up already.', ['resolved'])
  const { toId } = escalation
  const mine =
    client.role === 'commissioner'
      ? toId !== null && (await commissionersBehind(tx, client)).includes(toId)
      : toId === null || !(await commissionersOf(tx, organisationId)).some(({ id }) => id === toId)
  if (!mine) throw notAllowed(`It went to ${nameOf(escalation)}, whose answer it waits for.`)
  return escalation
}

// What was said when it was taken up stays beside what is said in the end.
function answersOf(tx: Tx, escalation: EscalationRow, text: string | undefined): string | null {
  const { answer } = openEscalation(tx.vault, escalation, true)
  if (text === undefined) return escalation.answerSealed
  return sealEscalation(tx.vault, 'answer', escalation.reference, [answer, text].filter(Boolean).join('\n\n'))
}

function tellingOf(toId: number | null, once: string): Telling {
  if (toId === null) return { kind: 'escalation_for_national_contact', once }
  return { kind: 'escalation_for_commissioner', once, organisationId: toId }
}

function nameOf({ to }: EscalationRow): string {
  return to === null ? 'the national contact' : to.code
}

function notAllowed(detail: string, allowed: readonly string[] = []): DomainError {
  return new DomainError('move_not_allowed', { allowed, detail })
}
