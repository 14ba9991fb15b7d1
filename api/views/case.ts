import type { CaseRow } from '../../domain/case-rows.ts'
import type { OpenedCase, SeenCase } from '../../domain/seen-case.ts'
import type { SubmittedCase } from '../../domain/submit-case.ts'
import type { Schemas } from '../contract/handler.ts'
import { attributionView } from './attribution.ts'
import { positionView } from './organisation.ts'
import { responsesIn, staffResponses } from './response.ts'

/** What every form must show. */
export const EMERGENCY_NOTICE =
  'Care Connect is not for emergencies. In an emergency dial 999; for urgent medical advice dial 111.'

/** The answer to a new case. */
export function createdCaseView(
  { theCase, advice }: SubmittedCase,
  publicUrl: string,
): Schemas['CreatedCase'] {
  return {
    reference: theCase.reference,
    url: urlOf(theCase, publicUrl),
    kind: theCase.kind,
    status: theCase.status,
    publication: theCase.publication,
    privacy: theCase.privacy,
    organisation: theCase.organisation,
    reportedAt: theCase.reportedAt,
    version: theCase.version,
    advice,
    notice: EMERGENCY_NOTICE,
  }
}

/** A case as whoever asked sees it; what everybody sees is built by the store (domain/public-cases.ts). */
export function seenCaseView(seen: SeenCase, publicUrl: string): Schemas['Case'] {
  switch (seen.view) {
    case 'staff':
      return staffCase(seen.theCase, seen.opened, publicUrl)
    case 'own':
      return ownCase(seen.theCase, publicUrl)
    case 'stub':
      return stub(seen.theCase, publicUrl)
    case 'public':
      throw new Error('the public view of a case is built by the store')
  }
}

/** A case as the people see it who work on it. */
export function staffCaseView(seen: SeenCase, publicUrl: string): Schemas['StaffCase'] {
  if (seen.view !== 'staff') throw new Error(`a ${seen.view} view is no staff view`)
  return staffCase(seen.theCase, seen.opened, publicUrl)
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

function staffCase(theCase: CaseRow, opened: OpenedCase, publicUrl: string): Schemas['StaffCase'] {
  return {
    view: 'staff',
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
    original: { title: opened.original.title, text: opened.original.text },
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
    responses: staffResponses(theCase.responses),
    allowedStatuses: opened.allowedStatuses,
    position: positionView(theCase.latitude, theCase.longitude),
  }
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
  }
}

function urlOf(theCase: CaseRow, publicUrl: string): string {
  return `${publicUrl}/v1/cases/${theCase.reference}`
}
