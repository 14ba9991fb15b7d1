import t from 'tap'
import { londonDay, nextDigestAt } from '../../domain/digest-times.ts'

t.test('a digest is due at 7:00 in London, in summer and in winter', async (t) => {
  const cases: [every: 'day' | 'week', after: string, due: string][] = [
    ['day', '2026-11-26T06:59:59Z', '2026-11-26T07:00:00.000Z'],
    ['day', '2026-11-26T07:00:00Z', '2026-11-27T07:00:00.000Z'],
    ['day', '2026-07-01T05:59:00Z', '2026-07-01T06:00:00.000Z'],
    ['day', '2026-07-01T23:30:00Z', '2026-07-02T06:00:00.000Z'],
    // The clocks go forward on 2026-03-29, and back on 2026-10-25.
    ['day', '2026-03-28T12:00:00Z', '2026-03-29T06:00:00.000Z'],
    ['day', '2026-10-24T12:00:00Z', '2026-10-25T07:00:00.000Z'],
    ['day', '2026-12-31T23:59:59Z', '2027-01-01T07:00:00.000Z'],
    ['week', '2026-11-26T12:00:00Z', '2026-11-30T07:00:00.000Z'],
    ['week', '2026-11-30T06:59:00Z', '2026-11-30T07:00:00.000Z'],
    ['week', '2026-11-30T07:00:00Z', '2026-12-07T07:00:00.000Z'],
    ['week', '2026-10-25T12:00:00Z', '2026-10-26T07:00:00.000Z'],
  ]
  for (const [every, after, due] of cases)
    t.equal(nextDigestAt(every, new Date(after)).toISOString(), due, `${every} after ${after}`)
})

t.test('a day ends at midnight in London', async (t) => {
  t.equal(londonDay(new Date('2026-07-01T22:59:59Z')), '2026-07-01')
  t.equal(londonDay(new Date('2026-07-01T23:00:00Z')), '2026-07-02')
  t.equal(londonDay(new Date('2026-01-01T00:00:00Z')), '2026-01-01')
})
