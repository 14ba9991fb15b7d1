import type { CaseKind } from '../prisma/client.ts'
import { dangerIn, guidanceFor } from './danger-signs.ts'
import { CONCERN_ADVICE, type Intake } from './intake-rules.ts'

/** A received text message as GOV.UK Notify calls it; what else it sends is not read. */
export type ReceivedText = {
  id: string
  source_number: string
  destination_number: string
  message: string
  date_received: string
}

/** The key of a text message among the items of its source. */
export function textKey({ id }: Pick<ReceivedText, 'id'>): string {
  return `notify:${id}`
}

/** The message as it is kept, and read again: the fields that are read, always in one order. */
export function rawText(text: ReceivedText): string {
  const { id, source_number, destination_number, message, date_received } = text
  return JSON.stringify({ id, source_number, destination_number, message, date_received })
}

/**
 * The first word of a message, if it may be an organisation's code, and what stands behind it. Trusts have codes like
 * RAN and RAT, so a code of letters alone counts only where it was written in capitals and the rest was not.
 */
export function leadingCode(message: string): { code: string; rest: string } | null {
  const [, code = '', rest = ''] =
    /^\s*([A-Za-z0-9-]{2,12})(?:[:;,.]*(?:\s+|$)(?:[-–—]\s+)?)([\s\S]*)$/.exec(message) ?? []
  if (code === '') return null
  const isPlain = /\d/.test(code) || (code === code.toUpperCase() && /\p{Ll}/u.test(rest))
  return isPlain ? { code, rest: rest.trim() } : null
}

/** What becomes of a text by the intake rules: a question where it ends with a question mark, feedback otherwise. */
export function textIntake(message: string): Intake {
  const isQuestion = /\?["'”’)\s]*$/.test(message)
  return {
    kind: isQuestion ? 'question' : 'feedback',
    channel: 'sms',
    // Nobody has asked the sender.
    privacy: 'private',
    wantsResponse: isQuestion,
    preferredContact: 'phone',
    // Whether it wants something sorted out, nobody knows: a text cannot say so.
    takenAsFeedback: !isQuestion,
  }
}

/** What to answer to whoever wrote it: what to do now where there is a sign of danger, or how to raise a concern. */
export function textAdvice(kind: CaseKind, message: string): string | null {
  return guidanceFor(dangerIn(message)) ?? (kind === 'feedback' ? CONCERN_ADVICE : null)
}

/** When a message was received, as far as that can be true; now otherwise. */
export function receivedAt(dateReceived: string, now: Date): Date {
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/.test(dateReceived)
    ? Date.parse(dateReceived)
    : Number.NaN
  return time <= now.getTime() && isDay(dateReceived) ? new Date(time) : now
}

// Date.parse takes 30 February for a day of March.
function isDay(time: string): boolean {
  const [year, month, day] = time.slice(0, 10).split('-').map(Number)
  const date = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day))
  return date.getUTCMonth() + 1 === month && date.getUTCDate() === day
}
