import { type CaseStatus, type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, holdCase } from './case-changes.ts'
import { formerAfterLeaving } from './case-place.ts'
import type { CaseRow } from './case-rows.ts'
import {
  type CaseChanges,
  changedFields,
  refuseFieldsOfOthers,
  type Values,
  valuesAfter,
} from './changed-values.ts'
import { hurryClocks, keepClocks } from './clocks.ts'
import { recordEvents, type Telling } from './events.ts'
import { hearsOfFeedback } from './feedback-notice.ts'
import { cancelReferral, moveStatus } from './move-status.ts'
import { endPause } from './pause-ends.ts'
import type { SeenCase } from './seen-case.ts'

/**
 * Triage, assignment and status. A change of nothing makes no version. A case that goes to another organisation leaves
 * its service, its assignee and a waiting referral behind. Throws `validation_failed` for a field that this caller may not
 * change, and `move_not_allowed`.
 */
export async function updateCase(
  db: Db,
  client: ClientCaller,
  reference: string,
  changes: CaseChanges,
  { version, now }: { version: number; now: Date },
): Promise<SeenCase> {
  const made = await inTransaction(db, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, 'updateCase')
    refuseFieldsOfOthers(relation, changes)
    const after = await valuesAfter(tx, theCase, changes, now)
    const fields = changedFields(theCase, after)
    const moves = changes.status !== undefined && changes.status !== theCase.status
    if (!moves && fields.length === 0) return { caseId: theCase.id, relation, version }

    await store(tx, theCase, after)
    const moved = moves ? await moveStatus(tx, theCase, relation, changes.status as CaseStatus, now) : null
    const tells = await followUp(tx, client, theCase, after, now)
    const event = { ...about(theCase), organisationId: after.place.organisationId, reason: changes.reason }
    await recordEvents(tx, client, [
      ...(fields.length > 0 ? [{ ...event, type: 'case.changed' as const, fields, tells }] : []),
      ...(moved === null ? [] : [{ ...moved, ...event }]),
    ])
    return { caseId: theCase.id, relation, version: version + 1 }
  })
  return changedCase(db, client, made.caseId, made)
}

async function store(tx: Tx, theCase: CaseRow, after: Values): Promise<void> {
  const { place, service } = after
  await rows(
    tx,
    `update cases set organisation_id = $2, latitude = case when place_given then latitude else $3::float8 end,
       longitude = case when place_given then longitude else $4::float8 end,
       pt = case when place_given then pt else mercator($3::float8, $4::float8) end, former_organisation_ids = $5, service_id = case when $15 then $6 else service_id end, assignee = $7,
       formal_complaint = $8, category_code = $9, priority = $10, urgent = $11, breach = $12, commissioned = $13,
       passed_on = $14, sorted = sorted or $16, version = version + 1, updated_at = now()
     where id = $1`,
    [
      theCase.id,
      place.organisationId,
      place.latitude,
      place.longitude,
      formerAfterLeaving(theCase, place.organisationId),
      service.id ?? null,
      after.assignee,
      after.formalComplaint,
      after.category,
      after.priority,
      after.urgent,
      after.breach,
      after.commissioned,
      after.passedOn,
      service.id !== undefined,
      theCase.organisationId !== place.organisationId ||
        service.id !== undefined ||
        theCase.category !== after.category,
    ],
    'update-case',
  )
}

// Returns who is to be told of the changed fields.
async function followUp(
  tx: Tx,
  client: ClientCaller,
  before: CaseRow,
  after: Values,
  now: Date,
): Promise<Telling[]> {
  const tells: Telling[] = []
  const once = before.version + 1
  const { organisationId } = after.place
  const moves = organisationId !== before.organisationId
  if (moves) {
    await cancelReferral(tx, before.id, now)
    await endPause(tx, client, before, 'moved', now)
    await keepClocks(tx, before.id)
  }
  if (after.urgent !== before.urgent) {
    await hurryClocks(tx, before.id, now)
    if (after.urgent) tells.push({ kind: 'urgent_for_on_call', once })
  }
  const arrives = before.kind === 'question' ? after.passedOn && (moves || !before.passedOn) : moves
  if (arrives && (before.kind !== 'feedback' || (await hearsOfFeedback(tx, organisationId)))) {
    tells.push({ kind: 'case_for_organisation', once })
  }
  return tells
}
