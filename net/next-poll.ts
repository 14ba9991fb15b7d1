/** What is known after one poll; a time that the source did not give is null. */
export type PollOutcome = {
  outcome: 'changed' | 'unchanged' | 'not-modified' | 'rate-limited' | 'failed' | 'incomplete'
  intervalMinutes: number
  /** How old its last success may be, as it has promised. */
  freshMinutes: number | null
  /** When it last brought something new, or was registered. */
  lastChangedAt: Date | null
  /** RSS 2.0 `ttl`. */
  ttlMinutes: number | null
  /** RFC 9111 5.2.2.1. */
  maxAgeSeconds: number | null
  expires: Date | null
  retryAfterSeconds: number | null
  /** Failures in a row, or for a server that asks for patience how often it did so in a row; this time included. */
  failures: number
  /** It has failed so often that it is asked once a day only. */
  circuitOpen: boolean
}

/**
 * When to ask next: the slowest wish of source and server, within 1 minute and 24 hours, Retry-After within 7 days;
 * `random` is in [0, 1). A source that has been quiet is asked when a tenth of that time has passed again, but twice
 * within its promise and once a day at least.
 */
export function nextPoll(poll: PollOutcome, now: Date, random: () => number): { at: Date } {
  const draw = random()
  const wait = within(MINUTE, DAY, usualWait(poll, now) * (0.9 + 0.2 * draw))
  return { at: new Date(now.getTime() + Math.max(wait, retryAfter(poll, draw))) }
}

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const WEEK = 7 * DAY
// Spread by a tenth either way it stays within a day.
const ONCE_A_DAY = 21 * 60 * MINUTE

function usualWait(poll: PollOutcome, now: Date): number {
  const wished = longest(
    poll.intervalMinutes * MINUTE,
    (poll.ttlMinutes ?? 0) * MINUTE,
    (poll.maxAgeSeconds ?? 0) * 1000,
    poll.expires ? poll.expires.getTime() - now.getTime() : 0,
  )
  switch (poll.outcome) {
    case 'changed':
    case 'unchanged':
    case 'not-modified':
      return longest(wished, quietWait(poll, now))
    case 'failed':
    case 'rate-limited':
      if (poll.circuitOpen) return ONCE_A_DAY
      return Math.max(wished, MINUTE) * 2 ** within(0, 12, poll.failures - 1)
    case 'incomplete':
      return MINUTE
  }
}

function quietWait({ lastChangedAt, freshMinutes }: PollOutcome, now: Date): number {
  if (lastChangedAt === null) return 0
  const quiet = now.getTime() - lastChangedAt.getTime()
  const promise = freshMinutes === null ? DAY : (freshMinutes * MINUTE) / 2
  return within(0, Math.min(DAY, promise), quiet / 10)
}

// Jitter only ever delays what the server asked for.
function retryAfter({ retryAfterSeconds }: PollOutcome, draw: number): number {
  const asked = within(0, WEEK, (retryAfterSeconds ?? 0) * 1000)
  return Math.min(WEEK, Math.ceil(asked * (1 + 0.1 * draw)))
}

/** Of waits that feeds claim: what is no number does not count. */
function longest(...waits: number[]): number {
  return Math.max(0, ...waits.filter((wait) => !Number.isNaN(wait)))
}

function within(least: number, most: number, value: number): number {
  return Number.isNaN(value) ? least : Math.min(most, Math.max(least, value))
}
