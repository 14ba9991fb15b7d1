import {
  type CaseKind,
  CaseKind as CaseKinds,
  type CaseStatus,
  type Channel,
  type Privacy,
  type Publication,
  type Role,
} from '../prisma/client.ts'
import {
  type DecisionAction,
  isClosed,
  publicationAfter,
  publicationMoves,
  publicView,
  type Relation,
  roleChannels,
  statusMoves,
} from './case-rules.ts'
import { concernChannels } from './intake-rules.ts'

/** A word of the contract with what to show for it. */
export type VocabularyEntry<C extends string = string> = { code: C; label: string; help: string | null }

export type StatusEntry = VocabularyEntry<CaseStatus> & {
  open: boolean
  moves: Array<{ to: CaseStatus; by: readonly Relation[]; kinds: readonly CaseKind[] }>
}

export type PublicationEntry = VocabularyEntry<Publication> & {
  publicSees: 'everything_moderated' | 'stub' | 'nothing'
  decisions: Array<{ action: DecisionAction; by: readonly Relation[]; to: Publication }>
}

export type ChannelEntry = VocabularyEntry<Channel> & { kinds: CaseKind[]; roles: Role[] }

export type ReasonEntry = VocabularyEntry & { of: 'decision' | 'edit' | 'objection' | 'reopening' }

type Words<C extends string> = Readonly<Record<C, readonly [label: string, help: string | null]>>

/** The kinds of case, with what each is for. */
export const kinds = entries<CaseKind>({
  concern: ['Concern', 'Something went wrong and wants sorting out.'],
  question: ['Question', 'Something that you would like to know.'],
  feedback: ['Feedback', 'A comment or a review, good or bad; with ratings if you like.'],
})

/** The levels of privacy, from the least to the most public. */
export const privacies = entries<Privacy>({
  private: ['Keep it private', 'Only the staff who deal with it read it.'],
  anonymous: [
    'Publish it without my name',
    'Everybody may read it once it has been checked, but not your name.',
  ],
  named: [
    'Publish it with my name',
    'Everybody may read it once it has been checked, with your name; never the name of somebody under 16.',
  ],
})

const statusWords: Words<CaseStatus> = {
  open: ['Open', 'Nobody has begun to work on it.'],
  in_progress: ['In progress', 'Somebody works on it.'],
  resolved: ['Closed: resolved', 'It is sorted out.'],
  unable_to_resolve: ['Closed: unable to resolve', 'It could not be sorted out.'],
  unable_to_contact: ['Closed: unable to contact', 'The person who told us could not be reached.'],
  referred_elsewhere: ['Closed: referred elsewhere', 'It went to a body that does not work here.'],
  no_action_needed: ['No action needed', 'It asks for nothing.'],
  withdrawn: ['Withdrawn', 'The person who told us has taken it back.'],
}

const publicationWords: Words<Publication> = {
  awaiting_moderation: ['Awaiting moderation', 'Nobody has decided yet what the public may read.'],
  awaiting_second_tier: ['With the second tier', 'Moderators of the second tier decide.'],
  published: ['Published', 'Everybody may read the moderated text.'],
  kept_private: ['Kept private', 'It is dealt with, but not published.'],
  rejected: ['Rejected', 'It is not fit to be published, and nowhere to be seen.'],
  removed: ['Removed', 'It was published and has been taken down.'],
}

const channelWords: Words<Channel> = {
  web: ['Web', 'A form on a web page, or an app.'],
  phone: ['Telephone', null],
  sms: ['Text message', null],
  email: ['E-mail', null],
  social: ['Social media', 'A post or message on a social network.'],
  feed: ['Feedback provider', 'It came from the site of another feedback provider.'],
}

const decisionReasons = {
  fit_to_publish: ['Fit to publish', null],
  edited_personal_data: [
    'Published without personal data',
    'Details by which somebody could be known were taken out.',
  ],
  edited_staff_name: ['Published without the name of staff', null],
  edited_other: ['Published with changes', null],
  reporter_asked: ['The reporter asked for it', null],
  identifies_somebody: ['Somebody could be known by it', null],
  names_staff: ['It names a member of staff', null],
  safeguarding: ['Safeguarding', 'Somebody may be at risk.'],
  threat: ['It threatens somebody', null],
  vexatious: ['Vexatious', 'It is meant to harass, not to tell about care.'],
  not_suitable: ['Not suitable', 'It breaks the terms.'],
  not_about_care: ['Not about care', null],
  duplicate: ['Told twice', 'The same is there already.'],
  second_opinion: ['A second opinion is needed', null],
  removal_undone: ['The removal was undone', null],
} as const satisfies Words<string>

const editReasons = {
  personal_data: ['Personal data', null],
  names_staff: ['The name of a member of staff', null],
  offensive: ['Offensive words', null],
  legal: ['Legal reasons', 'It could harm a case in court, or say something unlawful of somebody.'],
  typing_error: ['A typing error', null],
  other: ['Another reason', null],
} as const satisfies Words<string>

const objectionReasons = {
  personal_data: [
    'It holds personal data',
    'Somebody can be known by it. It is hidden until somebody has looked.',
  ],
  names_staff: ['It names a member of staff', 'It is hidden until somebody has looked.'],
  threat: ['It threatens somebody', 'It is hidden until somebody has looked.'],
  offensive: ['It is offensive', null],
  not_about_us: ['It is about another organisation', null],
  untrue: ['It is not true', null],
  vexatious: ['It is vexatious', 'It stays until a case handler has decided.'],
  other: ['Another reason', null],
} as const satisfies Words<string>

const reopeningReasons = {
  not_resolved: ['It is not resolved', null],
  disagree: ['I do not agree with the answer', null],
  happened_again: ['It has happened again', null],
  other: ['Another reason', null],
} as const satisfies Words<string>

// A case whose reporter wants it public, and that is no trial.
const PUBLIC = { privacy: 'anonymous', test: false } as const

/** The statuses, each with where a case may go from there, by whom, and of which kinds. */
export const statuses: readonly StatusEntry[] = entries(statusWords).map((entry) => ({
  ...entry,
  open: !isClosed(entry.code),
  moves: statusMoves[entry.code].flatMap(({ to, by, kinds: only }) =>
    to
      .filter((one) => one !== entry.code)
      .map((one) => ({ to: one, by, kinds: only ?? Object.values(CaseKinds) })),
  ),
}))

/** The states of publication, each with what everybody sees, and what may be decided there, by whom, to what end. */
export const publications: readonly PublicationEntry[] = entries(publicationWords).map((entry) => ({
  ...entry,
  publicSees: publicSees(entry.code),
  decisions: (
    Object.entries(publicationMoves[entry.code]) as Array<[DecisionAction, readonly Relation[]]>
  ).map(([action, by]) => ({ action, by, to: publicationAfter(action, PUBLIC) })),
}))

/** The channels, each with the kinds that it takes, and the roles that may name it for a new case. */
export const channels: readonly ChannelEntry[] = entries(channelWords).map((entry) => ({
  ...entry,
  kinds: kindsBy(entry.code),
  roles: (Object.entries(roleChannels) as Array<[Role, readonly Channel[]]>)
    .filter(([, named]) => named.includes(entry.code))
    .map(([role]) => role),
}))

/** The reason codes of decisions, edits of a text, objections and reopenings. */
export const reasons: readonly ReasonEntry[] = [
  ...entries(decisionReasons).map((entry) => ({ ...entry, of: 'decision' as const })),
  ...entries(editReasons).map((entry) => ({ ...entry, of: 'edit' as const })),
  ...entries(objectionReasons).map((entry) => ({ ...entry, of: 'objection' as const })),
  ...entries(reopeningReasons).map((entry) => ({ ...entry, of: 'reopening' as const })),
]

function publicSees(publication: Publication): PublicationEntry['publicSees'] {
  const view = publicView({ publication, privacy: 'anonymous' })
  if (view === 'public') return 'everything_moderated'
  return view === 'stub' ? 'stub' : 'nothing'
}

// What comes from a source is feedback unless the source says otherwise.
function kindsBy(channel: Channel): CaseKind[] {
  if (channel === 'feed') return ['feedback']
  return Object.values(CaseKinds).filter((kind) => kind !== 'concern' || concernChannels.includes(channel))
}

function entries<C extends string>(words: Words<C>): Array<VocabularyEntry<C>> {
  return (Object.entries(words) as Array<[C, readonly [string, string | null]]>).map(
    ([code, [label, help]]) => ({
      code,
      label,
      help,
    }),
  )
}
