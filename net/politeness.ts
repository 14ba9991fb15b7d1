import { setTimeout as delay } from 'node:timers/promises'

export type PolitenessOptions = {
  /** Requests under way to one host at a time. */
  connections: number
  /** Least time between two starts at one host, in milliseconds. */
  gapMs: number
  clock?: Clock
}

export type Clock = { now: () => number; sleep: (ms: number, signal: AbortSignal) => Promise<void> }

export type Politeness = {
  /** Waits for a turn at a host (`hostname:port`); call what it returns when the request is over. */
  turn: (host: string, signal: AbortSignal, gapMs?: number) => Promise<() => void>
}

/** Keeps requests to one host few and apart, first come, first served. */
export function createPoliteness({ connections, gapMs, clock = wallClock }: PolitenessOptions): Politeness {
  const lines = new Map<string, Line>()

  return {
    async turn(host, signal, ownGapMs = gapMs) {
      const line = lines.get(host) ?? { running: 0, waiting: [], nextStart: Number.NEGATIVE_INFINITY }
      lines.set(host, line)
      await place(line, connections, signal)
      try {
        const now = clock.now()
        const start = Math.max(now, line.nextStart)
        line.nextStart = start + ownGapMs
        if (start > now) await clock.sleep(start - now, signal)
        signal.throwIfAborted()
      } catch (error) {
        leave(line)
        throw error
      }
      return once(() => {
        leave(line)
        forgetIdle(lines, clock.now())
      })
    },
  }
}

type Line = { running: number; waiting: (() => void)[]; nextStart: number }

const wallClock: Clock = {
  now: () => performance.now(),
  sleep: async (ms, signal) => delay(ms, undefined, { signal }),
}

async function place(line: Line, connections: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  if (line.running < connections) {
    line.running++
    return
  }
  await new Promise<void>((resolve, reject) => {
    const enter = () => {
      signal.removeEventListener('abort', giveUp)
      resolve()
    }
    const giveUp = () => {
      line.waiting = line.waiting.filter((other) => other !== enter)
      reject(signal.reason)
    }
    line.waiting.push(enter)
    signal.addEventListener('abort', giveUp, { once: true })
  })
}

// The place passes straight to the next in line, so that nobody slips in between.
function leave(line: Line): void {
  const next = line.waiting.shift()
  if (next) next()
  else line.running--
}

function forgetIdle(lines: Map<string, Line>, now: number): void {
  for (const [host, line] of lines) if (line.running === 0 && line.nextStart <= now) lines.delete(host)
}

function once(action: () => void): () => void {
  let done = false
  return () => {
    if (done) return
    done = true
    action()
  }
}
