import t from 'tap'
import { noCounts } from '../../domain/runs.ts'
import { noCursor, type PollPlan } from '../../domain/source-polls.ts'
import { endOf, logEnd } from '../../workers/end-poll.ts'
import { noProgress } from '../../workers/walk.ts'
import { type Line, logTo } from './poll-setting.ts'

const NOW = new Date('2026-11-22T12:00:00.000Z')
const at = { now: () => NOW, random: () => 0.5 }
const plan: PollPlan = {
  sourceId: 1,
  name: 'invented',
  state: 'active',
  connector: 'feed',
  address: 'https://stories.example/feed',
  settings: {},
  intervalMinutes: 15,
  freshMinutes: 1_440,
  lastChangedAt: NOW,
  fullListing: false,
  maxDocumentBytes: null,
  cursor: noCursor,
  validators: { etag: null, lastModified: null, bodySha256: null },
  failures: 0,
  polls: 1,
  version: 1,
  run: { id: 1, reference: 'R' },
}
const timeout = { outcome: 'failed', reason: 'timeout', detail: 'late' } as const
const limited = { outcome: 'rate-limited', reason: 'rate-limited', detail: 'answered 429' } as const

t.test('to be asked for patience is no failure of the source, but is waited for ever longer', async (t) => {
  let before = { ...plan, failures: 7 }
  const waits: number[] = []
  for (let time = 0; time < 4; time++) {
    const end = endOf(at, before, noProgress(before), limited)
    t.match(end, { state: 'failed', failures: 7, failure: { reason: 'rate-limited' } })
    waits.push(minutesOf(end.nextCheckAt))
    before = { ...before, cursor: end.cursor }
  }
  t.same(waits, [15, 30, 60, 120])
  t.equal(endOf(at, before, noProgress(before), { outcome: 'unchanged', detail: null }).cursor.limited, 0)
})

t.test('to be stopped from here is no failure of the source, and it is due at once', async (t) => {
  const end = endOf(at, plan, noProgress(plan), { outcome: 'failed', reason: 'aborted', detail: 'stopped' })
  t.match(end, { state: 'failed', outcome: 'aborted', failures: 0, failure: null, nextCheckAt: NOW })
})

t.test('failures count, and from the eighth on the source is asked once a day', async (t) => {
  const waitAfter = (failures: number) => {
    const before = { ...plan, failures }
    return minutesOf(endOf(at, before, noProgress(before), timeout).nextCheckAt)
  }
  t.same([0, 1, 2, 6, 7, 30].map(waitAfter), [15, 30, 60, 960, 1_260, 1_260])
})

t.test('a source that has been quiet is asked less often, until it brings something new', async (t) => {
  const quiet = { ...plan, lastChangedAt: new Date(NOW.getTime() - 10 * 3_600_000) }
  const nothing = endOf(at, quiet, noProgress(quiet), { outcome: 'not-modified', detail: null })
  t.equal(minutesOf(nothing.nextCheckAt), 60)
  const news = { ...noProgress(quiet), counts: { ...noCounts, created: 1 } }
  t.equal(minutesOf(endOf(at, quiet, news, { outcome: 'changed', detail: null }).nextCheckAt), 15)
})

t.test('a move is remembered when the poll has ended well, and said', async (t) => {
  const moved = { ...noProgress(plan), movedTo: 'https://moved.example/feed' }
  const outcomeOf = (end: Parameters<typeof endOf>[3]) => endOf(at, plan, moved, end)
  t.match(outcomeOf({ outcome: 'unchanged', detail: null }), {
    movedTo: 'https://moved.example/feed',
    detail: 'The source has moved for good.',
  })
  t.match(outcomeOf({ outcome: 'incomplete', detail: 'More follows.' }), {
    detail: 'More follows. The source has moved for good.',
  })
  for (const end of [timeout, limited, { outcome: 'cut', detail: 'It has no end.' } as const]) {
    t.match(outcomeOf(end), { movedTo: null, detail: end.detail })
  }
})

t.test('an opened and a closed circuit have a line each in the log', async (t) => {
  const lines: Line[] = []
  const log = { log: logTo(lines) } as Parameters<typeof logEnd>[0]
  const failing = { ...plan, failures: 7 }
  logEnd(log, failing, endOf(at, failing, noProgress(failing), timeout), NOW, NOW)
  const open = { ...plan, failures: 8 }
  logEnd(log, open, endOf(at, open, noProgress(open), timeout), NOW, NOW)
  logEnd(log, open, endOf(at, open, noProgress(open), { outcome: 'unchanged', detail: null }), NOW, NOW)
  t.match(lines, [
    { level: 'warn', message: 'poll failed' },
    { level: 'warn', message: /circuit.*opened/, sourceId: 1, failures: 8 },
    { level: 'warn', message: 'poll failed' },
    { level: 'info', message: 'polled' },
    { level: 'info', message: /circuit.*closed/, sourceId: 1 },
  ])
})

function minutesOf(time: Date): number {
  return Math.round((time.getTime() - NOW.getTime()) / 60_000)
}
