import { type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { changedCase, holdCase } from './case-changes.ts'
import { type CaseRow, contactOf, originalOf } from './case-rows.ts'
import { type DecisionAction, publicationAfter, publicationMoves } from './case-rules.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { parseReference } from './references.ts'
import type { SeenCase } from './seen-case.ts'

export type Decision = {
  action: DecisionAction
  reason: string
  moderatedTitle?: string | null
  moderatedText?: string
}

/**
 * Decides what the public sees of a case. Publishing what its reporter wants public needs a moderated text; what its
 * reporter wants private ends as `kept_private`, and a text sent for it is ignored. The original stays as it was.
 */
export async function decide(
  db: Db,
  client: ClientCaller,
  reference: string,
  decision: Decision,
  { key, version }: { key: string | undefined; version: number },
): Promise<SeenCase> {
  const operation = `createDecision ${parseReference(reference)}`
  const { caseId } = await once(db, client, { key, operation, body: decision }, async (tx) => {
    const { theCase, relation } = await holdCase(tx, client, reference, version, ['handler', 'second_tier'])
    const moves = publicationMoves[theCase.publication]
    if (!moves[decision.action]?.includes(relation)) {
      throw new DomainError('move_not_allowed', {
        allowed: Object.entries(moves).flatMap(([action, by]) => (by.includes(relation) ? [action] : [])),
        detail: `The case is ${theCase.publication}.`,
      })
    }
    const publication = publicationAfter(decision.action, theCase.privacy)
    const shown = publication === 'published'
    const text = shown ? moderatedText(theCase, decision, originalOf(tx.vault, theCase).text) : null
    const name = shown && theCase.privacy === 'named' ? (contactOf(tx.vault, theCase)?.name ?? null) : null

    await rows(
      tx,
      `update cases set publication = $2, moderated_title = case when $3 then $4 else moderated_title end,
         moderated_text = coalesce($5, moderated_text), public_name = $6, decision_reason = $7, version = version + 1, updated_at = now()
       where id = $1`,
      [theCase.id, publication, shown, moderatedTitle(theCase, decision), text, name, decision.reason],
    )
    // Whoever publishes a case has its waiting answers before them, and publishes them with it.
    if (shown) await rows(tx, PUBLISH_RESPONSES, [theCase.id])
    await recordEvents(tx, client, [
      {
        type: shown ? 'case.published' : 'case.kept_private',
        caseId: theCase.id,
        caseReference: theCase.reference,
        organisationId: theCase.organisationId,
        reason: decision.reason,
        fields: shown ? ['publication', 'moderatedTitle', 'moderatedText'] : ['publication'],
        caseVersion: theCase.version + 1,
      },
    ])
    return { caseId: theCase.id }
  })
  return changedCase(db, client, caseId)
}

function moderatedTitle(theCase: CaseRow, decision: Decision): string | null {
  return decision.moderatedTitle === undefined ? (judged(theCase)?.title ?? null) : decision.moderatedTitle
}

// A rating without comment has no text to moderate.
function moderatedText(theCase: CaseRow, decision: Decision, original: string): string {
  const text = decision.moderatedText ?? judged(theCase)?.text ?? (original === '' ? '' : undefined)
  if (text !== undefined) return text
  throw invalid({
    pointer: '/moderatedText',
    code: 'moderated_text_missing',
    detail: 'Its reporter wants it public: give the text that the public may read, or keep it private.',
  })
}

// A case that waits again has changed upstream: what was judged before is no longer what it says.
function judged({
  publication,
  moderatedTitle,
  moderatedText,
}: CaseRow): { title: string | null; text: string } | null {
  if (publication === 'awaiting_moderation' || moderatedText === null) return null
  return { title: moderatedTitle, text: moderatedText }
}

const PUBLISH_RESPONSES = `update responses set publication = 'published', updated_at = now()
  where case_id = $1 and publication = 'awaiting_moderation'`
