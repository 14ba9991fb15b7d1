import { type Db, type Publication, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, changedCase, holdCase } from './case-changes.ts'
import { type CaseRow, contactOf, originalOf } from './case-rows.ts'
import { allowedDecisions, type DecisionAction, type Relation } from './case-rules.ts'
import { forgetClaim, refuseOthersClaim } from './claims.ts'
import { keepClocks, restartModeration } from './clocks.ts'
import { type Decision, judge, type Outcome } from './decision-rules.ts'
import { made, recordDecision, refuseOwnReferral } from './decisions.ts'
import { DomainError, invalid } from './errors.ts'
import { type NewEvent, recordEvents, type Telling } from './events.ts'
import { isOrWasShown } from './holds.ts'
import { once } from './idempotency.ts'
import { closeObjections, closeReports, goneCase } from './objections.ts'
import { recordRecalls } from './recalls.ts'
import { parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'

/**
 * Decides what the public sees of a case; the original stays as it was. A decision ends a claim and a hiding, and
 * answers the open reports of the case. Throws `claimed_by_other` while somebody else is deciding on it, `not_your_case`
 * for a second-tier decision by whoever referred it there, and `move_not_allowed` with what may be decided.
 */
export async function decide(
  db: Db,
  client: ClientCaller,
  reference: string,
  decision: Decision,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<SeenCase> {
  const operation = `createDecision ${parseReference(reference)}`
  const decided = await once(db, client, { key, operation, body: decision }, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, 'createDecision')
    refuseOthersClaim(client, theCase)
    await refuseOwnReferral(tx, client, theCase, relation)
    refuseMove(theCase, relation, decision.action)
    const { outcome, problems } = judge(theCase, relation, decision, {
      original: originalOf(tx.vault, theCase) ?? { title: null, text: '' },
      name: contactOf(tx.vault, theCase)?.name ?? null,
    })
    if (problems.length > 0) throw invalid(...problems)
    if (endsPublication(theCase, outcome)) await recordRecalls(tx, [theCase], { reason: 'removed', now })
    await keepOutcome(tx, client, theCase, decision, outcome)
    await answerObjections(tx, client, theCase, decision, outcome)
    // Whoever looks at it next has as long as whoever looked first.
    if (outcome.publication === 'awaiting_second_tier') await restartModeration(tx, theCase.id, now)
    await keepClocks(tx, theCase.id)
    return { caseId: theCase.id, relation, version: theCase.version + 1 }
  })
  return changedCase(db, client, decided.caseId, decided)
}

function refuseMove(theCase: CaseRow, relation: Relation, action: DecisionAction): void {
  const allowed = allowedDecisions(theCase, relation)
  if (allowed.includes(action)) return
  throw new DomainError('move_not_allowed', { allowed, detail: `The case is ${theCase.publication}.` })
}

async function keepOutcome(
  tx: Tx,
  client: ClientCaller,
  theCase: CaseRow,
  decision: Decision,
  outcome: Outcome,
): Promise<void> {
  await rows(
    tx,
    `update cases set publication = $2, privacy = $3, moderated_title = $4, moderated_text = $5, public_name = $6,
       decision_reason = $7, commissioned = coalesce($8, commissioned), priority = coalesce($9, priority),
       breach = coalesce($10, breach), held_until = null, version = version + 1, updated_at = now()
     where id = $1`,
    [
      theCase.id,
      outcome.publication,
      outcome.privacy,
      outcome.title,
      outcome.text,
      outcome.publicName,
      decision.reason,
      decision.commissioned ?? null,
      decision.priority ?? null,
      decision.breach ?? null,
    ],
    'keep-outcome',
  )
  if (decision.hiddenImages !== undefined) {
    await rows(tx, 'update images set hidden = (token = any($2::text[])) where case_id = $1', [
      theCase.id,
      decision.hiddenImages,
    ])
  }
  const answers = outcome.publication === 'published' ? await publishResponses(tx, theCase) : []
  await forgetClaim(tx, theCase)
  await recordDecision(tx, client, {
    caseId: theCase.id,
    action: made(outcome.publication).action,
    reason: decision.reason,
    edits: outcome.edits,
    ...(decision.note !== undefined && { note: decision.note }),
  })
  await recordEvents(tx, client, [...eventsOf(theCase, decision, outcome), ...answers])
}

function eventsOf(theCase: CaseRow, decision: Decision, outcome: Outcome): NewEvent[] {
  const { reason } = decision
  const changed = {
    publication: outcome.publication !== theCase.publication,
    moderatedTitle: outcome.title !== theCase.moderatedTitle,
    moderatedText: outcome.text !== theCase.moderatedText,
    authorName: outcome.publicName !== theCase.publicName,
    images: imagesChange(theCase, decision),
    commissioned: (decision.commissioned ?? theCase.commissioned) !== theCase.commissioned,
    priority: (decision.priority ?? theCase.priority) !== theCase.priority,
    breach: (decision.breach ?? theCase.breach) !== theCase.breach,
  }
  const fields = Object.entries(changed).flatMap(([field, changes]) => (changes ? [field] : []))
  const tells = tellsOfRemoval(theCase, outcome.publication)
  const event: NewEvent = { ...about(theCase), type: made(outcome.publication).event, reason, fields, tells }
  if (outcome.privacy === theCase.privacy) return [event]
  return [event, { ...about(theCase), type: 'case.privacy_changed', reason, fields: ['privacy'] }]
}

function imagesChange({ images }: CaseRow, { hiddenImages }: Decision): boolean {
  return (
    hiddenImages !== undefined && images.some(({ token, hidden }) => hidden !== hiddenImages.includes(token))
  )
}

// Whoever publishes a case has the answers before them that came with it from its source, and publishes them with it.
// Those of its organisation wait for a decision of their own, where they are moderated before.
async function publishResponses(tx: Tx, theCase: CaseRow): Promise<NewEvent[]> {
  const published = await rows(
    tx,
    `update responses set publication = 'published', updated_at = now()
     where case_id = $1 and publication = 'awaiting_moderation' and source_id is not null returning 1`,
    [theCase.id],
    'publish-responses',
  )
  return published.map(() => ({ ...about(theCase), type: 'response.published', fields: ['responses'] }))
}

// The second tier answers the reports of what was referred to it; what is gone is what a removal request asks for.
async function answerObjections(
  tx: Tx,
  client: ClientCaller,
  theCase: CaseRow,
  decision: Decision,
  outcome: Outcome,
): Promise<void> {
  if (outcome.publication === 'awaiting_second_tier') return
  if (isTaken(outcome.publication)) {
    await closeObjections(tx, client, [goneCase(theCase)], decision.reason)
    return
  }
  const upheld =
    outcome.publication !== 'published' ||
    outcome.text !== theCase.moderatedText ||
    outcome.title !== theCase.moderatedTitle ||
    outcome.privacy !== theCase.privacy ||
    imagesChange(theCase, decision)
  await closeReports(tx, client, theCase, { upheld, reason: decision.reason })
}

function tellsOfRemoval(theCase: CaseRow, publication: Publication): Telling[] {
  const once = theCase.version + 1
  if (isTaken(publication)) return isOrWasShown(theCase) ? [{ kind: 'removal_for_reporter', once }] : []
  return isTaken(theCase.publication) ? [{ kind: 'restoration_for_reporter', once }] : []
}

// What goes to the second tier is only hidden until that has decided.
function endsPublication({ publication }: CaseRow, outcome: Outcome): boolean {
  const ended = (one: Publication) => isTaken(one) || one === 'kept_private'
  return ended(outcome.publication) && !ended(publication)
}

function isTaken(publication: Publication): boolean {
  return publication === 'rejected' || publication === 'removed'
}
