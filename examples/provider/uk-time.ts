/** RFC 3339 in UK local time: `+01:00` in summer, and in winter `Z` or `+00:00`, as the original feed mixed them. */
export function ukTimestamp(time: Date, winterOffset: 'Z' | '+00:00' = 'Z'): string {
  const offset = ukOffset(time)
  const local = new Date(time.getTime() + offset).toISOString().slice(0, 19)
  return local + (offset ? '+01:00' : winterOffset)
}

/** A day and a month in words, in UK local time. */
export function ukDate(time: Date): { day: string; month: string } {
  const words = { timeZone: 'Europe/London', month: 'long', year: 'numeric' } as const
  return {
    day: new Intl.DateTimeFormat('en-GB', { ...words, day: 'numeric' }).format(time),
    month: new Intl.DateTimeFormat('en-GB', words).format(time),
  }
}

/** The start of a day in the UK; null when there is no such day. */
export function ukMidnight(year: number, month: number, day: number): Date | null {
  const utc = new Date(Date.UTC(year, month - 1, day))
  if (utc.getUTCMonth() !== month - 1 || utc.getUTCDate() !== day) return null
  return new Date(utc.getTime() - ukOffset(utc))
}

const HOUR = 3_600_000

/** Summer time runs from 01:00 UTC on the last Sunday of March to that of October; in milliseconds. */
function ukOffset(time: Date): number {
  const year = time.getUTCFullYear()
  return time >= lastSunday(year, 2) && time < lastSunday(year, 9) ? HOUR : 0
}

function lastSunday(year: number, month: number): Date {
  const last = new Date(Date.UTC(year, month + 1, 0, 1))
  return new Date(last.getTime() - last.getUTCDay() * 24 * HOUR)
}
