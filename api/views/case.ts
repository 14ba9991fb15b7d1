import type { CaseRow, ImageRow } from '../../domain/case-rows.ts'
import type { OpenedCase, OpenedMessage, SeenCase } from '../../domain/seen-case.ts'
import type { SubmittedCase } from '../../domain/submit-case.ts'
import type { Schemas } from '../contract/handler.ts'
import { attributionView } from './attribution.ts'
import { escalationView } from './escalation.ts'
import { extensionView } from './extension.ts'
import { positionView } from './organisation.ts'
import { personalDataView } from './preview.ts'
import { responsesIn, staffResponses } from './response.ts'

/** The answer to a new case. */
export function createdCaseView(
  { theCase, receipt, advice, guidance }: SubmittedCase,
  publicUrl: string,
  notice: string,
): Schemas['CreatedCase'] {
  return {
    reference: theCase.reference,
    receipt,
    url: urlOf(theCase, publicUrl),
    kind: theCase.kind,
    status: theCase.status,
    publication: theCase.publication,
    privacy: theCase.privacy,
    organisation: theCase.organisation,
    reportedAt: theCase.reportedAt,
    version: theCase.version,
    advice,
    guidance,
    notice,
  }
}

/** A case as whoever asked sees it; what everybody sees is built by the store (domain/public-cases.ts). */
export function seenCaseView(seen: SeenCase, publicUrl: string, now: Date): Schemas['Case'] {
  switch (seen.view) {
    case 'staff':
      return staffCase(seen.theCase, seen.opened, publicUrl, now)
    case 'own':
      return ownCase(seen.theCase, publicUrl)
    case 'reporter':
      return reporterCaseView(seen, publicUrl)
    case 'stub':
      return stub(seen.theCase, publicUrl)
    case 'public':
      throw new Error('the public view of a case is built by the store')
  }
}

/** A case as the people see it who work on it. */
export function staffCaseView(seen: SeenCase, publicUrl: string, now: Date): Schemas['StaffCase'] {
  if (seen.view !== 'staff') throw new Error(`a ${seen.view} view is no staff view`)
  return staffCase(seen.theCase, seen.opened, publicUrl, now)
}

/** The week of a time, as ISO 8601 writes it: weeks begin on Monday and belong to the year of their Thursday. */
export function isoWeek(time: string): string {
  const day = new Date(time)
  const thursday = new Date(
    Date.UTC(day.getUTCFullYear(), day.getUTCMonth(), day.getUTCDate() - ((day.getUTCDay() + 6) % 7) + 3),
  )
  const firstOfYear = Date.UTC(thursday.getUTCFullYear(), 0, 1)
  const week = 1 + Math.floor((thursday.getTime() - firstOfYear) / (7 * 24 * 3600 * 1000))
  return `${thursday.getUTCFullYear()}-W${String(week).padStart(2, '0')}`
}

function staffCase(theCase: CaseRow, opened: OpenedCase, publicUrl: string, now: Date): Schemas['StaffCase'] {
  return {
    view: 'staff',
    pause: theCase.pause && { since: theCase.pause.since, until: theCase.pause.until },
    extension: opened.extension && extensionView(opened.extension),
    escalation: opened.escalation && escalationView(opened.escalation, theCase.reference, now),
    anonymisedAt: theCase.anonymisedAt,
    reference: theCase.reference,
    url: urlOf(theCase, publicUrl),
    kind: theCase.kind,
    channel: theCase.channel,
    status: theCase.status,
    publication: theCase.publication,
    privacy: theCase.privacy,
    privacyChosen: theCase.privacyChosen,
    under16: theCase.under16,
    onBehalf: theCase.onBehalf,
    priority: theCase.priority,
    happeningNow: theCase.happeningNow,
    wantsResponse: theCase.wantsResponse,
    category: theCase.category,
    organisation: theCase.organisation,
    service: theCase.service,
    original: originalView(opened.original),
    moderated:
      theCase.moderatedText === null ? null : { title: theCase.moderatedTitle, text: theCase.moderatedText },
    contact: opened.contact && {
      name: opened.contact.name,
      email: opened.contact.email,
      phone: opened.contact.phone,
      preferred: theCase.preferredContact,
    },
    decisionReason: theCase.decisionReason,
    visitMonth: theCase.visitMonth,
    language: theCase.language,
    tags: theCase.tags,
    ratings: theCase.ratings,
    brand: theCase.brand,
    source: attributionView(theCase.source),
    reportedAt: theCase.reportedAt,
    createdAt: theCase.createdAt,
    acknowledgedAt: theCase.acknowledgedAt,
    closedAt: theCase.closedAt,
    resolvedAt: theCase.resolvedAt,
    updatedAt: theCase.updatedAt,
    version: theCase.version,
    urgent: theCase.urgent,
    breach: theCase.breach,
    formalComplaint: theCase.formalComplaint,
    commissioned: theCase.commissioned,
    passedOn: theCase.passedOn,
    assignee: theCase.assignee,
    test: theCase.test,
    moderateDueAt: theCase.moderateDueAt,
    acknowledgeDueAt: theCase.acknowledgeDueAt,
    respondDueAt: theCase.respondDueAt,
    dueAt: theCase.dueAt,
    overdue: theCase.dueAt !== null && Date.parse(theCase.dueAt) < now.getTime(),
    heldUntil: theCase.heldUntil,
    minutesToAcknowledge: minutesBetween(theCase.reportedAt, theCase.acknowledgedAt),
    minutesToResolve: minutesBetween(theCase.reportedAt, theCase.resolvedAt),
    outcome: outcomeView(theCase),
    images: theCase.images.map((image) => ({
      ...imageView(theCase, image, publicUrl),
      hidden: image.hidden,
    })),
    messages: opened.messages.map(messageView),
    referral: theCase.referral && {
      from: theCase.referral.from,
      to: theCase.referral.to,
      state: theCase.referral.state,
      at: theCase.referral.createdAt,
      dueAt: theCase.referral.dueAt,
      answeredAt: theCase.referral.answeredAt,
    },
    claim: theCase.claim && { actingUser: theCase.claim.actingUser, until: theCase.claim.until },
    responses: staffResponses(theCase.responses),
    allowedStatuses: opened.allowedStatuses,
    allowedDecisions: opened.allowedDecisions,
    position: positionView(theCase.latitude, theCase.longitude),
    personalData: opened.personalData?.map(personalDataView) ?? null,
  }
}

/** A case as its reporter sees it who shows the receipt; `guidance` answers what they have just said. */
export function reporterCaseView(
  seen: SeenCase,
  publicUrl: string,
  guidance: string | null = null,
): Schemas['ReporterCase'] {
  if (seen.view !== 'reporter') throw new Error(`a ${seen.view} view is no reporter's view`)
  const { theCase, opened } = seen
  return {
    view: 'reporter',
    extension: opened.extension && extensionView(opened.extension),
    reference: theCase.reference,
    url: urlOf(theCase, publicUrl),
    kind: theCase.kind,
    channel: theCase.channel,
    status: theCase.status,
    publication: theCase.publication,
    privacy: theCase.privacy,
    category: theCase.category,
    organisation: theCase.organisation,
    service: theCase.service,
    original: originalView(opened.original),
    reportedAt: theCase.reportedAt,
    acknowledgedAt: theCase.acknowledgedAt,
    closedAt: theCase.closedAt,
    resolvedAt: theCase.resolvedAt,
    updatedAt: theCase.updatedAt,
    version: theCase.version,
    source: attributionView(theCase.source),
    responses: responsesIn(theCase.responses, 'reporter'),
    messages: opened.messages.map(messageView),
    images: theCase.images.map((image) => imageView(theCase, image, publicUrl)),
    outcome: outcomeView(theCase),
    allowedActions: opened.allowedActions,
    guidance,
  }
}

function originalView(original: OpenedCase['original']): Schemas['OriginalText'] {
  return { title: original?.title ?? null, text: original?.text ?? null }
}

function outcomeView({ outcomeAt, outcomeResolved, outcomeManner }: CaseRow): Schemas['Outcome'] | null {
  return outcomeAt === null ? null : { resolved: outcomeResolved, manner: outcomeManner, at: outcomeAt }
}

function messageView({ reference, author, answers, text, createdAt }: OpenedMessage): Schemas['Message'] {
  return { message: reference, author, answers, text, at: createdAt }
}

function imageView(theCase: CaseRow, image: ImageRow, publicUrl: string): Schemas['Image'] {
  return {
    image: image.token,
    url: `${urlOf(theCase, publicUrl)}/images/${image.token}`,
    mediaType: image.mediaType,
    width: image.width,
    height: image.height,
  }
}

function minutesBetween(from: string, to: string | null): number | null {
  return to === null ? null : Math.floor((Date.parse(to) - Date.parse(from)) / 60_000)
}

function ownCase(theCase: CaseRow, publicUrl: string): Schemas['OwnCase'] {
  return {
    view: 'own',
    reference: theCase.reference,
    url: urlOf(theCase, publicUrl),
    kind: theCase.kind,
    channel: theCase.channel,
    status: theCase.status,
    publication: theCase.publication,
    privacy: theCase.privacy,
    category: theCase.category,
    organisation: theCase.organisation,
    service: theCase.service,
    reportedAt: theCase.reportedAt,
    acknowledgedAt: theCase.acknowledgedAt,
    closedAt: theCase.closedAt,
    resolvedAt: theCase.resolvedAt,
    updatedAt: theCase.updatedAt,
    version: theCase.version,
    source: attributionView(theCase.source),
    responses: responsesIn(theCase.responses, 'own'),
  }
}

function stub(theCase: CaseRow, publicUrl: string): Schemas['CaseStub'] {
  return {
    view: 'stub',
    reference: theCase.reference,
    url: urlOf(theCase, publicUrl),
    withheld:
      theCase.publication === 'awaiting_moderation' && theCase.privacy !== 'private'
        ? 'awaiting_moderation'
        : 'private',
    organisation: theCase.organisation,
    status: theCase.status,
    reportedWeek: isoWeek(theCase.reportedAt),
    // The item's own page tells what is withheld here, or is not judged yet.
    source: attributionView(theCase.source && { ...theCase.source, link: theCase.siteUrl }),
  }
}

function urlOf(theCase: CaseRow, publicUrl: string): string {
  return `${publicUrl}/v1/cases/${theCase.reference}`
}
