import type { Escalation } from '../../domain/waiting-rows.ts'
import type { Schemas } from '../contract/handler.ts'

/** An escalation of this case, as those see it who work on it. */
export function escalationView(
  escalation: Escalation,
  caseReference: string,
  now: Date,
): Schemas['Escalation'] {
  return {
    escalation: escalation.reference,
    case: caseReference,
    to: escalation.to && { code: escalation.to.code, name: escalation.to.name },
    reason: escalation.reason,
    text: escalation.text,
    state: escalation.state,
    dueAt: escalation.dueAt,
    overdue: escalation.state === 'waiting' && Date.parse(escalation.dueAt) < now.getTime(),
    actingUser: escalation.actingUser,
    createdAt: escalation.createdAt,
    acknowledgedAt: escalation.acknowledgedAt,
    resolvedAt: escalation.resolvedAt,
    answer: escalation.answer,
  }
}
