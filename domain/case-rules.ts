import type {
  CaseKind,
  CaseStatus,
  Channel,
  ExtensionState,
  Privacy,
  Publication,
  Role,
} from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'

/** How a caller stands to a case; what they may do and see follows from it. */
export type Relation =
  | 'none'
  | 'reporter'
  | 'origin'
  | 'handler'
  | 'second_tier'
  | 'provider'
  | 'former_provider'
  | 'commissioner'

/** What a caller sees of a case. */
export type CaseView = 'hidden' | 'stub' | 'public' | 'own' | 'reporter' | 'staff' | 'staff_without_contact'

/**
 * Who may do what to a case, by how they stand to it: the only place that decides. The contract's scopes say besides
 * which roles may call the operation at all, and the tables of moves what the state of the case allows.
 */
export const casePermissions = {
  createDecision: ['handler', 'second_tier'],
  createClaim: ['handler', 'second_tier'],
  createResponseDecision: ['handler'],
  createResponse: ['handler', 'provider'],
  listCaseTemplates: ['handler', 'provider'],
  updateCase: ['handler', 'provider'],
  createReferral: ['handler', 'provider'],
  answerReferral: ['provider'],
  createNote: ['handler', 'provider', 'second_tier'],
  listNotes: ['handler', 'provider', 'second_tier'],
  createMessage: ['handler', 'provider'],
  createPause: ['handler', 'provider'],
  endPause: ['handler', 'provider'],
  createExtension: ['handler', 'provider'],
  createEscalation: ['handler'],
  // Whose turn it is, of these two, the escalation itself says.
  answerEscalation: ['handler', 'commissioner'],
  createRemovalRequest: ['provider'],
  decideRemoval: ['handler'],
  renewReceipt: ['handler'],
  listCaseEvents: ['handler', 'second_tier', 'provider', 'former_provider', 'commissioner'],
  listFullDecisions: ['handler', 'second_tier', 'provider', 'former_provider', 'commissioner'],
  createAddition: ['reporter'],
  createWithdrawal: ['reporter'],
  createReopening: ['reporter'],
  createOutcome: ['reporter'],
  answerExtension: ['reporter'],
} as const satisfies Readonly<Record<string, readonly Relation[]>>

export type CaseAction = keyof typeof casePermissions

/** Which fields of a case may be changed by whom; everything else changes by an operation of its own. */
export const updatableBy = {
  status: ['handler', 'provider'],
  assignee: ['handler', 'provider'],
  formalComplaint: ['handler', 'provider'],
  service: ['handler', 'provider'],
  organisation: ['handler'],
  passedOn: ['handler'],
  category: ['handler'],
  priority: ['handler'],
  urgent: ['handler'],
  breach: ['handler'],
  commissioned: ['handler'],
} as const satisfies Readonly<Record<string, readonly Relation[]>>

export const openStatuses = ['open', 'in_progress'] as const satisfies readonly CaseStatus[]
export const closedStatuses = [
  'resolved',
  'unable_to_resolve',
  'unable_to_contact',
  'referred_elsewhere',
  'no_action_needed',
  'withdrawn',
] as const satisfies readonly CaseStatus[]

/** What a reporter is asked about (domain/surveys.ts): the work ended here. */
export const surveyedStatuses: readonly CaseStatus[] = ['resolved', 'unable_to_resolve', 'unable_to_contact']

type StatusMove = {
  to: readonly CaseStatus[]
  by: readonly Relation[]
  /** Only cases of these kinds; all when absent. */
  kinds?: readonly CaseKind[]
}

const work: StatusMove = {
  to: ['in_progress', 'resolved', 'unable_to_resolve', 'unable_to_contact', 'referred_elsewhere'],
  by: ['provider', 'handler'],
}
const nothingToDo: StatusMove = { to: ['no_action_needed'], by: ['provider', 'handler'], kinds: ['feedback'] }
// Consent may be withdrawn at any time, also when the work is done.
const withdraw: StatusMove = { to: ['withdrawn'], by: ['reporter'] }
const reopen: StatusMove = { to: ['open', 'in_progress'], by: ['provider', 'handler', 'reporter'] }

/** The only place that decides where the work on a case may go: from each status, where to, by whom. */
export const statusMoves: Readonly<Record<CaseStatus, readonly StatusMove[]>> = {
  open: [work, nothingToDo, withdraw],
  in_progress: [work, nothingToDo, withdraw],
  resolved: [reopen, withdraw],
  unable_to_resolve: [reopen, withdraw],
  unable_to_contact: [reopen, withdraw],
  referred_elsewhere: [reopen, withdraw],
  no_action_needed: [reopen, withdraw],
  withdrawn: [],
}

export type DecisionAction = 'publish' | 'keep_private' | 'refer' | 'reject' | 'remove'

/** The only place that decides what a moderation decision may do: from each state of publication, which actions by whom. */
export const publicationMoves: Readonly<
  Record<Publication, Readonly<Partial<Record<DecisionAction, readonly Relation[]>>>>
> = {
  awaiting_moderation: {
    publish: ['handler'],
    keep_private: ['handler'],
    refer: ['handler'],
    reject: ['handler'],
  },
  awaiting_second_tier: { publish: ['second_tier'], keep_private: ['second_tier'], reject: ['second_tier'] },
  published: { publish: ['handler'], keep_private: ['handler'], refer: ['handler'], remove: ['handler'] },
  kept_private: { publish: ['handler'], keep_private: ['handler'], refer: ['handler'], remove: ['handler'] },
  rejected: { publish: ['handler'], keep_private: ['handler'] },
  removed: { publish: ['handler'], keep_private: ['handler'] },
}

/** For these an objection hides a text before anybody has decided: waiting would do the harm that is named. */
export const hidingReasons: readonly string[] = ['personal_data', 'names_staff', 'threat']

/** From where a removal request that is granted takes a case to `removed`: what it has hidden waits for moderation. */
export const removableOnRequest: readonly Publication[] = ['published', 'awaiting_moderation']

export type ResponseAction = 'publish' | 'reject' | 'remove'

/** The only place that decides what becomes of an answer in public; to publish a published one is to edit it. */
const responseMoves: Readonly<
  Record<Publication, Readonly<Partial<Record<ResponseAction, readonly Relation[]>>>>
> = {
  awaiting_moderation: { publish: ['handler'], reject: ['handler'] },
  awaiting_second_tier: {},
  published: { publish: ['handler'], remove: ['handler'] },
  kept_private: { publish: ['handler'] },
  rejected: { publish: ['handler'] },
  removed: { publish: ['handler'] },
}

/** Reasons of a removal that nobody here undoes: whoever wrote it has taken it back, or nothing of it is left. */
export const takenBackReasons: readonly string[] = ['withdrawn_by_reporter', 'removed_by_source', 'erased']

/** Which channels a role may name for a new case; the first one is taken when none is named. */
export const roleChannels: Readonly<Partial<Record<Role, readonly Channel[]>>> = {
  form: ['web'],
  integrator: ['web'],
  case_handler: ['phone', 'sms', 'email', 'social', 'web'],
}

/** Where `relation` may move a case of this kind and status now; never to where it is. */
export function allowedStatuses(kind: CaseKind, from: CaseStatus, relation: Relation): CaseStatus[] {
  return statusMoves[from]
    .filter((move) => move.by.includes(relation) && (move.kinds === undefined || move.kinds.includes(kind)))
    .flatMap((move) => move.to)
    .filter((to) => to !== from)
}

/** Where `relation` may move this case now; nowhere what was erased. */
export function statusesNow(
  theCase: { kind: CaseKind; status: CaseStatus; decisionReason: string | null },
  relation: Relation,
): CaseStatus[] {
  return theCase.decisionReason === 'erased' ? [] : allowedStatuses(theCase.kind, theCase.status, relation)
}

export type CaseTimes = { acknowledgedAt: string | null; closedAt: string | null; resolvedAt: string | null }

/** The times that a move to `to` sets; each is set once and stays as history when the case reopens. */
export function timesAfterMove(times: CaseTimes, to: CaseStatus, now: string): CaseTimes {
  const closes = isClosed(to)
  return {
    acknowledgedAt: times.acknowledgedAt ?? (to === 'in_progress' || closes ? now : null),
    closedAt: times.closedAt ?? (closes ? now : null),
    resolvedAt: times.resolvedAt ?? (to === 'resolved' ? now : null),
  }
}

/** Whether no more work is expected. */
export function isClosed(status: CaseStatus): boolean {
  return (closedStatuses as readonly CaseStatus[]).includes(status)
}

/** What decides how a caller stands to a case. */
export type Belonging = {
  kind: CaseKind
  publication: Publication
  clientId: number | null
  organisationId: number
  formerOrganisationIds: readonly number[]
  passedOn: boolean
  test: boolean
}

/** How a client or the public stands to a case; a reporter shows their receipt instead (domain/receipts.ts). */
export function relationTo(caller: Caller, theCase: Belonging): Relation {
  if (!mayRelate(caller)) return 'none'
  if (caller.role === 'integrator') return caller.clientId === theCase.clientId ? 'origin' : 'none'
  // What is tried out stays among those who try.
  if (caller.test !== theCase.test) return 'none'
  switch (caller.role) {
    case 'case_handler':
      return 'handler'
    case 'second_tier':
      return theCase.publication === 'awaiting_second_tier' ? 'second_tier' : 'none'
    case 'provider':
    case 'commissioner': {
      // A question stays with the central team until it is passed on.
      if (theCase.kind === 'question' && !theCase.passedOn) return 'none'
      if (caller.organisationIds.includes(theCase.organisationId)) return caller.role
      const had = theCase.formerOrganisationIds.some((id) => caller.organisationIds.includes(id))
      return had && caller.role === 'provider' ? 'former_provider' : 'none'
    }
    case 'form':
    case 'feed_provider':
    case 'supplier':
    case 'administrator':
      return 'none'
  }
}

/** Whether any case at all can be more to a caller than it is to everybody. */
export function mayRelate(caller: Caller): caller is ClientCaller {
  return caller.kind === 'client' && caller.scopes.includes('cases:read') && RELATES[caller.role]
}

const RELATES: Readonly<Record<Role, boolean>> = {
  integrator: true,
  case_handler: true,
  second_tier: true,
  provider: true,
  commissioner: true,
  form: false,
  feed_provider: false,
  supplier: false,
  administrator: false,
}

/** What somebody who stands so to a case sees of it. */
export function viewFor(
  relation: Relation,
  theCase: { publication: Publication; privacy: Privacy },
): CaseView {
  switch (relation) {
    case 'handler':
    case 'provider':
      return 'staff'
    case 'second_tier':
    case 'former_provider':
    case 'commissioner':
      return 'staff_without_contact'
    case 'origin':
      return 'own'
    case 'reporter':
      return 'reporter'
    case 'none':
      return publicView(theCase)
  }
}

/** What everybody sees of a case (design section 4). */
export function publicView({
  publication,
  privacy,
}: {
  publication: Publication
  privacy: Privacy
}): CaseView {
  switch (publication) {
    case 'published':
      return privacy === 'private' ? 'stub' : 'public'
    case 'awaiting_moderation':
    case 'kept_private':
      return 'stub'
    case 'awaiting_second_tier':
    case 'rejected':
    case 'removed':
      return 'hidden'
  }
}

/** What a decision makes of a case: what its reporter wants private, or what is only tried out, never goes out. */
export function publicationAfter(
  action: DecisionAction,
  { privacy, test }: { privacy: Privacy; test: boolean },
): Publication {
  switch (action) {
    case 'publish':
      return privacy === 'private' || test ? 'kept_private' : 'published'
    case 'keep_private':
      return 'kept_private'
    case 'refer':
      return 'awaiting_second_tier'
    case 'reject':
      return 'rejected'
    case 'remove':
      return 'removed'
  }
}

/** The privacy that is kept of what the reporter asked for: an under-16 is never named. */
export function privacyOf(chosen: Privacy, under16: boolean): Privacy {
  return under16 && chosen === 'named' ? 'anonymous' : chosen
}

/** What decides about a case depends on; of one that is anonymised there may be no text left to judge. */
export type Decidable = {
  publication: Publication
  status: CaseStatus
  decisionReason: string | null
  anonymisedAt?: string | null
  moderatedText?: string | null
}

/** What `relation` may decide about a case now. What its reporter or its source has taken back stays away. */
export function allowedDecisions(theCase: Decidable, relation: Relation): DecisionAction[] {
  const takenBack =
    theCase.publication === 'removed' && takenBackReasons.includes(theCase.decisionReason ?? '')
  if (takenBack || theCase.status === 'withdrawn') return []
  const moves = Object.entries(publicationMoves[theCase.publication]) as [
    DecisionAction,
    readonly Relation[],
  ][]
  const nothingLeft = typeof theCase.anonymisedAt === 'string' && theCase.moderatedText === null
  return moves
    .filter(([action, by]) => by.includes(relation) && !(nothingLeft && needsText.includes(action)))
    .map(([action]) => action)
}

const needsText: readonly DecisionAction[] = ['publish', 'refer']

/** What a decision makes of an answer. */
export const responsePublications: Readonly<Record<ResponseAction, Publication>> = {
  publish: 'published',
  reject: 'rejected',
  remove: 'removed',
}

/** What `relation` may decide about an answer now. What its source has taken back, or has no words any more, stays away. */
export function allowedResponseDecisions(
  { publication, takenBack, text }: { publication: Publication; takenBack: boolean; text?: string },
  relation: Relation,
): ResponseAction[] {
  if (takenBack || text === '') return []
  const moves = Object.entries(responseMoves[publication]) as [ResponseAction, readonly Relation[]][]
  return moves.filter(([, by]) => by.includes(relation)).map(([action]) => action)
}

export type ReporterAction =
  | 'add'
  | 'withdraw_publication'
  | 'withdraw_case'
  | 'reopen'
  | 'rate'
  | 'answer_extension'

/** What a reporter may do with their case now. */
export function reporterActions(theCase: {
  kind: CaseKind
  status: CaseStatus
  privacyChosen: Privacy
  closedAt: string | null
  outcomeAt: string | null
  /** The last one. */
  extension: { state: ExtensionState } | null
}): ReporterAction[] {
  if (theCase.status === 'withdrawn') return []
  const moves = allowedStatuses(theCase.kind, theCase.status, 'reporter')
  const may: Readonly<Record<ReporterAction, boolean>> = {
    add: true,
    // Also when staff have made it private: they may undo that.
    withdraw_publication: theCase.privacyChosen !== 'private',
    withdraw_case: moves.includes('withdrawn'),
    reopen: moves.includes('open'),
    rate: theCase.closedAt !== null && theCase.outcomeAt === null,
    answer_extension: theCase.extension?.state === 'waiting',
  }
  return (Object.keys(may) as ReporterAction[]).filter((action) => may[action])
}
