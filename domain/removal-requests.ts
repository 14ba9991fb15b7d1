import { type Db, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, holdCase, nextVersion } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { hidingReasons, removableOnRequest } from './case-rules.ts'
import { dueAfter, keepClocks } from './clocks.ts'
import { recordDecision } from './decisions.ts'
import { DomainError } from './errors.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { hide, isOrWasShown, showAgain } from './holds.ts'
import { once } from './idempotency.ts'
import { closeReports, findObjection, keepObjection, type Objection } from './objections.ts'
import { recordRecalls } from './recalls.ts'
import { parseReference } from './references.ts'

export type RemovalDraft = { reason: string; text: string }
export type RemovalDecision = { action: 'remove' | 'decline'; reason: string }

/**
 * Asks for the removal of a published case in the name of its organisation; some reasons hide it at once. Throws
 * `move_not_allowed` for a case that is not published, and for one whose removal the organisation has asked for already.
 */
export async function requestRemoval(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: RemovalDraft,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<Objection> {
  const operation = `createRemovalRequest ${parseReference(reference)}`
  const { request } = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'createRemovalRequest')
    await checkRequestable(tx, theCase)
    const { organisationId, heldUntil } = theCase
    const { reason, text } = draft
    const dueAt = await dueAfter(tx, 'removal_request', now)
    const objection = { kind: 'removal_request', organisationId, reason, text, dueAt } as const
    const kept = await keepObjection(tx, client, theCase, objection, now)
    const hides = heldUntil === null && hidingReasons.includes(reason) && !(await wasDeclined(tx, theCase))
    const hidden = hides ? [await hide(tx, theCase, await dueAfter(tx, 'report', now), reason)] : []
    await nextVersion(tx, theCase)
    await recordEvents(tx, client, [
      { ...about(theCase), type: 'removal_request.created', reason },
      ...hidden,
    ])
    return { request: kept }
  })
  return removalRequest(db, request)
}

/**
 * Decides on a removal request: takes its case from the public and tells the reporter, or leaves it and shows it again.
 * Throws `not_found` for an unknown one, `not_your_case` to whoever made it and as `holdCase` does, and
 * `move_not_allowed` for one that is decided.
 */
export async function decideRemoval(
  db: Db,
  client: ClientCaller,
  request: string,
  decision: RemovalDecision,
  { key, now }: { key: string | undefined; now: Date },
): Promise<Objection> {
  const reference = parseReference(request) ?? ''
  const operation = `decideRemoval ${reference}`
  await once(db, client, { key, operation, body: decision }, async (tx) => {
    const { caseReference } = await requestOn(tx, reference)
    const { theCase } = await holdCase(tx, client, caseReference, undefined, 'decideRemoval')
    await checkDecidable(tx, client, reference)
    const { action, reason } = decision
    await rows(
      tx,
      `update objections set state = $2::objection_state, decided_at = now(), decided_by = $3, decision_reason = $4
       where reference = $1`,
      [reference, action === 'remove' ? 'upheld' : 'declined', client.actingUser, reason],
    )
    const events =
      action === 'remove'
        ? await remove(tx, client, theCase, { reason, now })
        : await leave(tx, theCase, reason)
    await nextVersion(tx, theCase)
    await recordEvents(tx, client, [
      { ...about(theCase), type: 'removal_request.decided', reason },
      ...events,
    ])
    if (action === 'remove') await closeReports(tx, client, theCase, { upheld: true, reason })
    return { request: reference }
  })
  return removalRequest(db, reference)
}

async function checkRequestable(tx: Tx, theCase: CaseRow): Promise<void> {
  if (!isOrWasShown(theCase)) {
    throw new DomainError('move_not_allowed', {
      allowed: [],
      detail: 'Only what the public can read can be removed; this case is not published.',
    })
  }
  const open = await row(
    tx,
    `select 1 from objections where case_id = $1 and organisation_id = $2 and kind = 'removal_request' and state = 'open'`,
    [theCase.id, theCase.organisationId],
  )
  if (open !== undefined) {
    throw new DomainError('move_not_allowed', {
      allowed: [],
      detail: 'Its organisation has asked for this already; wait for the decision on that request.',
    })
  }
}

async function requestOn(tx: Tx, reference: string): Promise<{ caseReference: string }> {
  const found = await row<{ caseReference: string }>(
    tx,
    `select c.reference as "caseReference" from objections j join cases c on c.id = j.case_id
     where j.reference = $1 and j.kind = 'removal_request'`,
    [reference],
  )
  if (found === undefined) throw new DomainError('not_found')
  return found
}

// To be asked while the case is held: only then the answer stays true.
async function checkDecidable(tx: Tx, client: ClientCaller, reference: string): Promise<void> {
  const found = await row<{ state: string; actingUser: string | null }>(
    tx,
    'select state, acting_user as "actingUser" from objections where reference = $1',
    [reference],
  )
  if (found?.state !== 'open') {
    throw new DomainError('move_not_allowed', {
      allowed: [],
      detail: 'This request is decided. To change what became of it, decide on the case.',
    })
  }
  if (found.actingUser === client.actingUser) {
    throw new DomainError('not_your_case', {
      detail: 'You made this request yourself; somebody else must decide on it.',
    })
  }
}

async function remove(
  tx: Tx,
  client: ClientCaller,
  theCase: CaseRow,
  { reason, now }: { reason: string; now: Date },
): Promise<NewEvent[]> {
  if (theCase.publication === 'awaiting_second_tier') {
    throw new DomainError('move_not_allowed', {
      allowed: ['decline'],
      detail: 'The case is with the second tier, which decides whether it is published again.',
    })
  }
  // What a decision has taken from the public meanwhile stays as it was decided.
  if (!removableOnRequest.includes(theCase.publication)) return []
  await recordRecalls(tx, [theCase], { reason: 'removed', now })
  await rows(
    tx,
    `update cases set publication = 'removed', public_name = null, decision_reason = $2, held_until = null where id = $1`,
    [theCase.id, reason],
  )
  await recordDecision(tx, client, { caseId: theCase.id, action: 'remove', reason })
  await keepClocks(tx, theCase.id)
  const tells = [{ kind: 'removal_for_reporter', once: theCase.version + 1 } as const]
  return [{ ...about(theCase), type: 'case.removed', reason, fields: ['publication'], tells }]
}

// As long as something else wants it hidden, it stays so; its time ends by itself.
async function leave(tx: Tx, theCase: CaseRow, reason: string): Promise<NewEvent[]> {
  if (theCase.heldUntil === null || !isOrWasShown(theCase)) return []
  const other = await row(
    tx,
    `select 1 from objections where case_id = $1 and state = 'open' and reason = any($2::text[]) limit 1`,
    [theCase.id, hidingReasons],
  )
  return other === undefined ? [await showAgain(tx, theCase, reason)] : []
}

async function removalRequest(db: Db, reference: string): Promise<Objection> {
  const found = await findObjection(db, reference)
  if (found === undefined) throw new Error('a removal request that was kept is not there')
  return found
}

// Whose request for this case was declined asks again without hiding it: otherwise it could keep away for good, a day
// at a time, what somebody has judged fit.
async function wasDeclined(tx: Tx, { id, organisationId }: CaseRow): Promise<boolean> {
  const found = await row(
    tx,
    `select 1 from objections
     where case_id = $1 and organisation_id = $2 and kind = 'removal_request' and state = 'declined' limit 1`,
    [id, organisationId],
  )
  return found !== undefined
}
