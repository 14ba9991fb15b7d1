import type { Extension } from '../../domain/waiting-rows.ts'
import type { Schemas } from '../contract/handler.ts'

/** More time for the answer, as the reporter and those who work on the case see it. */
export function extensionView(extension: Extension): Schemas['Extension'] {
  return {
    extension: extension.reference,
    workingDays: extension.workingDays,
    reason: extension.reason,
    consent: extension.consent,
    state: extension.state,
    createdAt: extension.createdAt,
    answeredAt: extension.answeredAt,
  }
}
