import type { Access } from '../../domain/accesses.ts'
import type { CaseEvent } from '../../domain/history.ts'
import type { Schemas } from '../contract/handler.ts'

/** One line of the history of a case. */
export function caseEventView(event: CaseEvent): Schemas['CaseEvent'] {
  return {
    id: String(event.id),
    type: event.type,
    at: event.at,
    client: event.client,
    actingUser: event.actingUser,
    reason: event.reason,
    fields: event.fields,
    version: event.version,
  }
}

/** One line of the access log. */
export function accessView(access: Access): Schemas['Access'] {
  return {
    at: access.at,
    client: access.client,
    actingUser: access.actingUser,
    operation: access.operation,
    cases: access.cases,
    subject: access.subject,
  }
}
