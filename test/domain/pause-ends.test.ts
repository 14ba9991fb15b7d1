import fc from 'fast-check'
import t from 'tap'
import { dueAfterPause } from '../../domain/pause-ends.ts'
import { addWorkingTime, workingTimeBetween } from '../../domain/working-days.ts'

t.test('a clock that stood still has as much working time left as it had', async (t) => {
  const table: [due: string, since: string, resumed: string, after: string, what: string][] = [
    [
      '2026-11-27T10:00Z',
      '2026-11-23T10:00Z',
      '2026-11-25T10:00Z',
      '2026-12-01T10:00Z',
      'two days, over a weekend',
    ],
    [
      '2026-11-27T10:00Z',
      '2026-11-23T10:00Z',
      '2026-11-23T16:30Z',
      '2026-11-27T16:30Z',
      'half a working day',
    ],
    [
      '2026-11-27T10:00Z',
      '2026-11-20T18:00Z',
      '2026-11-23T09:00Z',
      '2026-11-30T01:00Z',
      'from a Friday evening to a Monday morning: 15 hours',
    ],
    [
      '2026-11-27T10:00Z',
      '2026-11-20T18:00Z',
      '2026-11-21T12:00Z',
      '2026-11-27T16:00Z',
      'from a Friday evening to a Saturday: what was left of Friday',
    ],
    [
      '2026-11-27T10:00Z',
      '2026-11-21T09:00Z',
      '2026-11-22T21:00Z',
      '2026-11-27T10:00Z',
      'within a weekend: nothing',
    ],
    [
      '2026-12-23T10:00Z',
      '2026-12-22T10:00Z',
      '2026-12-29T10:00Z',
      '2026-12-30T10:00Z',
      'over Christmas: the 23rd, the 24th and the 29th count',
    ],
    [
      '2026-12-24T10:00Z',
      '2026-12-23T10:00Z',
      '2026-12-24T09:00Z',
      '2026-12-29T09:00Z',
      'what is left comes after the bank holidays',
    ],
    ['2026-03-30T11:00Z', '2026-03-26T12:00Z', '2026-03-27T12:00Z', '2026-03-31T11:00Z', 'into summer time'],
    [
      '2026-11-20T10:00Z',
      '2026-11-20T10:00Z',
      '2026-11-27T10:00Z',
      '2026-11-20T10:00Z',
      'due when the clock stopped: nothing is gained',
    ],
    [
      '2026-11-18T10:00Z',
      '2026-11-20T10:00Z',
      '2026-11-27T10:00Z',
      '2026-11-18T10:00Z',
      'overdue before: nothing is gained',
    ],
    ['2026-11-27T10:00Z', '2026-11-23T10:00Z', '2026-11-23T10:00Z', '2026-11-27T10:00Z', 'ended at once'],
    [
      '2026-11-27T10:00Z',
      '2026-11-23T10:00Z',
      '2026-12-18T10:00Z',
      '2026-12-24T10:00Z',
      'ended after it would have been due',
    ],
  ]
  for (const [due, since, resumed, after, what] of table)
    t.equal(
      dueAfterPause(new Date(due), new Date(since), new Date(resumed)).toISOString(),
      new Date(after).toISOString(),
      what,
    )
})

const time = fc.date({ min: new Date('2025-01-01'), max: new Date('2027-06-01'), noInvalidDate: true })
const length = fc.integer({ min: 1, max: 40 * 24 * 3_600_000 })

t.test('whenever it stood still, and for how long, no working time is lost or won', async (t) => {
  fc.assert(
    fc.property(time, length, length, (since, left, stood) => {
      const due = addWorkingTime(since, left)
      const resumed = new Date(since.getTime() + stood)
      return workingTimeBetween(resumed, dueAfterPause(due, since, resumed)) === left
    }),
  )
  t.pass()
})

t.test('two pauses one after the other are like one', async (t) => {
  fc.assert(
    fc.property(time, length, length, length, (since, left, first, second) => {
      const due = addWorkingTime(since, left)
      const between = new Date(since.getTime() + first)
      const end = new Date(between.getTime() + second)
      const twice = dueAfterPause(dueAfterPause(due, since, between), between, end)
      return twice.getTime() === dueAfterPause(due, since, end).getTime()
    }),
  )
  t.pass()
})
