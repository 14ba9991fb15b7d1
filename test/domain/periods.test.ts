import t from 'tap'
import { countPeriods, type PeriodLength, periodAfter, periodOf, timesOf } from '../../domain/periods.ts'

t.test('the period that a day lies in begins on its first day', async (t) => {
  const cases: Array<[string, PeriodLength, string]> = [
    ['2026-11-26', 'day', '2026-11-26'],
    ['2026-11-26', 'week', '2026-11-23'],
    ['2026-11-23', 'week', '2026-11-23'],
    ['2026-11-22', 'week', '2026-11-16'],
    ['2027-01-01', 'week', '2026-12-28'],
    ['2026-11-26', 'month', '2026-11-01'],
    ['2028-02-29', 'month', '2028-02-01'],
  ]
  for (const [day, by, first] of cases) t.equal(periodOf(day, by), first, `${by} of ${day}`)
})

t.test('periods follow each other over the ends of months and years', async (t) => {
  t.equal(periodAfter('2026-12-28', 'week', 1), '2027-01-04')
  t.equal(periodAfter('2026-12-31', 'day', 1), '2027-01-01')
  t.equal(periodAfter('2026-11-01', 'month', -12), '2025-11-01')
  t.equal(periodAfter('2028-02-28', 'day', 1), '2028-02-29')
})

t.test('days touch so many periods', async (t) => {
  const cases: Array<[string, string, PeriodLength, number]> = [
    ['2026-11-26', '2026-11-26', 'week', 1],
    ['2026-11-22', '2026-11-23', 'week', 2],
    ['2026-11-22', '2026-11-23', 'day', 2],
    ['2026-10-31', '2026-11-01', 'month', 2],
    ['2025-11-30', '2026-11-01', 'month', 13],
    ['2026-01-01', '2026-12-31', 'day', 365],
  ]
  for (const [from, to, by, count] of cases)
    t.equal(countPeriods({ from, to }, by), count, `${from} to ${to} by ${by}`)
})

t.test('a day is from midnight to midnight in London, also when the clocks are changed', async (t) => {
  const cases: Array<[string, string, string]> = [
    ['2026-11-26', '2026-11-26T00:00:00.000Z', '2026-11-27T00:00:00.000Z'],
    ['2026-07-01', '2026-06-30T23:00:00.000Z', '2026-07-01T23:00:00.000Z'],
    ['2026-03-29', '2026-03-29T00:00:00.000Z', '2026-03-29T23:00:00.000Z'],
    ['2026-10-25', '2026-10-24T23:00:00.000Z', '2026-10-26T00:00:00.000Z'],
  ]
  for (const [day, from, before] of cases)
    t.same(timesOf({ from: day, to: day }), { from: new Date(from), before: new Date(before) }, day)
})
