import { calendarEndsIn } from '../domain/working-days.ts'
import type { Context } from './context.ts'

const lastDay = new WeakMap<object, string>()

/** Warns once a day, in each process, when the calendar of bank holidays is good for less than 90 days. */
export function watchCalendar(context: Pick<Context, 'log' | 'now'>): void {
  const now = context.now()
  const daysLeft = calendarEndsIn(now)
  const today = now.toISOString().slice(0, 10)
  if (daysLeft === null || lastDay.get(context) === today) return
  lastDay.set(context, today)
  context.log.warn({ daysLeft }, 'the bank holidays are known for a short time only: update date-holidays')
}
