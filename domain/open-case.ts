import { row, type Tx } from '../prisma/client.ts'
import type { Accepted } from './accepted.ts'
import { coarse } from './areas.ts'
import type { ClientCaller } from './callers.ts'
import { sealContact, sealOriginal } from './case-rows.ts'
import { isNews, startClocks } from './clocks.ts'
import { contactIndexes } from './contact-index.ts'
import type { DangerSign } from './danger-signs.ts'
import { recordEvents, type Telling } from './events.ts'
import { hearsOfFeedback } from './feedback-notice.ts'
import { type Beginning, beginningOf, recordBeginning } from './handled-intake.ts'
import { itemRatings } from './instruments.ts'
import { type CaseDraft, type Intake, priorityOf } from './intake-rules.ts'
import { newReference } from './references.ts'

/** Through whom a case comes. */
export type Sender = Pick<ClientCaller, 'brand' | 'test'> & { clientId: number | null }

/** A new case, by its key and its name. */
export type OpenedCase = { id: number; reference: string }

/** A draft that the rules have taken. */
export type AcceptedDraft = {
  /** Whoever asks now; nobody where a worker takes what had waited. */
  by: ClientCaller | null
  draft: CaseDraft
  intake: Intake
  accepted: Accepted
  danger: readonly DangerSign[]
  now: Date
  /** This moment if nothing is said. */
  reportedAt?: Date
}

/**
 * Opens a case in the caller's transaction, whatever way it came: with its events, its clocks, and a note of who is to
 * be told. One that was reported more than seven days ago tells nobody.
 */
export async function openCase(tx: Tx, sender: Sender, acceptedDraft: AcceptedDraft): Promise<OpenedCase> {
  const { now, reportedAt = now } = acceptedDraft
  const made = await insertCase(tx, sender, acceptedDraft)
  await announce(tx, acceptedDraft, made, isNews(reportedAt, now) ? await tellsOf(tx, made) : [])
  await startClocks(tx, made.id, now)
  const { id, reference } = made
  return { id, reference }
}

async function insertCase(tx: Tx, sender: Sender, acceptedDraft: AcceptedDraft): Promise<MadeCase> {
  const { draft, intake, accepted, danger, reportedAt = null } = acceptedDraft
  const reference = newReference()
  const urgent = danger.length > 0 || draft.moderation?.urgent === true
  const beginning = beginningOf(draft, intake, { urgent, test: sender.test })
  const given = draft.position && coarse(draft.position)
  const place = given ?? accepted.organisation.place
  const inserted = await row<{ id: number }>(
    tx,
    `insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, under_16, on_behalf,
       organisation_id, service_id, category_code, happening_now, priority, wants_response, original_sealed, contact_sealed,
       preferred_contact, visit_month, tags, latitude, longitude, pt, place_given, client_id, brand, reported_at,
       urgent, test, breach, commissioned, ratings, moderated_title, moderated_text, public_name, decision_reason,
       email_index, phone_index)
     values (case_key(coalesce($33::timestamptz, now())), $1, $2, $3, 'open', $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       $16, $17, '{}', $18::float8, $19::float8, mercator($18::float8, $19::float8), $34, $20, $21, coalesce($33::timestamptz, now()),
       $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32)
     returning id`,
    [
      reference,
      intake.kind,
      intake.channel,
      beginning.publication,
      intake.privacy,
      ...whatItIs(draft, intake, accepted),
      ...(await sealedParts(tx, reference, draft)),
      intake.preferredContact,
      draft.visitMonth ?? null,
      place.latitude,
      place.longitude,
      sender.clientId,
      sender.brand,
      urgent,
      sender.test,
      ...whatStaffSay(draft, beginning),
      ...(await indexesOf(tx, draft)),
      reportedAt,
      given !== undefined,
    ],
    'insert-case',
  )
  const { id } = inserted as { id: number }
  return {
    id,
    reference,
    kind: intake.kind,
    organisationId: accepted.organisation.place.organisationId,
    beginning,
    urgent,
    hasEmail: draft.contact?.email !== undefined,
  }
}

function whatItIs(draft: CaseDraft, intake: Intake, { organisation, services, categories }: Accepted) {
  const category = categories.find(({ code }) => code === (draft.category ?? 'other'))
  if (category === undefined) throw new Error('the store has no category "other"')
  const service = services.find(({ code }) => code === draft.service)
  const happeningNow = draft.happeningNow ?? false
  return [
    draft.under16 ?? false,
    draft.onBehalf ?? false,
    organisation.place.organisationId,
    service?.id ?? null,
    category.code,
    happeningNow,
    draft.moderation?.priority ?? priorityOf(happeningNow, category),
    intake.wantsResponse,
  ]
}

async function sealedParts(tx: Tx, reference: string, draft: CaseDraft): Promise<Array<string | null>> {
  const { name = null, email = null, phone = null } = draft.contact ?? {}
  return [
    sealOriginal(tx.vault, reference, { title: draft.title ?? null, text: draft.text }),
    sealContact(tx.vault, reference, { name, email, phone }),
  ]
}

function whatStaffSay({ moderation, ratings }: CaseDraft, beginning: Beginning) {
  return [
    moderation?.breach ?? false,
    moderation?.commissioned ?? null,
    JSON.stringify(itemRatings(ratings ?? [])),
    beginning.moderatedTitle,
    beginning.moderatedText,
    beginning.publicName,
    beginning.decision?.reason ?? null,
  ]
}

async function indexesOf(tx: Tx, { contact }: CaseDraft): Promise<Array<Buffer | null>> {
  const { email = null, phone = null } = contact ?? {}
  const { emailIndex, phoneIndex } = await contactIndexes(tx, tx.vault, { email, phone })
  return [emailIndex, phoneIndex]
}

async function announce(
  tx: Tx,
  { by }: AcceptedDraft,
  { id, reference, organisationId, beginning }: MadeCase,
  tells: readonly Telling[],
): Promise<void> {
  const about = { caseId: id, caseReference: reference, organisationId, caseVersion: 1 }
  const decided = await recordBeginning(tx, by, id, beginning)
  await recordEvents(tx, by, [
    { ...about, type: 'case.created', tells },
    ...(decided === null ? [] : [{ ...about, ...decided }]),
  ])
}

type MadeCase = OpenedCase & {
  kind: Intake['kind']
  organisationId: number
  beginning: Beginning
  urgent: boolean
  hasEmail: boolean
}

/** Who hears of a new case: design section 4, "Told at once". */
async function tellsOf(tx: Tx, { kind, organisationId, urgent, hasEmail }: MadeCase): Promise<Telling[]> {
  const forOrganisation =
    kind === 'concern' || (kind === 'feedback' && (await hearsOfFeedback(tx, organisationId)))
  return [
    ...(urgent ? [{ kind: 'urgent_for_on_call' } as const] : []),
    ...(forOrganisation ? [{ kind: 'case_for_organisation' } as const] : []),
    ...(hasEmail ? [{ kind: 'receipt_for_reporter' } as const] : []),
  ]
}
