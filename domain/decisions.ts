import { type Db, type Publication, row, rows, type Tx } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { type CaseRow, openRemark, sealRemark } from './case-rows.ts'
import { casePermissions, type DecisionAction, type Relation } from './case-rules.ts'
import { lookAt } from './cases.ts'
import { DomainError } from './errors.ts'
import type { EventType } from './events.ts'
import type { TextEdit } from './text-edits.ts'

/** A decision to keep: about a case, or with `responseId` about one answer to it. */
export type NewDecisionRow = {
  caseId: number
  responseId?: number
  action: DecisionAction
  reason: string
  edits?: readonly TextEdit[]
  note?: string
}

/** A decision as it was kept. */
export type KeptDecision = {
  action: DecisionAction
  reason: string
  /** The reference of the answer that it is about. */
  response: string | null
  at: string
  edits: EditedSpan[]
  note: string | null
  actingUser: string | null
}

/** Where a text was changed and why; never what stood there. */
export type EditedSpan = Pick<TextEdit, 'from' | 'to' | 'reason'>

const madeOf = {
  published: { action: 'publish', event: 'case.published' },
  kept_private: { action: 'keep_private', event: 'case.kept_private' },
  awaiting_second_tier: { action: 'refer', event: 'case.referred_to_second_tier' },
  rejected: { action: 'reject', event: 'case.rejected' },
  removed: { action: 'remove', event: 'case.removed' },
} as const satisfies Partial<Record<Publication, { action: DecisionAction; event: EventType }>>

/** The action and the event that a decision comes down to which leaves a case so. */
export function made(publication: Publication): (typeof madeOf)[keyof typeof madeOf] {
  if (publication === 'awaiting_moderation') throw new Error('no decision leaves a case waiting for one')
  return madeOf[publication]
}

/** Keeps a decision, with who made it, in the caller's transaction; the note is sealed. */
export async function recordDecision(tx: Tx, client: ClientCaller, decision: NewDecisionRow): Promise<void> {
  const spans: EditedSpan[] = (decision.edits ?? []).map(({ from, to, reason }) => ({ from, to, reason }))
  const kept = await row<{ id: number }>(
    tx,
    `insert into decisions (case_id, response_id, action, reason, edits, client_id, acting_user)
     values ($1, $2, $3, $4, $5, $6, $7) returning id`,
    [
      decision.caseId,
      decision.responseId ?? null,
      decision.action,
      decision.reason,
      JSON.stringify(spans),
      client.clientId,
      client.actingUser,
    ],
    'record-decision',
  )
  if (decision.note === undefined) return
  const { id } = kept as { id: number }
  await rows(tx, 'update decisions set note_sealed = $2 where id = $1', [
    id,
    sealRemark(tx.vault, placeOf(id), decision.note),
  ])
}

/**
 * What was decided about a case, oldest first, and whether the caller sees all of it or only the public part: not the
 * answers that were turned away, and nothing where the public sees no more than a stub. Throws the same `not_found` for a hidden case and an unknown one.
 */
export async function listDecisions(
  db: Db,
  caller: Caller,
  reference: string,
): Promise<{ full: boolean; decisions: KeptDecision[] }> {
  const { id, relation, view } = await lookAt(db, caller, reference)
  const full = (casePermissions.listFullDecisions as readonly Relation[]).includes(relation)
  if (view === 'stub') return { full, decisions: [] }
  return { full, decisions: await decisionsOf(db, id, full) }
}

/** What was decided about a case, oldest first: all of it, or the public part. */
export async function decisionsOf(db: Db, caseId: number, full: boolean): Promise<KeptDecision[]> {
  const found = await rows<KeptDecision & { id: number; noteSealed: string | null }>(
    db.pool,
    `select d.id, d.action, d.reason, r.reference as response, d.decided_at as at, d.edits, d.note_sealed as "noteSealed",
       d.acting_user as "actingUser"
     from decisions d left join responses r on r.id = d.response_id where d.case_id = $1 and ($2 or d.response_id is null or d.action <> 'reject') order by d.id`,
    [caseId, full],
    'list-decisions',
  )
  const opened = (kept: (typeof found)[number]): string | null =>
    full && kept.noteSealed !== null ? openRemark(db.vault, placeOf(kept.id), kept.noteSealed) : null
  return found.map((kept) => ({ ...kept, note: opened(kept) }))
}

/** Throws `not_your_case` where whoever referred a held case to the second tier would decide it there. */
export async function refuseOwnReferral(
  tx: Tx,
  client: ClientCaller,
  theCase: Pick<CaseRow, 'id'>,
  relation: Relation,
): Promise<void> {
  if (relation !== 'second_tier') return
  const referral = await row<{ actingUser: string | null }>(
    tx,
    `select acting_user as "actingUser" from decisions
     where case_id = $1 and response_id is null and action = 'refer' order by id desc limit 1`,
    [theCase.id],
    'last-referral',
  )
  if (referral === undefined || referral.actingUser !== client.actingUser) return
  throw new DomainError('not_your_case', {
    detail: 'You referred it to the second tier yourself; somebody else decides there.',
  })
}

function placeOf(id: number): string {
  return `decision:${id}`
}
