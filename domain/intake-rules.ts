import type { CaseKind, Channel, Commissioned, Priority, Privacy } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { privacyOf, roleChannels } from './case-rules.ts'
import type { Problem } from './errors.ts'
import type { CaseRating } from './instruments.ts'

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
  /** Where its reporter says it happened; see `placeGiven`. */
  position?: { latitude: number; longitude: number }
  ratings?: CaseRating[]
  /** Pictures that were uploaded before. */
  images?: string[]
  /** What a case handler has decided already. */
  moderation?: DraftModeration
  acceptsTerms?: boolean
  /** The honeypot: a person leaves it empty. */
  website?: string
}

export type DraftModeration = {
  commissioned: Commissioned
  action?: 'publish' | 'keep_private' | 'refer'
  moderatedTitle?: string
  moderatedText?: string
  reason?: string
  breach?: boolean
  urgent?: boolean
  priority?: Priority
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

/** What to tell a reporter whose concern was taken as feedback. */
export const CONCERN_ADVICE =
  'This was taken as feedback. To raise a concern that someone sorts out with you, use the web form or telephone us.'

/** The channels on which a concern can be sorted out with its reporter. */
export const concernChannels: readonly Channel[] = ['web', 'phone']

const VISIT_MONTHS = 24

/** The intake rules of design section 4 and of the original's section 1.1, without looking anything up. */
export function decideIntake(
  client: ClientCaller,
  draft: CaseDraft,
  now: Date,
): { intake: Intake; problems: Problem[] } {
  const channels = roleChannels[client.role] ?? []
  const channel = draft.channel ?? (channels[0] as Intake['channel'] | undefined) ?? 'web'
  const takenAsFeedback = draft.kind === 'concern' && !concernChannels.includes(channel)
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
    ...channelProblems(client, draft.channel, channels),
    ...contactProblems(kind, wantsResponse, contact),
    ...visitMonthProblems(draft.visitMonth, now),
    ...(channel === 'web' && draft.acceptsTerms !== true ? [TERMS] : []),
    ...(draft.ratings !== undefined && draft.kind !== 'feedback' ? [RATINGS] : []),
    ...moderationProblems(client, draft.moderation, intake.privacy),
  ]
  return { intake, problems }
}

/** High only when it is happening now and the category allows it; otherwise normal, silently. */
export function priorityOf(happeningNow: boolean, category: { allowsHighPriority: boolean }): Priority {
  return happeningNow && category.allowsHighPriority ? 'high' : 'normal'
}

/** The months that a visit may have been in, the latest first: this one, in London, and 24 before it. */
export function visitMonths(now: Date): string[] {
  const [year = 0, month = 0] = LONDON_MONTH.format(now).split('-').map(Number)
  return Array.from({ length: VISIT_MONTHS + 1 }, (_, back) =>
    new Date(Date.UTC(year, month - 1 - back, 1)).toISOString().slice(0, 7),
  )
}

const LONDON_MONTH = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'Europe/London',
  year: 'numeric',
  month: '2-digit',
})

const TERMS: Problem = {
  pointer: '/acceptsTerms',
  code: 'terms_not_accepted',
  detail: 'The reporter must accept the terms: true.',
}

const RATINGS: Problem = {
  pointer: '/ratings',
  code: 'ratings_not_for_kind',
  detail: 'Ratings come with feedback; leave them out, or send it as feedback.',
}

function channelProblems(
  { role }: ClientCaller,
  channel: Channel | undefined,
  allowed: readonly Channel[],
): Problem[] {
  if (channel === undefined) {
    if (role !== 'case_handler') return []
    return [
      { pointer: '/channel', code: 'missing', detail: `Say how it reached you: ${allowed.join(', ')}.` },
    ]
  }
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

function visitMonthProblems(visitMonth: string | undefined, now: Date): Problem[] {
  if (visitMonth === undefined || visitMonths(now).includes(visitMonth)) return []
  return [
    {
      pointer: '/visitMonth',
      code: 'visit_month_out_of_range',
      detail: `Between this month and ${VISIT_MONTHS} months ago.`,
    },
  ]
}

// A case handler has moderated what they send; nobody else can have.
function moderationProblems(
  { role }: ClientCaller,
  moderation: DraftModeration | undefined,
  privacy: Privacy,
): Problem[] {
  if (role !== 'case_handler') {
    if (moderation === undefined) return []
    const detail = 'Only a case handler sends a case with its moderation; leave it out.'
    return [{ pointer: '/moderation', code: 'moderation_not_allowed', detail }]
  }
  if (moderation === undefined) {
    const detail = 'Say what you have decided: commissioned at least, and what the public may read.'
    return [{ pointer: '/moderation', code: 'missing', detail }]
  }
  const action = moderation.action ?? 'publish'
  if (privacy === 'private') return []
  if (action === 'publish' && moderation.moderatedText === undefined) {
    return [
      {
        pointer: '/moderation/moderatedText',
        code: 'moderated_text_missing',
        detail: 'Its reporter wants it public: give the text that the public may read, or another action.',
      },
    ]
  }
  if (action !== 'keep_private' || moderation.reason !== undefined) return []
  const detail = 'Its reporter wants it public: say why it is kept private.'
  return [{ pointer: '/moderation/reason', code: 'missing', detail }]
}
