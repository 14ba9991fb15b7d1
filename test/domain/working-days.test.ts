import fc from 'fast-check'
import t from 'tap'
import {
  addWorkingDays,
  addWorkingTime,
  CALENDAR_ENDS,
  calendarEndsIn,
  isWorkingDay,
  workingTimeBetween,
} from '../../domain/working-days.ts'

const DAY = 24 * 3_600_000

// As the government publishes them for England and Wales; to be checked again with each release of the package.
const bankHolidays = {
  2026: ['01-01', '04-03', '04-06', '05-04', '05-25', '08-31', '12-25', '12-28'],
  2027: ['01-01', '03-26', '03-29', '05-03', '05-31', '08-30', '12-27', '12-28'],
}

t.test('the bank holidays of the years that are trusted are those that are published', async (t) => {
  for (const [year, holidays] of Object.entries(bankHolidays)) {
    const off: string[] = []
    for (let day = Date.UTC(Number(year), 0, 1); day < Date.UTC(Number(year) + 1, 0, 1); day += DAY) {
      const date = new Date(day).toISOString().slice(0, 10)
      const weekend = [0, 6].includes(new Date(day).getUTCDay())
      if (weekend) t.notOk(isWorkingDay(date), `${date} is no working day`)
      else if (!isWorkingDay(date)) off.push(date.slice(5))
    }
    t.same(off, holidays, year)
  }
  t.equal(CALENDAR_ENDS.getUTCFullYear() - 1, Math.max(...Object.keys(bankHolidays).map(Number)))
})

t.test('a day that is only observed is a working day', async (t) => {
  // The last workday before Christmas, and St George's Day.
  for (const day of ['2026-12-24', '2026-04-23', '2027-12-24']) t.ok(isWorkingDay(day), day)
})

t.test('so many working days later it is the same time on the clocks of London', async (t) => {
  const table: [string, number, string, string][] = [
    ['2026-11-16T10:00:00Z', 3, '2026-11-19T10:00:00.000Z', 'within a week'],
    ['2026-11-19T10:00:00Z', 3, '2026-11-24T10:00:00.000Z', 'over a weekend'],
    ['2026-12-24T15:30:00Z', 1, '2026-12-29T15:30:00.000Z', 'over Christmas and its substitute day'],
    ['2026-04-02T09:00:00Z', 2, '2026-04-08T09:00:00.000Z', 'over Easter'],
    ['2026-03-27T12:00:00Z', 1, '2026-03-30T11:00:00.000Z', 'into summer time'],
    ['2026-10-23T12:00:00Z', 1, '2026-10-26T13:00:00.000Z', 'out of summer time'],
    ['2026-11-21T16:00:00Z', 1, '2026-11-24T00:00:00.000Z', 'from a Saturday: Monday is the first day'],
    ['2026-11-21T16:00:00Z', 0, '2026-11-23T00:00:00.000Z', 'from a Saturday, at once'],
    ['2026-11-20T16:00:00Z', 0, '2026-11-20T16:00:00.000Z', 'from a Friday, at once'],
    ['2026-07-03T23:30:00Z', 0, '2026-07-05T23:00:00.000Z', 'half past midnight on a Saturday in London'],
    ['2026-07-05T23:30:00Z', 1, '2026-07-06T23:30:00.000Z', 'half past midnight on a Monday in London'],
    ['2026-12-31T23:59:59.999Z', 1, '2027-01-04T23:59:59.999Z', 'over the new year'],
  ]
  for (const [from, days, due, what] of table)
    t.equal(addWorkingDays(new Date(from), days).toISOString(), due, what)
})

const time = fc.date({ min: new Date('2024-01-01'), max: new Date('2027-12-01'), noInvalidDate: true })
const days = fc.integer({ min: 0, max: 30 })
const london = new Intl.DateTimeFormat('en-CA', {
  timeZone: 'Europe/London',
  dateStyle: 'short',
  timeStyle: 'medium',
  hourCycle: 'h23',
})
const inLondon = (at: Date) => london.format(at).split(', ') as [string, string]

t.test('what is due is due on a working day, never before it began', async (t) => {
  fc.assert(
    fc.property(time, days, (from, n) => {
      const due = addWorkingDays(from, n)
      return isWorkingDay(inLondon(due)[0]) && due.getTime() >= from.getTime()
    }),
  )
  t.pass()
})

t.test(
  'what begins on a working day has the same time of day, and so many working days between',
  async (t) => {
    fc.assert(
      fc.property(time, days, (from, n) => {
        const [day, clock] = inLondon(from)
        fc.pre(isWorkingDay(day))
        const [dueDay, dueClock] = inLondon(addWorkingDays(from, n))
        let passed = 0
        for (let at = Date.parse(day) + DAY; at <= Date.parse(dueDay); at += DAY)
          if (isWorkingDay(new Date(at).toISOString().slice(0, 10))) passed++
        return dueClock === clock && passed === n
      }),
    )
    t.pass()
  },
)

t.test(
  'days may be added in one go or one after the other, and whoever begins later is due later',
  async (t) => {
    fc.assert(
      fc.property(time, time, days, days, (one, other, n, m) => {
        const atOnce = addWorkingDays(one, n + m).getTime()
        const inTwo = addWorkingDays(addWorkingDays(one, n), m).getTime()
        const inOrder = one <= other === addWorkingDays(one, n) <= addWorkingDays(other, n)
        const bothWait = addWorkingDays(one, n).getTime() === addWorkingDays(other, n).getTime()
        return atOnce === inTwo && (inOrder || bothWait)
      }),
    )
    t.pass()
  },
)

t.test('between two moments lies the working time of the days that are worked', async (t) => {
  const hour = DAY / 24
  const table: [string, string, number, string][] = [
    ['2026-11-16T10:00:00Z', '2026-11-16T16:30:00Z', 6.5, 'within a day'],
    ['2026-11-16T10:00:00Z', '2026-11-18T10:00:00Z', 48, 'a working day has 24 hours'],
    ['2026-11-20T18:00:00Z', '2026-11-23T09:00:00Z', 6 + 9, 'over a weekend'],
    ['2026-11-21T09:00:00Z', '2026-11-22T21:00:00Z', 0, 'within a weekend'],
    ['2026-11-21T09:00:00Z', '2026-11-23T09:00:00Z', 9, 'from a Saturday'],
    ['2026-11-20T18:00:00Z', '2026-11-21T09:00:00Z', 6, 'to a Saturday'],
    ['2026-12-24T15:00:00Z', '2026-12-29T01:00:00Z', 9 + 1, 'over Christmas and its substitute day'],
    ['2026-03-27T12:00:00Z', '2026-03-30T11:00:00Z', 24, 'into summer time'],
    ['2026-10-23T11:00:00Z', '2026-10-26T12:00:00Z', 24, 'out of summer time'],
    ['2026-07-05T22:30:00Z', '2026-07-05T23:30:00Z', 0.5, 'Monday begins at 23:00 UTC in summer'],
    ['2026-11-18T10:00:00Z', '2026-11-17T10:00:00Z', 0, 'none back in time'],
  ]
  for (const [from, to, hours, what] of table)
    t.equal(workingTimeBetween(new Date(from), new Date(to)) / hour, hours, what)
})

t.test('working time may be added and measured again, and days are 24 hours of it', async (t) => {
  const ms = fc.integer({ min: 0, max: 30 * DAY })
  fc.assert(
    fc.property(time, ms, days, (from, length, n) => {
      const later = addWorkingTime(from, length)
      return (
        workingTimeBetween(from, later) === length &&
        isWorkingDay(inLondon(later)[0]) &&
        addWorkingTime(from, n * DAY).getTime() === addWorkingDays(from, n).getTime()
      )
    }),
  )
  t.pass()
})

t.test('the calendar says when it ends', async (t) => {
  t.equal(calendarEndsIn(new Date('2026-11-22T00:00:00Z')), null)
  t.equal(calendarEndsIn(new Date(CALENDAR_ENDS.getTime() - 90 * DAY)), null)
  t.equal(calendarEndsIn(new Date(CALENDAR_ENDS.getTime() - 89 * DAY)), 89)
  t.equal(calendarEndsIn(new Date(CALENDAR_ENDS.getTime() + DAY)), -1)
})
