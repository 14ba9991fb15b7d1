import type { KeptDecision } from '../../domain/decisions.ts'
import type { QueueItem } from '../../domain/queue.ts'
import type { SeenCase } from '../../domain/seen-case.ts'
import type { Schemas } from '../contract/handler.ts'
import { staffCaseView } from './case.ts'

type DecisionResult = Schemas['DecisionResults']['items'][number]

/** A decision on the wire; `full` is for those who work on the case. */
export function decisionView(decision: KeptDecision, full: boolean): Schemas['Decision'] {
  const open = {
    action: decision.action,
    reason: decision.reason,
    response: decision.response,
    at: decision.at,
  }
  if (!full) return open
  return {
    ...open,
    edits: decision.edits.map(({ from, to, reason }) => ({ from, to, reason })),
    note: decision.note,
    actingUser: decision.actingUser,
  }
}

/** One of several decisions that stands. */
export function doneView(reference: string, seen: SeenCase, publicUrl: string, now: Date): DecisionResult {
  return { reference, done: true, case: staffCaseView(seen, publicUrl, now), problem: null }
}

/** One of several decisions that does not stand, and why. */
export function notDoneView(reference: string, problem: Schemas['Problem']): DecisionResult {
  return { reference, done: false, case: null, problem }
}

/** A case that waits for a decision. */
export function queueItemView(
  { waitsFor, dueAt, seen }: QueueItem,
  publicUrl: string,
  now: Date,
): Schemas['QueueItem'] {
  return {
    waitsFor,
    dueAt,
    overdue: dueAt !== null && Date.parse(dueAt) < now.getTime(),
    case: staffCaseView(seen, publicUrl, now),
  }
}
