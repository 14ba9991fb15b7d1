import { type Db, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, type HeldCase, holdCase, nextVersion } from './case-changes.ts'
import { formerAfterLeaving, type Place, placeAt, placeFor } from './case-place.ts'
import type { CaseRow } from './case-rows.ts'
import { allowedStatuses, isClosed } from './case-rules.ts'
import { dueAfter, keepClocks } from './clocks.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { moveStatus } from './move-status.ts'
import { addNote } from './notes.ts'
import { endPause } from './pause-ends.ts'
import { parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'

export type ReferralDraft = { organisation: string; note?: string }
export type ReferralAnswer = { action: 'accept' | 'decline'; note?: string }

type Asked = { key: string | undefined; version: number; now: Date }

/**
 * Refers an open case to another organisation, where it is at once; whoever had it keeps reading it without contact
 * details. It waits to be accepted or declined, unless a provider passes it on among organisations of its own. Throws
 * `move_not_allowed` for a case that is closed, waits for an answer already, or is a question with the central team.
 */
export async function refer(
  db: Db,
  client: ClientCaller,
  reference: string,
  draft: ReferralDraft,
  { key, version, now }: Asked,
): Promise<SeenCase> {
  const operation = `createReferral ${parseReference(reference)}`
  const made = await once(db, client, { key, operation, body: draft }, async (tx) => {
    const held = await holdCase(tx, client, reference, version, 'createReferral')
    const { theCase, relation } = held
    refuseUnreferable(held)
    const place = await placeElsewhere(tx, theCase, draft.organisation, now)
    const ours = relation === 'provider' && client.organisationIds.includes(place.organisationId)
    await rows(
      tx,
      `insert into referrals (case_id, from_id, to_id, state, client_id, acting_user, created_at, due_at, answered_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        theCase.id,
        theCase.organisationId,
        place.organisationId,
        ours ? 'accepted' : 'waiting',
        client.clientId,
        client.actingUser,
        now,
        ours ? now : await dueAfter(tx, 'referral', now),
        ours ? now : null,
      ],
    )
    await endPause(tx, client, theCase, 'moved', now)
    await move(tx, theCase, place, formerAfterLeaving(theCase, place.organisationId))
    if (draft.note !== undefined) await addNote(tx, client, held, { text: draft.note, shared: true, now })
    const kind = ours ? 'case_for_organisation' : 'referral_for_organisation'
    const there = { ...theCase, organisationId: place.organisationId }
    const tells = [{ kind, once: theCase.version + 1 } as const]
    await recordEvents(tx, client, [
      { ...about(there), type: 'case.referred', fields: movedFields(theCase, draft.note), tells },
    ])
    return { caseId: theCase.id, relation, version: version + 1 }
  })
  return changedCase(db, client, made.caseId, { relation: 'former_provider', version: made.version })
}

/**
 * Takes a referred case, which acknowledges it, or sends it back to where it came from with the reason; whoever declines
 * has nothing to do with it any more. Throws `move_not_allowed` when no referral waits.
 */
export async function answerReferral(
  db: Db,
  client: ClientCaller,
  reference: string,
  answer: ReferralAnswer,
  { key, version, now }: Asked,
): Promise<SeenCase> {
  const operation = `answerReferral ${parseReference(reference)}`
  const made = await once(db, client, { key, operation, body: answer }, async (tx) => {
    const held = await holdCase(tx, client, reference, version, 'answerReferral')
    const fromId = await endReferral(tx, held.theCase, answer.action, now)
    if (answer.action === 'accept') await accept(tx, client, held, answer.note, now)
    else await decline(tx, client, held, { fromId, note: answer.note, now })
    return { caseId: held.theCase.id, version: version + 1 }
  })
  return changedCase(db, client, made.caseId, { relation: 'former_provider', version: made.version })
}

function refuseUnreferable({ theCase, relation }: HeldCase): void {
  if (isClosed(theCase.status)) {
    throw new DomainError('move_not_allowed', {
      allowed: allowedStatuses(theCase.kind, theCase.status, relation),
      detail: `The case is ${theCase.status}; reopen it before you refer it.`,
    })
  }
  if (theCase.referral?.state === 'waiting') {
    throw new DomainError('move_not_allowed', {
      allowed: [],
      detail: `It was referred to ${theCase.referral.to.code}, which has not answered yet.`,
    })
  }
  if (theCase.kind === 'question' && !theCase.passedOn) {
    throw new DomainError('move_not_allowed', {
      allowed: [],
      detail:
        'A question that was not passed on has no organisation yet to refer it; change its organisation.',
    })
  }
}

async function placeElsewhere(tx: Tx, theCase: CaseRow, organisation: string, now: Date): Promise<Place> {
  const found = await placeFor(tx, organisation, now)
  if (found.place === null) throw invalid(found.problem)
  const isThere = [found.namedId, found.place.organisationId].includes(theCase.organisationId)
  if (!isThere) return found.place
  const detail = `The case is with ${theCase.organisation.code} already; name another organisation.`
  throw invalid({ pointer: '/organisation', code: 'same_organisation', detail })
}

async function endReferral(
  tx: Tx,
  theCase: CaseRow,
  action: ReferralAnswer['action'],
  now: Date,
): Promise<number> {
  const ended = await row<{ fromId: number }>(
    tx,
    `update referrals set state = $2, answered_at = $3 where case_id = $1 and state = 'waiting' returning from_id as "fromId"`,
    [theCase.id, action === 'accept' ? 'accepted' : 'declined', now],
  )
  if (ended !== undefined) return ended.fromId
  throw new DomainError('move_not_allowed', {
    allowed: [],
    detail: 'No referral of this case waits for an answer.',
  })
}

async function accept(
  tx: Tx,
  client: ClientCaller,
  held: HeldCase,
  note: string | undefined,
  now: Date,
): Promise<void> {
  const { theCase, relation } = held
  await nextVersion(tx, theCase)
  const moved =
    theCase.status === 'open' ? await moveStatus(tx, theCase, relation, 'in_progress', now) : undefined
  await keepClocks(tx, theCase.id)
  if (note !== undefined) await addNote(tx, client, held, { text: note, shared: true, now })
  await recordEvents(tx, client, [
    { ...about(theCase), type: 'case.referral_accepted', fields: note === undefined ? [] : ['notes'] },
    ...(moved === undefined ? [] : [moved]),
  ])
}

async function decline(
  tx: Tx,
  client: ClientCaller,
  held: HeldCase,
  { fromId, note, now }: { fromId: number; note: string | undefined; now: Date },
): Promise<void> {
  if (note === undefined) {
    const detail = 'Say to the people it goes back to why you decline.'
    throw invalid({ pointer: '/note', code: 'note_missing', detail })
  }
  const { theCase } = held
  await addNote(tx, client, held, { text: note, shared: true, now })
  // Whoever declines is not among those who keep reading.
  const former = theCase.formerOrganisationIds.filter((id) => id !== fromId && id !== theCase.organisationId)
  await endPause(tx, client, theCase, 'moved', now)
  await move(tx, theCase, await placeAt(tx, fromId, now), former)
  const back = { ...theCase, organisationId: fromId }
  const tells = [{ kind: 'referral_for_organisation', once: theCase.version + 1 } as const]
  await recordEvents(tx, client, [
    { ...about(back), type: 'case.referral_declined', fields: movedFields(theCase, note), tells },
  ])
}

// A service and whoever works on a case belong to the organisation that it leaves.
async function move(tx: Tx, theCase: CaseRow, place: Place, former: readonly number[]): Promise<void> {
  await rows(
    tx,
    `update cases set organisation_id = $2, latitude = case when place_given then latitude else $3::float8 end,
       longitude = case when place_given then longitude else $4::float8 end,
       pt = case when place_given then pt else mercator($3::float8, $4::float8) end, former_organisation_ids = $5, service_id = null, assignee = null,
       sorted = true, version = version + 1, updated_at = now()
     where id = $1`,
    [theCase.id, place.organisationId, place.latitude, place.longitude, former],
  )
  await keepClocks(tx, theCase.id)
}

function movedFields({ service, assignee }: CaseRow, note: string | undefined): string[] {
  return [
    'organisation',
    ...(service === null ? [] : ['service']),
    ...(assignee === null ? [] : ['assignee']),
    ...(note === undefined ? [] : ['notes']),
  ]
}
