import fc from 'fast-check'
import t from 'tap'
import { isoWeek } from '../../api/views/case.ts'

// Dates whose week belongs to another year, from the calendar.
const known: Array<[day: string, week: string]> = [
  ['2020-12-31', '2020-W53'],
  ['2021-01-01', '2020-W53'],
  ['2021-01-03', '2020-W53'],
  ['2021-01-04', '2021-W01'],
  ['2022-01-01', '2021-W52'],
  ['2024-12-29', '2024-W52'],
  ['2024-12-30', '2025-W01'],
  ['2025-12-29', '2026-W01'],
  ['2026-01-01', '2026-W01'],
  ['2026-11-22', '2026-W47'],
  ['2026-11-23', '2026-W48'],
  ['2026-12-31', '2026-W53'],
  ['2027-01-03', '2026-W53'],
]

t.test('weeks around the turn of the year belong to the year of their Thursday', async (t) => {
  for (const [day, week] of known) {
    t.equal(isoWeek(`${day}T00:00:00.000Z`), week, day)
    t.equal(isoWeek(`${day}T23:59:59.999Z`), week, `${day}, late`)
  }
})

t.test('seven days from Monday share a week, and the next day begins another', async (t) => {
  const DAY = 24 * 3600 * 1000
  const monday = Date.UTC(2000, 0, 3)
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 6 }), (weeks, days) => {
      const start = monday + weeks * 7 * DAY
      const week = (at: number): string => isoWeek(new Date(at).toISOString())
      return week(start) === week(start + days * DAY) && week(start) !== week(start + 7 * DAY)
    }),
  )
  t.pass()
})
