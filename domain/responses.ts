import { type CaseStatus, type Db, type Publication, row, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, type HeldCase, holdCase, nextVersion } from './case-changes.ts'
import type { CaseRow, ResponseRow } from './case-rows.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { moveStatus } from './move-status.ts'
import { newReference, parseReference } from './references.ts'
import { tellsOfAnswer } from './response-moderation.ts'
import type { SeenCase } from './seen-case.ts'

export type ResponseDraft = { text: string; status?: CaseStatus }

/**
 * Answers a case and, with `status`, moves it in the same step. A provider answers for the case's organisation, whose
 * answers are moderated before or after the public sees them; a case handler for the central team. Throws
 * `move_not_allowed` with the statuses that are, and for a case that its reporter has withdrawn.
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
    const held = await holdCase(tx, client, reference, version, 'createResponse')
    refuseWithdrawn(held.theCase)
    const moves = draft.status !== undefined && draft.status !== held.theCase.status
    const event = moves
      ? await moveStatus(tx, held.theCase, held.relation, draft.status as CaseStatus, now)
      : undefined
    const added = await addResponse(tx, client, held, draft.text)
    await nextVersion(tx, held.theCase)
    const tells = added.publication === 'published' ? tellsOfAnswer(added.reference) : []
    await recordEvents(tx, client, [
      { ...about(held.theCase), type: 'response.created', fields: ['responses'], tells },
      ...(event === undefined ? [] : [event]),
    ])
    return { caseId: held.theCase.id, response: added.reference }
  })
  const seen = await changedCase(db, client, kept.caseId)
  const response = seen.theCase.responses.find((one) => one.reference === kept.response)
  if (response === undefined) throw new Error('a response that was added is not among those of its case')
  return { seen, response }
}

function refuseWithdrawn({ status }: CaseRow): void {
  if (status !== 'withdrawn') return
  const detail = 'Its reporter has withdrawn it; nothing is answered any more.'
  throw new DomainError('move_not_allowed', { allowed: [], detail })
}

type Added = { reference: string; publication: Publication }

// Where an organisation, one above it or one after it has its answers moderated before, they are for all below it.
async function addResponse(
  tx: Tx,
  client: ClientCaller,
  { theCase, relation }: HeldCase,
  text: string,
): Promise<Added> {
  const added = await row<Added>(
    tx,
    `with recursive up as (
       select id, parent_id, succeeded_by_id, response_moderation from organisations where id = $3::int
       union
       select o.id, o.parent_id, o.succeeded_by_id, o.response_moderation from organisations o
       join up on o.id in (up.parent_id, up.succeeded_by_id)
     )
     insert into responses (reference, case_id, organisation_id, text, publication, client_id, responded_at)
     values ($1, $2, $3, $4, case
         when exists (select from up where response_moderation = 'before') then 'awaiting_moderation'
         else 'published' end::publication, $5, now())
     returning reference, publication`,
    [
      newReference(),
      theCase.id,
      relation === 'provider' ? theCase.organisationId : null,
      text,
      client.clientId,
    ],
    'add-response',
  )
  return added as Added
}
