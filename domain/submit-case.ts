import { type Db, row, type Sql, type Tx } from '../prisma/client.ts'
import { type Accepted, choiceProblems, loadAccepted } from './accepted.ts'
import type { ClientCaller } from './callers.ts'
import { type CaseRow, caseById, sealContact, sealOriginal } from './case-rows.ts'
import { startClocks } from './clocks.ts'
import { contactIndexes } from './contact-index.ts'
import { type DangerSign, dangerIn, guidanceFor } from './danger-signs.ts'
import { DomainError, invalid, type Problem } from './errors.ts'
import { recordEvents } from './events.ts'
import { hearsOfFeedback } from './feedback-notice.ts'
import { type CaseFields, type Form, formFor } from './forms.ts'
import { type Beginning, beginningOf, recordBeginning } from './handled-intake.ts'
import { once } from './idempotency.ts'
import { attachImages } from './images.ts'
import { itemRatings } from './instruments.ts'
import { type CaseDraft, CONCERN_ADVICE, decideIntake, type Intake, priorityOf } from './intake-rules.ts'
import { notify } from './notifications.ts'
import { FIRST_GENERATION, receiptOf } from './receipts.ts'
import { newReference } from './references.ts'

export type SubmittedCase = {
  theCase: CaseRow
  receipt: string
  advice: string | null
  guidance: string | null
}

/** How the contract's fields become a form, and what is wrong with a body by that form's schema. */
export type FormRules = { fields: CaseFields; problemsOf: (form: Form, body: CaseDraft) => Problem[] }

/**
 * Takes a new case, with its events, once per idempotency key, and notes who is to be told. Throws `validation_failed`
 * with every rule it breaks; what comes by a web page or an app is held against the very form that they are given.
 */
export async function submitCase(
  db: Db,
  client: ClientCaller,
  draft: CaseDraft,
  { key, now, forms }: { key: string | undefined; now: Date; forms: FormRules },
): Promise<SubmittedCase> {
  // Says nothing useful to a robot.
  if (draft.website !== undefined && draft.website !== '') throw new DomainError('submission_refused')

  const kept = await once(db, client, { key, operation: 'createCase', body: draft }, async (tx) => {
    const { accepted, intake } = await checkDraft(tx, client, draft, now, forms)
    const danger = dangerIn(draft.title, draft.text)
    const told = await insertCase(tx, client, { draft, intake, accepted, danger })
    const caseId = told.id
    await attachImages(tx, client, caseId, draft.images ?? [])
    await startClocks(tx, caseId, now)
    await tell(tx, told)
    return { caseId, takenAsFeedback: intake.takenAsFeedback, danger }
  })
  const theCase = await caseById(db.pool, kept.caseId)
  const { reference } = theCase
  return {
    theCase,
    // A repeat gives the receipt of then; one that a case handler has given since is not for whoever had that.
    receipt: await receiptOf(db.pool, db.vault, { reference, receiptGeneration: FIRST_GENERATION }),
    advice: kept.takenAsFeedback ? CONCERN_ADVICE : null,
    guidance: guidanceFor(kept.danger),
  }
}

async function checkDraft(
  sql: Sql,
  client: ClientCaller,
  draft: CaseDraft,
  now: Date,
  forms: FormRules,
): Promise<{ accepted: Accepted; intake: Intake }> {
  const acceptance = await loadAccepted(sql, draft.organisation, now)
  const { accepted, refused } = acceptance
  const { intake, problems } = decideIntake(client, draft, now)
  const wrong = [...(refused === null ? [] : [refused]), ...choiceProblems(acceptance, draft), ...problems]
  if (wrong.length > 0 || accepted === null) throw invalid(...wrong)

  if (client.role !== 'case_handler') {
    const body = { ...draft, organisation: accepted.organisation.code }
    const unfit = forms.problemsOf(formFor(draft.kind, accepted, forms.fields, now), body)
    if (unfit.length > 0) throw invalid(...unfit)
  }
  return { accepted, intake }
}

type Checked = { draft: CaseDraft; intake: Intake; accepted: Accepted; danger: readonly DangerSign[] }

async function insertCase(tx: Tx, client: ClientCaller, checked: Checked): Promise<Told> {
  const { draft, intake, accepted, danger } = checked
  const reference = newReference()
  const urgent = danger.length > 0 || draft.moderation?.urgent === true
  const beginning = beginningOf(draft, intake, { urgent, test: client.test })
  const inserted = await row<{ id: number }>(
    tx,
    `insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, under_16, on_behalf,
       organisation_id, service_id, category_code, happening_now, priority, wants_response, original_sealed, contact_sealed,
       preferred_contact, visit_month, tags, latitude, longitude, pt, client_id, brand, reported_at,
       urgent, test, breach, commissioned, ratings, moderated_title, moderated_text, public_name, decision_reason,
       email_index, phone_index)
     values (case_key(now()), $1, $2, $3, 'open', $4, $5, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
       $16, $17, '{}', $18::float8, $19::float8, mercator($18::float8, $19::float8), $20, $21, now(),
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
      accepted.organisation.place.latitude,
      accepted.organisation.place.longitude,
      client.clientId,
      client.brand,
      urgent,
      client.test,
      ...whatStaffSay(draft, beginning),
      ...(await indexesOf(tx, draft)),
    ],
    'insert-case',
  )
  const { id } = inserted as { id: number }
  await announce(tx, client, { id, reference, accepted, beginning })
  return {
    id,
    kind: intake.kind,
    organisationId: accepted.organisation.place.organisationId,
    test: client.test,
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
  client: ClientCaller,
  {
    id,
    reference,
    accepted,
    beginning,
  }: { id: number; reference: string; accepted: Accepted; beginning: Beginning },
): Promise<void> {
  const about = {
    caseId: id,
    caseReference: reference,
    organisationId: accepted.organisation.place.organisationId,
    caseVersion: 1,
  }
  const decided = await recordBeginning(tx, client, id, beginning)
  await recordEvents(tx, client, [
    { ...about, type: 'case.created' },
    ...(decided === null ? [] : [{ ...about, ...decided }]),
  ])
}

type Told = {
  id: number
  kind: Intake['kind']
  organisationId: number
  test: boolean
  urgent: boolean
  hasEmail: boolean
}

/** Who hears of a new case: design section 4, "Told at once". */
async function tell(tx: Tx, theCase: Told): Promise<void> {
  if (theCase.urgent) await notify(tx, theCase, 'urgent_for_on_call')
  if (
    theCase.kind === 'concern' ||
    (theCase.kind === 'feedback' && (await hearsOfFeedback(tx, theCase.organisationId)))
  ) {
    await notify(tx, theCase, 'case_for_organisation')
  }
  if (theCase.hasEmail) await notify(tx, theCase, 'receipt_for_reporter')
}
