import type { Publication, Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { publicationAfter } from './case-rules.ts'
import { made, recordDecision } from './decisions.ts'
import type { EventType } from './events.ts'
import type { CaseDraft, DraftModeration, Intake } from './intake-rules.ts'

/** What a new case begins with in public, and the decision that made it so; without one it waits for it. */
export type Beginning = {
  publication: Publication
  decision: { reason: string } | null
  moderatedTitle: string | null
  moderatedText: string | null
  publicName: string | null
}

/**
 * How a new case begins in public: waiting for a moderator, unless a case handler sends it moderated. One that may be
 * urgent is never published with that: it waits for a decision of its own, with the text that was sent for it.
 */
export function beginningOf(
  draft: CaseDraft,
  intake: Intake,
  { urgent, test }: { urgent: boolean; test: boolean },
): Beginning {
  const waiting: Beginning = {
    publication: 'awaiting_moderation',
    decision: null,
    moderatedTitle: null,
    moderatedText: null,
    publicName: null,
  }
  const { moderation } = draft
  if (moderation === undefined) return waiting

  const action = moderation.action ?? 'publish'
  const isPublic = intake.privacy !== 'private'
  const texts = {
    moderatedTitle: isPublic ? (moderation.moderatedTitle ?? null) : null,
    moderatedText: isPublic ? (moderation.moderatedText ?? null) : null,
  }
  if (urgent && action === 'publish') return { ...waiting, ...texts }

  const publication = publicationAfter(action, { privacy: intake.privacy, test })
  const named = publication === 'published' && intake.privacy === 'named'
  return {
    publication,
    decision: { reason: moderation.reason ?? reasonFor(action, isPublic) },
    ...texts,
    publicName: named ? (draft.contact?.name ?? null) : null,
  }
}

/** Notes the decision with which a case came, in its transaction; returns the event that says it. */
export async function recordBeginning(
  tx: Tx,
  client: ClientCaller | null,
  caseId: number,
  { publication, decision }: Beginning,
): Promise<{ type: EventType; reason: string; fields: readonly string[] } | null> {
  if (decision === null) return null
  if (client === null) throw new Error('a decision needs somebody who made it')
  const { reason } = decision
  const { action, event } = made(publication)
  await recordDecision(tx, client, { caseId, action, reason })
  return { type: event, reason, fields: publication === 'published' ? PUBLISHED : ['publication'] }
}

const PUBLISHED = ['publication', 'moderatedTitle', 'moderatedText']

function reasonFor(action: NonNullable<DraftModeration['action']>, isPublic: boolean): string {
  if (action === 'refer') return 'second_opinion'
  return action === 'keep_private' && !isPublic ? 'reporter_asked' : 'fit_to_publish'
}
