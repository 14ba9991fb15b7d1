import type { LogLine } from '../../domain/log-lines.ts'
import type { Schemas } from '../contract/handler.ts'

/** A line of the change log on the wire; what is gone has no address any more. */
export function logEventView(line: LogLine, publicUrl: string): Schemas['LogEvent'] {
  const { reference, gone } = line
  return {
    id: String(line.position),
    type: line.type as Schemas['EventTypeName'],
    at: line.at,
    case: reference,
    url: reference === null || gone ? null : `${publicUrl}/v1/cases/${reference}`,
    organisation: line.organisation,
    source: line.source,
    fields: line.fields,
    reason: line.reason,
    gone,
  }
}
