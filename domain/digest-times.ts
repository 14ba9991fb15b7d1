import type { DigestInterval } from '../prisma/client.ts'

/** When a digest goes out, where its readers are: at this hour, those of a week on Mondays. */
const HOUR = 7
const MONDAY = 1
const DAY_MS = 24 * 3600_000

/** When the next digest is due after a moment: at 7:00 in London, daily or on Mondays. */
export function nextDigestAt(every: DigestInterval, after: Date): Date {
  const { year, month, day } = londonTime(after)
  for (let days = 0; days <= 8; days++) {
    const date = Date.UTC(year, month - 1, day) + days * DAY_MS
    if (every === 'week' && new Date(date).getUTCDay() !== MONDAY) continue
    const due = atLondonHour(date, HOUR)
    if (due > after) return due
  }
  throw new Error('a week has a Monday')
}

/** The day that it is in London, like 2026-11-26. */
export function londonDay(now: Date): string {
  const { year, month, day } = londonTime(now)
  return new Date(Date.UTC(year, month - 1, day)).toISOString().slice(0, 10)
}

/** When a day like 2026-11-26 begins in London. */
export function londonMidnight(day: string): Date {
  return atLondonHour(Date.parse(day), 0)
}

// In winter it is the hour of UTC, in summer the one before; clocks are changed at one in the morning.
function atLondonHour(date: number, hour: number): Date {
  const winter = new Date(date + hour * 3600_000)
  return londonTime(winter).hour === hour ? winter : new Date(winter.getTime() - 3600_000)
}

const LONDON = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/London',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
})

function londonTime(now: Date): { year: number; month: number; day: number; hour: number } {
  const parts = LONDON.formatToParts(now)
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value)
  return { year: of('year'), month: of('month'), day: of('day'), hour: of('hour') }
}
