import { type Db, row, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type CaseRow, caseById, sealContact, sealOriginal } from './case-rows.ts'
import { DomainError, type FieldError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { type CaseDraft, CONCERN_ADVICE, decideIntake, type Intake, priorityOf } from './intake-rules.ts'
import { findOrganisationId } from './organisations.ts'
import { newReference } from './references.ts'

export type SubmittedCase = { theCase: CaseRow; advice: string | null }

/** Takes a new case, with its event, once per idempotency key; throws `validation_failed` with every rule it breaks. */
export async function submitCase(
  db: Db,
  client: ClientCaller,
  draft: CaseDraft,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SubmittedCase> {
  // Says nothing useful to a robot.
  if (draft.website !== undefined && draft.website !== '') throw new DomainError('submission_refused')

  const kept = await once(db, client, { key, operation: 'createCase', body: draft }, async (tx) => {
    const { intake, problems } = decideIntake(client, draft, now)
    const { place, category, serviceId, unknown } = await lookUp(tx, draft)
    if (problems.length > 0 || unknown.length > 0) throw invalid(...unknown, ...problems)
    const caseId = await insertCase(tx, client, draft, intake, { ...place, category, serviceId })
    return { caseId, takenAsFeedback: intake.takenAsFeedback }
  })
  return {
    theCase: await caseById(db.pool, kept.caseId),
    advice: kept.takenAsFeedback ? CONCERN_ADVICE : null,
  }
}

type Place = { organisationId: number; latitude: number | null; longitude: number | null }
type FoundCategory = { code: string; allowsHighPriority: boolean }
type Found = {
  place: Place
  category: FoundCategory
  serviceId: number | null
  unknown: Array<Omit<FieldError, 'in'>>
}

async function lookUp(tx: Tx, draft: CaseDraft): Promise<Found> {
  const unknown: Array<Omit<FieldError, 'in'>> = []
  const place = await placeFor(tx, draft.organisation)
  if (place === null) {
    unknown.push({
      pointer: '/organisation',
      code: 'unknown_organisation',
      detail: `No organisation that takes cases has the code "${draft.organisation}"; /v1/organisations?active=true lists them.`,
    })
  }
  const category = await row<FoundCategory>(
    tx,
    'select code, allows_high_priority as "allowsHighPriority" from categories where code = $1',
    [draft.category ?? 'other'],
    'find-category',
  )
  if (category === undefined) {
    unknown.push({
      pointer: '/category',
      code: 'unknown_category',
      detail: `There is no category "${draft.category}"; /v1/categories lists them.`,
    })
  }
  const serviceId =
    draft.service === undefined || place === null
      ? null
      : await serviceOf(tx, place.organisationId, draft.service)
  if (draft.service !== undefined && place !== null && serviceId === null) {
    unknown.push({
      pointer: '/service',
      code: 'unknown_service',
      detail: `The organisation has no service "${draft.service}"; its page lists them.`,
    })
  }
  return {
    place: place ?? { organisationId: 0, latitude: null, longitude: null },
    category: category ?? { code: '', allowsHighPriority: false },
    serviceId,
    unknown,
  }
}

// A case stands where its organisation is, or the nearest one above it that has a place; all of them must be active.
async function placeFor(tx: Tx, code: string): Promise<Place | null> {
  const organisationId = await findOrganisationId(tx, code)
  if (organisationId === null) return null
  const found = await row<Place & { takesCases: boolean }>(
    tx,
    `with recursive up as (
       select id, parent_id, active, kind, latitude, longitude, 0 as depth from organisations where id = $1
       union all
       select o.id, o.parent_id, o.active, o.kind, o.latitude, o.longitude, up.depth + 1 from organisations o join up on o.id = up.parent_id
     )
     select $1::int as "organisationId", bool_and(active) and bool_and(kind <> 'commissioner') as "takesCases",
            (array_agg(latitude order by depth) filter (where latitude is not null))[1] as latitude,
            (array_agg(longitude order by depth) filter (where longitude is not null))[1] as longitude
     from up`,
    [organisationId],
    'place-for-case',
  )
  if (!found?.takesCases) return null
  return { organisationId, latitude: found.latitude, longitude: found.longitude }
}

async function serviceOf(tx: Tx, organisationId: number, code: string): Promise<number | null> {
  const found = await row<{ id: number }>(
    tx,
    'select id from services where organisation_id = $1 and code = $2',
    [organisationId, code],
  )
  return found?.id ?? null
}

async function insertCase(
  tx: Tx,
  client: ClientCaller,
  draft: CaseDraft,
  intake: Intake,
  found: Place & { category: FoundCategory; serviceId: number | null },
): Promise<number> {
  const reference = newReference()
  const { name = null, email = null, phone = null } = draft.contact ?? {}
  const inserted = await row<{ id: number }>(
    tx,
    `insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, under_16, on_behalf,
       organisation_id, service_id, category_code, happening_now, priority, wants_response, original_sealed, contact_sealed,
       preferred_contact, visit_month, tags, latitude, longitude, pt, client_id, brand, reported_at)
     values (case_key(now()), $1, $2, $3, 'open', 'awaiting_moderation', $4, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,
       $15, $16, '{}', $17::float8, $18::float8, mercator($17::float8, $18::float8), $19, $20, now())
     returning id`,
    [
      reference,
      intake.kind,
      intake.channel,
      intake.privacy,
      draft.under16 ?? false,
      draft.onBehalf ?? false,
      found.organisationId,
      found.serviceId,
      found.category.code,
      draft.happeningNow ?? false,
      priorityOf(draft.happeningNow ?? false, found.category),
      intake.wantsResponse,
      sealOriginal(tx.vault, reference, { title: draft.title ?? null, text: draft.text }),
      sealContact(tx.vault, reference, { name, email, phone }),
      intake.preferredContact,
      draft.visitMonth ?? null,
      found.latitude,
      found.longitude,
      client.clientId,
      client.brand,
    ],
    'insert-case',
  )
  const { id } = inserted as { id: number }
  await recordEvents(tx, client, [
    {
      type: 'case.created',
      caseId: id,
      caseReference: reference,
      organisationId: found.organisationId,
      caseVersion: 1,
    },
  ])
  return id
}
