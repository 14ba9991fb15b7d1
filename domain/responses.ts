import { type CaseStatus, type Db, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { changedCase, type HeldCase, holdCase } from './case-changes.ts'
import type { CaseRow, ResponseRow } from './case-rows.ts'
import { allowedStatuses, timesAfterMove } from './case-rules.ts'
import { DomainError } from './errors.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { newReference, parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'

export type ResponseDraft = { text: string; status?: CaseStatus }

/**
 * Answers a case and, with `status`, moves it in the same step. A provider answers for the case's organisation, a case
 * handler for the central team. Throws `move_not_allowed` with the statuses that are.
 */
export async function respond(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: ResponseDraft,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<{ seen: SeenCase; response: ResponseRow }> {
  const operation = `createResponse ${parseReference(reference)}`
  const kept = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const held = await holdCase(tx, client, reference, version, ['provider', 'handler'])
    const moves = draft.status !== undefined && draft.status !== held.theCase.status
    const event = moves ? await moveTo(tx, held, draft.status as CaseStatus, now) : undefined
    const response = await addResponse(tx, client, held, draft.text)
    await rows(tx, 'update cases set version = version + 1, updated_at = now() where id = $1', [
      held.theCase.id,
    ])
    await recordEvents(tx, client, [
      { ...about(held.theCase), type: 'response.created', fields: ['responses'] },
      ...(event === undefined ? [] : [event]),
    ])
    return { caseId: held.theCase.id, response }
  })
  const seen = await changedCase(db, client, kept.caseId)
  const response = seen.theCase.responses.find((one) => one.reference === kept.response)
  if (response === undefined) throw new Error('a response that was added is not among those of its case')
  return { seen, response }
}

async function moveTo(tx: Tx, { theCase, relation }: HeldCase, to: CaseStatus, now: Date): Promise<NewEvent> {
  const allowed = allowedStatuses(theCase.kind, theCase.status, relation)
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
  return { ...about(theCase), type: 'case.status_changed', fields: ['status'] }
}

async function addResponse(
  tx: Tx,
  client: ClientCaller,
  { theCase, relation }: HeldCase,
  text: string,
): Promise<string> {
  const added = await row<{ reference: string }>(
    tx,
    `insert into responses (reference, case_id, organisation_id, text, publication, client_id, responded_at)
     values ($1, $2, $3, $4, 'published', $5, now()) returning reference`,
    [
      newReference(),
      theCase.id,
      relation === 'provider' ? theCase.organisationId : null,
      text,
      client.clientId,
    ],
    'add-response',
  )
  return (added as { reference: string }).reference
}

function about(theCase: CaseRow): Omit<NewEvent, 'type'> {
  return {
    caseId: theCase.id,
    caseReference: theCase.reference,
    organisationId: theCase.organisationId,
    caseVersion: theCase.version + 1,
  }
}
