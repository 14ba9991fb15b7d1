import type { Fetcher } from '../net/fetch.ts'
import type { Db } from '../prisma/client.ts'
import type { Log } from './log.ts'

/** What every job has at hand. */
export type Context = {
  db: Db
  fetcher: Fetcher
  log: Log
  now: () => Date
  random: () => number
  /** Aborted when the process cannot wait any longer. */
  signal: AbortSignal
  settings: PollSettings
}

export type PollSettings = {
  /** How long a claimed source is its worker's own after its last sign of life. */
  leaseMs: number
  /** Sources claimed at one tick, and of one host at a time. */
  claimLimit: number
  perHost: number
  /** Pages of one poll; a longer walk goes on with the next. */
  pages: number
}

export const defaultPollSettings: PollSettings = { leaseMs: 300_000, claimLimit: 50, perHost: 2, pages: 20 }
