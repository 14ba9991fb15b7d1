import { londonMidnight } from './digest-times.ts'

/** How long a period is; weeks begin on Mondays (ISO 8601). */
export type PeriodLength = 'day' | 'week' | 'month'

/** Days of London, like 2026-11-26, both themselves included. */
export type Days = { from: string; to: string }

/** The first day of the period that a day lies in. */
export function periodOf(day: string, by: PeriodLength): string {
  const date = new Date(day)
  if (by === 'month') date.setUTCDate(1)
  if (by === 'week') date.setUTCDate(date.getUTCDate() - ((date.getUTCDay() + 6) % 7))
  return written(date)
}

/** The first day of the period that comes `count` periods after the one that begins on `first`. */
export function periodAfter(first: string, by: PeriodLength, count: number): string {
  const date = new Date(first)
  if (by === 'month') date.setUTCMonth(date.getUTCMonth() + count)
  else date.setUTCDate(date.getUTCDate() + count * DAYS[by])
  return written(date)
}

/** How many periods the days touch. */
export function countPeriods({ from, to }: Days, by: PeriodLength): number {
  const [first, last] = [new Date(periodOf(from, by)), new Date(periodOf(to, by))]
  if (by !== 'month') return 1 + Math.round((last.getTime() - first.getTime()) / (DAYS[by] * DAY_MS))
  const months = (date: Date) => date.getUTCFullYear() * 12 + date.getUTCMonth()
  return 1 + months(last) - months(first)
}

/** The times of these days: from the first midnight in London, before the one after the last day. */
export function timesOf({ from, to }: Days): { from: Date; before: Date } {
  return { from: londonMidnight(from), before: londonMidnight(periodAfter(to, 'day', 1)) }
}

const DAYS = { day: 1, week: 7 } as const
const DAY_MS = 24 * 3600_000

// A day is its midnight in UTC here, so that no clock is ever changed in it.
function written(date: Date): string {
  return date.toISOString().slice(0, 10)
}
