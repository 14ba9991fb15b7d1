import type { Objection } from '../../domain/objections.ts'
import type { ReceivedReport } from '../../domain/reports.ts'
import type { Schemas } from '../contract/handler.ts'

/** A report or a removal request as those see it who decide or ask. */
export function objectionView(objection: Objection, now: Date): Schemas['Objection'] {
  return {
    request: objection.reference,
    kind: objection.kind,
    case: objection.caseReference,
    organisation: objection.organisation && {
      code: objection.organisation.code,
      name: objection.organisation.name,
    },
    reason: objection.reason as Schemas['ObjectionReason'],
    text: objection.text,
    state: objection.state,
    at: objection.createdAt,
    dueAt: objection.dueAt,
    overdue: objection.state === 'open' && Date.parse(objection.dueAt) < now.getTime(),
    decidedAt: objection.decidedAt,
    decisionReason: objection.decisionReason,
  }
}

/** A report as whoever made it is told of it. */
export function receivedReportView({ reference, dueAt, hidden }: ReceivedReport): Schemas['ReceivedReport'] {
  return { report: reference, dueAt, hidden }
}
