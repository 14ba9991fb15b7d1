import { type Db, row, type Sql } from '../prisma/client.ts'
import { fillAddress } from './address-templates.ts'
import { type CaseRow, caseById, contactOf } from './case-rows.ts'
import { isClosed, takenBackReasons } from './case-rules.ts'
import { forDigestConfirmation, forQueryDigest } from './digest-mails.ts'
import { forCommissioner, forNationalContact } from './escalation-mails.ts'
import { digestOf } from './feedback-digest.ts'
import type { ClaimedNotification } from './notifications.ts'
import { addressOf, mailToOrganisation } from './organisation-mail.ts'
import { forPausedSubscription } from './subscription-notice.ts'
import { surveyOf, surveyToken } from './surveys.ts'

/** What a mail may say, by the names that its template uses: nothing that somebody wrote, and nobody's name. */
export type Facts = Readonly<Record<string, string | null>>

/** Why nobody is told after all. */
export type NobodyReason =
  | 'no_address'
  | 'same_address'
  | 'no_email'
  | 'no_on_call'
  | 'no_national_contact'
  | 'taken_up'
  | 'answered'
  | 'withdrawn'
  | 'moved'
  | 'not_passed_on'
  | 'not_by_web'
  | 'not_public_any_more'
  | 'no_response'
  | 'reopened'
  | 'no_survey'
  | 'no_feedback'
  | 'no_digest'
  | 'no_news'
  | 'resumed'

/** Whom a mail goes to and what it may say, or why to nobody; where a POST ends mails like it, that address. */
export type Addressee = { to: string; facts: Facts; unsubscribeUrl?: string } | { nobody: NobodyReason }

/** Who is told where no client or organisation says it, and where this service is. */
export type AddressBook = {
  onCall: string | null
  /** For escalated cases of care that is commissioned nationally. */
  nationalContact: string | null
  now: Date
  publicUrl: string
}

/** Whom to tell, and what, as things are now; what has been overtaken since it was noted is told to nobody. */
export async function addresseeOf(
  db: Db,
  notification: ClaimedNotification,
  { onCall, nationalContact, now, publicUrl }: AddressBook,
): Promise<Addressee> {
  if (notification.kind === 'feedback_digest') return forDigest(db, notification)
  if (notification.kind === 'subscription_paused') return forPausedSubscription(db, notification)
  if (notification.kind === 'digest_confirmation') return forDigestConfirmation(db, notification)
  if (notification.kind === 'query_digest') return forQueryDigest(db, notification, { now, publicUrl })
  const theCase = await caseById(db.pool, notification.caseId as number)
  switch (notification.kind) {
    case 'urgent_for_on_call':
      return onCall === null
        ? { nobody: 'no_on_call' }
        : { to: onCall, facts: { reference: theCase.reference } }
    case 'escalation_for_national_contact':
      return forNationalContact(notification, theCase, nationalContact)
    case 'escalation_for_commissioner':
      return forCommissioner(db.pool, notification, theCase)
    case 'case_for_organisation':
    case 'referral_for_organisation':
      return forOrganisation(db, notification, theCase)
    case 'receipt_for_reporter':
    case 'question_for_reporter':
    case 'response_for_reporter':
    case 'closing_for_reporter':
    case 'removal_for_reporter':
    case 'restoration_for_reporter':
    case 'survey_for_reporter':
    case 'extension_for_reporter':
      return forReporter(db, notification.kind, theCase, now)
  }
}

async function forDigest(db: Db, notification: ClaimedNotification): Promise<Addressee> {
  const { email, respondUrl, told } = await addressOf(db.pool, notification)
  if (typeof email !== 'string') return email
  if (told.id !== notification.organisationId) return { nobody: 'no_address' }
  if (told.feedbackNotice !== 'digest') return { nobody: 'no_digest' }
  const { count, references } = await digestOf(db.pool, notification, told.id)
  if (count === 0) return { nobody: 'no_feedback' }
  const more = count > references.length ? [`and ${count - references.length} more`] : []
  const lines = references.map((reference) => {
    const link = fillAddress(respondUrl, 'reference', reference)
    return link === null ? reference : `${reference}  ${link}`
  })
  return { to: email, facts: { count: String(count), references: [...lines, ...more].join('\n') } }
}

async function forOrganisation(
  db: Db,
  notification: ClaimedNotification,
  theCase: CaseRow,
): Promise<Addressee> {
  if (isTakenBack(theCase)) return { nobody: 'withdrawn' }
  if (theCase.kind === 'question' && !theCase.passedOn) return { nobody: 'not_passed_on' }
  if (theCase.organisationId !== notification.organisationId) return { nobody: 'moved' }
  return mailToOrganisation(db.pool, notification, theCase.reference)
}

type ReporterKind = Extract<ClaimedNotification['kind'], `${string}_for_reporter`>

// Whoever would rather be rung is written to as well, as long as they left an address: nobody else tells them.
async function forReporter(db: Db, kind: ReporterKind, theCase: CaseRow, now: Date): Promise<Addressee> {
  const overtaken = overtakenBy(kind, theCase)
  if (overtaken !== null) return { nobody: overtaken }
  const to = contactOf(db.vault, theCase)?.email ?? null
  if (to === null) return { nobody: 'no_email' }

  const { followUrl, surveyUrl } = await templatesOf(db.pool, theCase.clientId)
  const facts = {
    reference: theCase.reference,
    organisation: theCase.organisation.name,
    link: fillAddress(followUrl, 'reference', theCase.reference),
    public: theCase.privacy === 'private' ? null : 'yes',
  }
  if (kind !== 'survey_for_reporter') return { to, facts }
  const survey = await surveyOf(db.pool, theCase.id)
  if (survey === undefined || survey.answered || Date.parse(survey.expiresAt) <= now.getTime())
    return { nobody: 'no_survey' }
  const link = fillAddress(surveyUrl, 'token', await surveyToken(db.pool, db.vault, survey))
  return { to, facts: { ...facts, link } }
}

// What was taken down by others still has a reporter who waits for an answer; what they took back has none.
function overtakenBy(kind: ReporterKind, theCase: CaseRow): NobodyReason | null {
  if (kind === 'removal_for_reporter') return null
  if (isTakenBack(theCase)) return 'withdrawn'
  switch (kind) {
    case 'receipt_for_reporter':
      return theCase.channel === 'web' ? null : 'not_by_web'
    case 'response_for_reporter':
      return theCase.responses.some(({ publication }) => publication === 'published') ? null : 'no_response'
    case 'closing_for_reporter':
      return isClosed(theCase.status) ? null : 'reopened'
    case 'restoration_for_reporter':
      return theCase.publication === 'removed' ? 'not_public_any_more' : null
    case 'extension_for_reporter':
      return theCase.extension?.state === 'waiting' ? null : 'answered'
    case 'question_for_reporter':
    case 'survey_for_reporter':
      return null
  }
}

function isTakenBack({ status, publication, decisionReason }: CaseRow): boolean {
  const reason = decisionReason ?? ''
  return status === 'withdrawn' || (publication === 'removed' && takenBackReasons.includes(reason))
}

// A client that was revoked sends nobody anywhere any more.
async function templatesOf(
  sql: Sql,
  clientId: number | null,
): Promise<{ followUrl: string | null; surveyUrl: string | null }> {
  const found = await row<{ followUrl: string | null; surveyUrl: string | null }>(
    sql,
    `select follow_url as "followUrl", survey_url as "surveyUrl" from api_clients where id = $1 and revoked_at is null`,
    [clientId],
    'address-templates',
  )
  return found ?? { followUrl: null, surveyUrl: null }
}
