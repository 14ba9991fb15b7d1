import type { CaseKind, CaseStatus, Channel, Privacy, Publication, Role } from '../prisma/client.ts'
import type { Caller } from './callers.ts'

/** How a caller stands to a case; what they may do and see follows from it. */
export type Relation = 'none' | 'origin' | 'handler' | 'second_tier' | 'provider' | 'commissioner'

/** What a caller sees of a case. */
export type CaseView = 'hidden' | 'stub' | 'public' | 'own' | 'staff' | 'staff_without_contact'

export const openStatuses = ['open', 'in_progress'] as const satisfies readonly CaseStatus[]
export const closedStatuses = [
  'resolved',
  'unable_to_resolve',
  'unable_to_contact',
  'referred_elsewhere',
  'no_action_needed',
  'withdrawn',
] as const satisfies readonly CaseStatus[]

type StatusMove = {
  to: readonly CaseStatus[]
  by: readonly (Relation | 'reporter')[]
  /** Only cases of these kinds; all when absent. */
  kinds?: readonly CaseKind[]
}

const work: StatusMove = {
  to: ['in_progress', 'resolved', 'unable_to_resolve', 'unable_to_contact', 'referred_elsewhere'],
  by: ['provider', 'handler'],
}
const nothingToDo: StatusMove = { to: ['no_action_needed'], by: ['provider', 'handler'], kinds: ['feedback'] }
const withdraw: StatusMove = { to: ['withdrawn'], by: ['reporter'] }
const reopen: StatusMove = { to: ['open', 'in_progress'], by: ['provider', 'handler', 'reporter'] }

/** The only place that decides where the work on a case may go: from each status, where to, by whom. */
export const statusMoves: Readonly<Record<CaseStatus, readonly StatusMove[]>> = {
  open: [work, nothingToDo, withdraw],
  in_progress: [work, nothingToDo, withdraw],
  resolved: [reopen],
  unable_to_resolve: [reopen],
  unable_to_contact: [reopen],
  referred_elsewhere: [reopen],
  no_action_needed: [reopen, withdraw],
  withdrawn: [],
}

export type DecisionAction = 'publish' | 'keep_private'

/** The only place that decides what a moderation decision may do: from each state of publication, which actions by whom. */
export const publicationMoves: Readonly<
  Record<Publication, Readonly<Partial<Record<DecisionAction, readonly Relation[]>>>>
> = {
  awaiting_moderation: { publish: ['handler'], keep_private: ['handler'] },
  awaiting_second_tier: { publish: ['second_tier'], keep_private: ['second_tier'] },
  published: { publish: ['handler'], keep_private: ['handler'] },
  kept_private: { publish: ['handler'], keep_private: ['handler'] },
  rejected: {},
  removed: {},
}

/** Which channels a role may name for a new case; the first one is taken when none is named. */
export const roleChannels: Readonly<Partial<Record<Role, readonly Channel[]>>> = {
  form: ['web'],
  integrator: ['web'],
  case_handler: ['phone', 'sms', 'email', 'social', 'web'],
}

/** Where `relation` may move a case of this kind and status now; never to where it is. */
export function allowedStatuses(
  kind: CaseKind,
  from: CaseStatus,
  relation: Relation | 'reporter',
): CaseStatus[] {
  return statusMoves[from]
    .filter((move) => move.by.includes(relation) && (move.kinds === undefined || move.kinds.includes(kind)))
    .flatMap((move) => move.to)
    .filter((to) => to !== from)
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

/** How `caller` stands to a case that came through `clientId` and is with `organisationId`. */
export function relationTo(
  caller: Caller,
  theCase: { kind: CaseKind; clientId: number | null; organisationId: number; publication: Publication },
): Relation {
  if (caller.kind === 'public' || !caller.scopes.includes('cases:read')) return 'none'
  switch (caller.role) {
    case 'case_handler':
      return 'handler'
    case 'second_tier':
      return theCase.publication === 'awaiting_second_tier' ? 'second_tier' : 'none'
    case 'provider':
    case 'commissioner':
      // A question stays with the central team until it is passed on.
      return theCase.kind !== 'question' && caller.organisationIds.includes(theCase.organisationId)
        ? caller.role
        : 'none'
    case 'integrator':
      return caller.clientId === theCase.clientId ? 'origin' : 'none'
    case 'form':
    case 'feed_provider':
    case 'supplier':
    case 'administrator':
      return 'none'
  }
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
    case 'commissioner':
      return 'staff_without_contact'
    case 'origin':
      return 'own'
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

/** What a case that is judged fit becomes: what its reporter wants private never goes out. */
export function publicationAfter(action: DecisionAction, privacy: Privacy): Publication {
  return action === 'publish' && privacy !== 'private' ? 'published' : 'kept_private'
}

/** The privacy that is kept of what the reporter asked for: an under-16 is never named. */
export function privacyOf(chosen: Privacy, under16: boolean): Privacy {
  return under16 && chosen === 'named' ? 'anonymous' : chosen
}
