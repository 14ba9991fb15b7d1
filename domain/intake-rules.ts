import type { CaseKind, Channel, Priority, Privacy } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { privacyOf, roleChannels } from './case-rules.ts'
import type { FieldError } from './errors.ts'

/** A case as a caller sends it. */
export type CaseDraft = {
  kind: CaseKind
  channel?: Exclude<Channel, 'feed'>
  organisation: string
  service?: string
  category?: string
  title?: string
  text: string
  happeningNow?: boolean
  wantsResponse?: boolean
  privacy?: Privacy
  under16?: boolean
  onBehalf?: boolean
  contact?: { name?: string; email?: string; phone?: string; preferred?: 'email' | 'phone' }
  visitMonth?: string
  acceptsTerms?: boolean
  /** The honeypot: a person leaves it empty. */
  website?: string
}

/** What the intake rules make of a draft. */
export type Intake = {
  kind: CaseKind
  channel: Exclude<Channel, 'feed'>
  privacy: Privacy
  wantsResponse: boolean
  preferredContact: 'email' | 'phone' | null
  /** The reporter asked for a concern on a channel that takes none: it became feedback. */
  takenAsFeedback: boolean
}

type Problem = Omit<FieldError, 'in'>

/** What to tell a reporter whose concern was taken as feedback. */
export const CONCERN_ADVICE =
  'This was taken as feedback. To raise a concern that someone sorts out with you, use the web form or telephone us.'

const VISIT_MONTHS = 24

/** The intake rules of design section 4 and of the original's section 1.1, without looking anything up. */
export function decideIntake(
  client: ClientCaller,
  draft: CaseDraft,
  now: Date,
): { intake: Intake; problems: Problem[] } {
  const channels = roleChannels[client.role] ?? []
  const channel = draft.channel ?? (channels[0] as Intake['channel'] | undefined) ?? 'web'
  const takenAsFeedback = draft.kind === 'concern' && !['web', 'phone'].includes(channel)
  const kind = takenAsFeedback ? 'feedback' : draft.kind
  const wantsResponse = draft.wantsResponse ?? kind !== 'feedback'
  const contact = draft.contact ?? {}

  const intake: Intake = {
    kind,
    channel,
    privacy: privacyOf(draft.privacy ?? 'private', draft.under16 ?? false),
    wantsResponse,
    preferredContact:
      contact.preferred ??
      (contact.email !== undefined ? 'email' : contact.phone !== undefined ? 'phone' : null),
    takenAsFeedback,
  }
  const problems = [
    ...channelProblems(channel, channels),
    ...contactProblems(kind, wantsResponse, contact),
    ...(draft.visitMonth === undefined ? [] : visitMonthProblems(draft.visitMonth, now)),
    ...(channel === 'web' && draft.acceptsTerms !== true ? [TERMS] : []),
  ]
  return { intake, problems }
}

/** High only when it is happening now and the category allows it; otherwise normal, silently. */
export function priorityOf(happeningNow: boolean, category: { allowsHighPriority: boolean }): Priority {
  return happeningNow && category.allowsHighPriority ? 'high' : 'normal'
}

const TERMS: Problem = {
  pointer: '/acceptsTerms',
  code: 'terms_not_accepted',
  detail: 'The reporter must accept the terms: true.',
}

function channelProblems(channel: Channel, allowed: readonly Channel[]): Problem[] {
  if (allowed.includes(channel)) return []
  return [
    {
      pointer: '/channel',
      code: 'channel_not_allowed',
      detail: `With this key a case comes by ${allowed.join(', ')}, or leave the channel out.`,
    },
  ]
}

function contactProblems(
  kind: CaseKind,
  wantsResponse: boolean,
  contact: NonNullable<CaseDraft['contact']>,
): Problem[] {
  const problems: Problem[] = []
  if (wantsResponse && contact.email === undefined && contact.phone === undefined) {
    problems.push({
      pointer: '/contact',
      code: 'contact_missing',
      detail:
        'Give an email or a phone, so that an answer can reach the reporter, or set wantsResponse to false.',
    })
  }
  if (wantsResponse && kind === 'concern' && contact.name === undefined) {
    problems.push({
      pointer: '/contact/name',
      code: 'name_missing',
      detail: 'A concern that wants a response needs a name.',
    })
  }
  if (contact.preferred !== undefined && contact[contact.preferred] === undefined) {
    problems.push({
      pointer: `/contact/${contact.preferred}`,
      code: 'preferred_contact_missing',
      detail: `The preferred way is ${contact.preferred}, but there is none; give it, or prefer the other.`,
    })
  }
  return problems
}

function visitMonthProblems(visitMonth: string, now: Date): Problem[] {
  const [year = 0, month = 0] = visitMonth.split('-').map(Number)
  const monthsBack = (now.getUTCFullYear() - year) * 12 + now.getUTCMonth() + 1 - month
  if (monthsBack >= 0 && monthsBack <= VISIT_MONTHS) return []
  return [
    {
      pointer: '/visitMonth',
      code: 'visit_month_out_of_range',
      detail: `Between this month and ${VISIT_MONTHS} months ago.`,
    },
  ]
}
