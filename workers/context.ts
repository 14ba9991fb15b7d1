import type { Reader } from '../connectors/reader.ts'
import type { Fetcher } from '../net/fetch.ts'
import type { Db } from '../prisma/client.ts'
import type { Log } from './log.ts'
import type { Measure } from './measure.ts'

/** What every job has at hand. */
export type Context = {
  db: Db
  fetcher: Fetcher
  reader: Reader
  log: Log
  now: () => Date
  random: () => number
  /** Aborted when the process cannot wait any longer. */
  signal: AbortSignal
  settings: PollSettings
  measure?: Pick<Measure, 'counted'> | undefined
}

export type PollSettings = {
  /** How long a claimed source is its worker's own after its last sign of life. */
  leaseMs: number
  /** Sources claimed at one go, and so often in a row as all of them are there. */
  claimLimit: number
  claimsInARow: number
  /** Sources of one host that are claimed at a time, and of all hosts, by all workers together. */
  perHost: number
  claimedAtMost: number
  /** Pages of one poll; a longer walk goes on with the next. */
  pages: number
}

export const defaultPollSettings: PollSettings = {
  leaseMs: 300_000,
  claimLimit: 100,
  claimsInARow: 10,
  perHost: 2,
  claimedAtMost: 1_000,
  pages: 20,
}
