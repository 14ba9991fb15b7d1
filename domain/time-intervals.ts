import { type DomainError, invalid } from './errors.ts'

/** From the first time on and before the second, both as RFC 3339; what is absent is open. */
export type TimeInterval = { from?: string; before?: string }

/**
 * Reads a time, or two with `/` between of which either may be `..` or nothing (RFC 3339; OGC API - Features, section
 * 7.15.4), with both ends in it. A date is the whole of its day in UTC. Throws `validation_failed` at `/datetime`.
 */
export function readInterval(text: string): TimeInterval {
  const ends = text.split('/')
  const [start, end = start, ...more] = ends.map((end) =>
    ends.length > 1 && isOpen(end) ? null : spanOf(end),
  )
  if (start === undefined || end === undefined || more.length > 0) throw noInterval()
  if (start !== null && end !== null && start.first > end.after) throw noInterval()
  return {
    ...(start !== null && { from: new Date(start.first).toISOString() }),
    ...(end !== null && { before: new Date(end.after).toISOString() }),
  }
}

/** The milliseconds that a text means: from the first to before the one after it. */
type Span = { first: number; after: number }

const DAY = 86_400_000
// GDAL writes a date as `2026-01-01T`.
const DATE = /^(\d{4}-\d{2}-\d{2})T?$/
const TIME =
  /^(\d{4}-\d{2}-\d{2})T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(?:\.(\d+))?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/

function isOpen(end: string): boolean {
  return end === '' || end === '..'
}

function spanOf(text: string): Span {
  const [, day] = DATE.exec(text.toUpperCase()) ?? []
  if (day !== undefined) {
    const first = startOf(day)
    return { first, after: first + DAY }
  }
  const [, date, clock, fraction = '', offset] = TIME.exec(text.toUpperCase()) ?? []
  if (date === undefined) throw noInterval()
  startOf(date)
  const milliseconds = Date.parse(`${date}T${clock}${offset}`) + Number(fraction.slice(0, 3).padEnd(3, '0'))
  // Times are kept in milliseconds: nothing lies at a finer one, and the next is after it.
  const finer = /[1-9]/.test(fraction.slice(3))
  return { first: milliseconds + (finer ? 1 : 0), after: milliseconds + 1 }
}

// What the calendar does not have is read as the days after it.
function startOf(date: string): number {
  const start = new Date(`${date}T00:00:00Z`)
  if (Number.isNaN(start.getTime()) || start.toISOString().slice(0, 10) !== date) throw noInterval()
  return start.getTime()
}

function noInterval(): DomainError {
  return invalid({
    in: 'query',
    pointer: '/datetime',
    code: 'not_an_interval',
    detail:
      'Give a time like 2026-11-22T09:30:00Z, or two with / between, the earlier one first; .. leaves an end open.',
  })
}
