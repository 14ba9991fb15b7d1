import fc from 'fast-check'
import t from 'tap'
import { nextPoll, type PollOutcome } from '../../net/next-poll.ts'

const NOW = new Date('2024-11-01T10:00:00Z')
const MINUTE = 60
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

const QUIET: PollOutcome = {
  outcome: 'unchanged',
  intervalMinutes: 30,
  ttlMinutes: null,
  maxAgeSeconds: null,
  expires: null,
  retryAfterSeconds: null,
  failures: 0,
  freshMinutes: 1_440,
  lastChangedAt: null,
  circuitOpen: false,
}

t.test('the slowest wish decides, within bounds', async (t) => {
  const cases: [string, Partial<PollOutcome>, number][] = [
    ['the interval alone', {}, 30 * MINUTE],
    ['changed', { outcome: 'changed' }, 30 * MINUTE],
    ['not modified', { outcome: 'not-modified' }, 30 * MINUTE],
    ['a longer TTL', { ttlMinutes: 60 }, HOUR],
    ['a shorter TTL', { ttlMinutes: 5 }, 30 * MINUTE],
    ['a longer max-age', { maxAgeSeconds: 7_200 }, 2 * HOUR],
    ['Expires ahead', { expires: new Date('2024-11-01T13:00:00Z') }, 3 * HOUR],
    ['Expires in the past', { expires: new Date('1994-11-01T13:00:00Z') }, 30 * MINUTE],
    ['Expires unreadable', { expires: new Date(Number.NaN) }, 30 * MINUTE],
    ['all of them', { ttlMinutes: 60, maxAgeSeconds: 7_200, retryAfterSeconds: 4 * HOUR }, 4 * HOUR],
    ['an absurd TTL', { ttlMinutes: 1e9 }, DAY],
    ['an interval of nothing', { intervalMinutes: 0 }, MINUTE],
    ['an interval that is no number', { intervalMinutes: Number.NaN }, MINUTE],
    ['Retry-After beyond a day', { retryAfterSeconds: 3 * DAY }, 3 * DAY],
    ['Retry-After beyond a week', { retryAfterSeconds: 30 * DAY }, 7 * DAY],
    ['a first failure', { outcome: 'failed', failures: 1 }, 30 * MINUTE],
    ['a third failure', { outcome: 'failed', failures: 3 }, 2 * HOUR],
    ['a hundredth failure', { outcome: 'failed', failures: 100 }, DAY],
    ['rate-limited, no time named', { outcome: 'rate-limited', failures: 2 }, HOUR],
    [
      'rate-limited, a time named',
      { outcome: 'rate-limited', failures: 1, retryAfterSeconds: 2 * HOUR },
      2 * HOUR,
    ],
    ['an open circuit', { outcome: 'failed', failures: 8, circuitOpen: true }, 21 * HOUR],
    ['an open circuit, patience asked for', { outcome: 'rate-limited', circuitOpen: true }, 21 * HOUR],
    ['quiet for a day', { lastChangedAt: ago(DAY) }, 2.4 * HOUR],
    ['quiet for an hour', { lastChangedAt: ago(HOUR) }, 30 * MINUTE],
    ['quiet for a year, twice within its promise', { lastChangedAt: ago(365 * DAY) }, 12 * HOUR],
    ['quiet for a year, without a promise', { lastChangedAt: ago(365 * DAY), freshMinutes: null }, DAY],
    [
      'quiet, with a promise shorter than its interval',
      { lastChangedAt: ago(DAY), freshMinutes: 10 },
      30 * MINUTE,
    ],
    ['changed in time to come', { lastChangedAt: ago(-DAY) }, 30 * MINUTE],
    [
      'quiet and failing: it is missed sooner',
      { outcome: 'failed', failures: 1, lastChangedAt: ago(DAY) },
      30 * MINUTE,
    ],
    ['incomplete', { outcome: 'incomplete', ttlMinutes: 60 }, MINUTE],
    ['incomplete, but told to wait', { outcome: 'incomplete', retryAfterSeconds: HOUR }, HOUR],
  ]
  for (const [what, poll, seconds] of cases)
    t.equal(waitOf({ ...QUIET, ...poll }, steady(poll)), seconds, what)
})

t.test('jitter spreads polls by a tenth either way', async (t) => {
  t.equal(waitOf(QUIET, 0), 27 * MINUTE)
  t.ok(Math.abs(waitOf(QUIET, 0.999999) - 33 * MINUTE) < 1)
})

t.test('the next poll is always within bounds and never before Retry-After', async () => {
  const wish = fc.option(fc.oneof(fc.double(), fc.integer({ min: -10, max: 2_000_000 })))
  const poll = fc.record<PollOutcome>({
    outcome: fc.constantFrom('changed', 'unchanged', 'not-modified', 'rate-limited', 'failed', 'incomplete'),
    intervalMinutes: fc.oneof(fc.integer({ min: 1, max: 10_000 }), fc.double()),
    ttlMinutes: wish,
    maxAgeSeconds: wish,
    expires: fc.option(fc.date({ noInvalidDate: false })),
    retryAfterSeconds: wish,
    failures: fc.integer({ min: 0, max: 1_000 }),
    freshMinutes: fc.option(fc.oneof(fc.integer({ min: 1, max: 600_000 }), fc.double())),
    lastChangedAt: fc.option(fc.date({ noInvalidDate: false })),
    circuitOpen: fc.boolean(),
  })
  fc.assert(
    fc.property(poll, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (outcome, draw) => {
      const wait = waitOf(outcome, draw)
      const asked = Math.min(7 * DAY, outcome.retryAfterSeconds || 0)
      return wait >= MINUTE && wait >= asked && wait <= Math.max(DAY, Math.min(7 * DAY, asked * 1.1 + 1))
    }),
    { numRuns: 2_000 },
  )
})

t.test('more failures in a row never bring the next poll nearer', async () => {
  const steps = fc.record({
    failures: fc.integer({ min: 1, max: 50 }),
    intervalMinutes: fc.integer({ min: 1, max: 3_000 }),
  })
  fc.assert(
    fc.property(steps, ({ failures, intervalMinutes }) => {
      const poll: PollOutcome = { ...QUIET, outcome: 'failed', intervalMinutes, failures }
      return waitOf({ ...poll, failures: failures + 1 }, 0.5) >= waitOf(poll, 0.5)
    }),
  )
})

t.test('a quiet source is never asked more often, nor so seldom that it breaks its promise', async () => {
  const quiet = fc.record({
    intervalMinutes: fc.integer({ min: 1, max: 1_440 }),
    freshMinutes: fc.option(fc.integer({ min: 1, max: 525_600 })),
    lastChangedAt: fc.option(fc.date({ noInvalidDate: false, max: NOW })),
  })
  fc.assert(
    fc.property(quiet, ({ intervalMinutes, freshMinutes, lastChangedAt }) => {
      const wait = waitOf({ ...QUIET, intervalMinutes, freshMinutes, lastChangedAt }, 0.5)
      const interval = intervalMinutes * MINUTE
      const promise = freshMinutes === null ? DAY : (freshMinutes * MINUTE) / 2
      return wait >= interval && wait <= Math.max(interval, Math.min(DAY, promise)) + 0.001
    }),
    { numRuns: 2_000 },
  )
})

t.test('sources whose circuit is open are asked once a day, and not all at once', async () => {
  const open: PollOutcome = { ...QUIET, outcome: 'failed', failures: 8, circuitOpen: true }
  const waits = [0, 0.5, 0.999].map((draw) => waitOf(open, draw))
  t.ok(waits.every((wait) => wait > 0.75 * DAY && wait <= DAY))
  t.equal(new Set(waits).size, 3)
})

function ago(seconds: number): Date {
  return new Date(NOW.getTime() - seconds * 1000)
}

/** Retry-After is only ever jittered upwards, all else around the middle. */
function steady(poll: Partial<PollOutcome>): number {
  return poll.retryAfterSeconds ? 0 : 0.5
}

function waitOf(poll: PollOutcome, draw: number): number {
  return (nextPoll(poll, NOW, () => draw).at.getTime() - NOW.getTime()) / 1000
}
