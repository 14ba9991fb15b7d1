import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, holdCase, nextVersion } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { isClosed } from './case-rules.ts'
import { keepClocks } from './clocks.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { addMessage, requireReader } from './messages.ts'
import { endPause } from './pause-ends.ts'
import { parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'
import { addWorkingDays } from './working-days.ts'

export type PauseDraft = { text: string; workingDays?: number | undefined }

const USUAL_DAYS = 20

/**
 * Asks the reporter something, and lets the clock for the answer stand still until they write, for so many working days at
 * most (20 when nothing is said). Throws `move_not_allowed` where no such clock runs or it stands still already, and as
 * `sendMessage` does.
 */
export async function pause(
  db: Db,
  client: ClientCaller,
  reference: string,
  { text, workingDays = USUAL_DAYS }: PauseDraft,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<SeenCase> {
  const operation = `createPause ${parseReference(reference)}`
  const body = { text, workingDays }
  const { caseId } = await once(db, client, { key, operation, body }, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, 'createPause')
    requireReader(theCase)
    requireRunning(theCase)
    const author = relation === 'provider' ? 'provider' : 'central'
    const message = await addMessage(tx, theCase, { author, text, client })
    await stop(tx, client, theCase, { since: now, until: addWorkingDays(now, workingDays) })
    await nextVersion(tx, theCase)
    const tells = [{ kind: 'question_for_reporter', once: message } as const]
    await recordEvents(tx, client, [
      { ...about(theCase), type: 'message.created', fields: ['messages'], tells },
      { ...about(theCase), type: 'case.paused', fields: ['pause', 'dueAt'] },
    ])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

/** Lets the clock for the answer go on before the reporter has written; throws `move_not_allowed` where it does already. */
export async function resume(
  db: Db,
  client: ClientCaller,
  reference: string,
  { version, now }: { version: number; now: Date },
): Promise<SeenCase> {
  const caseId = await inTransaction(db, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'endPause')
    if (!(await endPause(tx, client, theCase, 'ended', now)))
      throw notAllowed('Its clock for the answer does not stand still.')
    await nextVersion(tx, theCase)
    return theCase.id
  })
  return changedCase(db, client, caseId)
}

function requireRunning({ status, respondDueAt, pause: running }: CaseRow): void {
  if (isClosed(status)) throw notAllowed(`The case is ${status}; nobody waits for an answer.`)
  if (respondDueAt === null) throw notAllowed('No clock for an answer runs that could stand still.')
  if (running !== null) throw notAllowed('Its clock for the answer stands still already.')
}

async function stop(
  tx: Tx,
  client: ClientCaller,
  theCase: CaseRow,
  { since, until }: { since: Date; until: Date },
): Promise<void> {
  await rows(
    tx,
    'insert into pauses (case_id, since, until, client_id, acting_user) values ($1, $2, $3, $4, $5)',
    [theCase.id, since, until, client.clientId, client.actingUser],
    'pause-case',
  )
  await rows(tx, 'update cases set paused_at = $2 where id = $1', [theCase.id, since], 'stop-clock')
  await keepClocks(tx, theCase.id)
}

function notAllowed(detail: string): DomainError {
  return new DomainError('move_not_allowed', { allowed: [], detail })
}
