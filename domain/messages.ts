import { type Db, type MessageAuthor, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller, ReporterCaller } from './callers.ts'
import { about, changedCase, holdCase, nextVersion } from './case-changes.ts'
import { type CaseRow, sealRemark } from './case-rows.ts'
import { watchForDanger } from './danger-watch.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { endPause } from './pause-ends.ts'
import { newReference, parseReference } from './references.ts'
import { changeOwnCase, requireAction } from './reporter-case.ts'
import type { SeenCase } from './seen-case.ts'

export type Addition = { text: string; answers?: string }

/** Adds something of the reporter's to their case, or answers a message of the staff. Throws as `changeOwnCase` does. */
export async function addToCase(
  db: Db,
  reporter: ReporterCaller,
  reference: string,
  addition: Addition,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SeenCase> {
  const operation = 'createAddition'
  return changeOwnCase(db, reporter, reference, { key, operation, body: addition }, async (tx, theCase) => {
    requireAction(theCase, 'add', 'You have withdrawn it; nothing is added any more.')
    const answersId =
      addition.answers === undefined ? null : await staffMessage(tx, theCase, addition.answers)
    await addMessage(tx, theCase, { author: 'reporter', text: addition.text, answersId })
    await endPause(tx, null, theCase, 'answered', now)
    const tells = await watchForDanger(tx, theCase, addition.text, now)
    return { type: 'message.created', fields: ['messages'], tells }
  })
}

/**
 * Asks or tells the reporter something, who is told that there is something to read. Throws `move_not_allowed` where
 * nobody would read it: the reporter has withdrawn the case, or it came from a source and has no reporter here.
 */
export async function sendMessage(
  db: Db,
  client: ClientCaller,
  reference: string,
  { text }: { text: string },
  { key, version }: { key: string | undefined; version: number },
): Promise<SeenCase> {
  const operation = `createMessage ${parseReference(reference)}`
  const { caseId } = await once(db, client, { key, operation, body: { text } }, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, 'createMessage')
    requireReader(theCase)
    const author = relation === 'provider' ? 'provider' : 'central'
    const message = await addMessage(tx, theCase, { author, text, answersId: null, client })
    await nextVersion(tx, theCase)
    const tells = [{ kind: 'question_for_reporter', once: message } as const]
    await recordEvents(tx, client, [
      { ...about(theCase), type: 'message.created', fields: ['messages'], tells },
    ])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

/** Adds a message to a held case, sealed under its own reference, and returns that. */
export async function addMessage(
  tx: Tx,
  theCase: CaseRow,
  message: { author: MessageAuthor; text: string; answersId?: number | null; client?: ClientCaller },
): Promise<string> {
  const reference = newReference()
  await rows(
    tx,
    `insert into messages (reference, case_id, author, answers_id, text_sealed, client_id, acting_user)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [
      reference,
      theCase.id,
      message.author,
      message.answersId ?? null,
      sealRemark(tx.vault, reference, message.text),
      message.client?.clientId ?? null,
      message.client?.actingUser ?? null,
    ],
    'add-message',
  )
  return reference
}

/** Throws `move_not_allowed` where no reporter would read a message. */
export function requireReader({ status, channel, anonymisedAt }: CaseRow): void {
  if (status !== 'withdrawn' && channel !== 'feed' && anonymisedAt === null) return
  throw new DomainError('move_not_allowed', {
    allowed: [],
    detail:
      anonymisedAt !== null
        ? 'It is anonymised: nobody is known any more who could read it.'
        : status === 'withdrawn'
          ? 'Its reporter has withdrawn it; they are asked nothing any more.'
          : 'It came from a source: nobody here has a receipt to read a message with. Answer it with a response.',
  })
}

async function staffMessage(tx: Tx, theCase: CaseRow, typed: string): Promise<number> {
  const found = await row<{ id: number }>(
    tx,
    `select id from messages where case_id = $1 and reference = $2 and author <> 'reporter'`,
    [theCase.id, parseReference(typed)],
    'staff-message',
  )
  if (found !== undefined) return found.id
  throw invalid({
    pointer: '/answers',
    code: 'unknown_message',
    detail: 'Staff have sent no such message about this case; the case lists their messages.',
  })
}
