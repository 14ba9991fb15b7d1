import Holidays from 'date-holidays'

/**
 * Until when the bank holidays of the package are trusted: the end of the year after its release that we checked
 * (3.37.0, September 2026). It computes on for ever, but a day that is proclaimed (a coronation) or moved (a jubilee)
 * comes only with a release. Whoever updates it checks the table of test/domain/working-days.test.ts and moves this on.
 */
export const CALENDAR_ENDS = new Date('2028-01-01T00:00:00Z')

const WARN_DAYS = 90
const HOUR = 3_600_000
const DAY = 24 * HOUR

const england = new Holidays('GB', 'ENG')
const bankHolidays = new Map<string, ReadonlySet<string>>()
const londonHour = new Intl.DateTimeFormat('en-GB', {
  timeZone: 'Europe/London',
  hour: 'numeric',
  hourCycle: 'h23',
})

/**
 * When `days` working days of England have passed since `from`: at the same time on London's clocks, so many working
 * days later. What begins on a day that is none begins with the first minute of the next working day.
 */
export function addWorkingDays(from: Date, days: number): Date {
  return addWorkingTime(from, days * DAY)
}

/** The same for milliseconds of working time: a working day has 24 hours of it, any other day none. */
export function addWorkingTime(from: Date, milliseconds: number): Date {
  const local = asInLondon(from)
  let day = dayOf(local)
  let time = local.getTime() - day
  if (!isWorking(day)) {
    day = nextWorking(day)
    time = 0
  }
  time += milliseconds
  for (; time >= DAY; time -= DAY) day = nextWorking(day)
  // The clocks change on Sundays: a working day has one offset, that of its noon.
  return new Date(day + time - summerTime(new Date(day + 12 * HOUR)))
}

/** How much working time passes from one moment to a later one, in milliseconds; none when the other is not later. */
export function workingTimeBetween(from: Date, to: Date): number {
  const begin = asInLondon(from)
  const end = asInLondon(to)
  if (to.getTime() <= from.getTime()) return 0
  let passed = workingTimeIn(end) - workingTimeIn(begin)
  for (let day = dayOf(begin); day < dayOf(end); day += DAY) if (isWorking(day)) passed += DAY
  return passed
}

/** Whether people work in England on a day like 2026-12-28: from Monday to Friday, but not on a bank holiday. */
export function isWorkingDay(day: string): boolean {
  return isWorking(Date.parse(`${day}T00:00:00Z`))
}

/** How many days the calendar is still good for, when that is less than 90; null otherwise. */
export function calendarEndsIn(now: Date): number | null {
  const left = Math.floor((CALENDAR_ENDS.getTime() - now.getTime()) / DAY)
  return left < WARN_DAYS ? left : null
}

function workingTimeIn(local: Date): number {
  const day = dayOf(local)
  return isWorking(day) ? local.getTime() - day : 0
}

// A day is its midnight in UTC, whatever the clocks of London say; only the ends of a reckoning know the difference.
function nextWorking(day: number): number {
  const next = day + DAY
  return isWorking(next) ? next : nextWorking(next)
}

function isWorking(day: number): boolean {
  const date = new Date(day)
  const weekday = date.getUTCDay()
  if (weekday === 0 || weekday === 6) return false
  const text = date.toISOString().slice(0, 10)
  return !bankHolidaysOf(text.slice(0, 4)).has(text)
}

function bankHolidaysOf(year: string): ReadonlySet<string> {
  const known = bankHolidays.get(year)
  if (known !== undefined) return known
  // The package knows Mother's Day too; only public holidays are days off.
  const days = england.getHolidays(Number(year)).filter(({ type }) => type === 'public')
  const found = new Set(days.map(({ date }) => date.slice(0, 10)))
  bankHolidays.set(year, found)
  return found
}

function asInLondon(time: Date): Date {
  return new Date(time.getTime() + summerTime(time))
}

function summerTime(time: Date): number {
  const hours = (Number(londonHour.format(time)) - time.getUTCHours() + 24) % 24
  return hours * HOUR
}

function dayOf(local: Date): number {
  return local.getTime() - (local.getTime() % DAY)
}
