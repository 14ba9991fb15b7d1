import type { Connector } from '../connectors/connector.ts'
import { noCounts, type RunCounts } from '../domain/runs.ts'
import type { PollCursor, PollPlan, Validators } from '../domain/source-polls.ts'
import type { AnswerFacts } from '../net/fetch.ts'
import type { Context } from './context.ts'
import type { SecondLook } from './second-look.ts'
import type { Start } from './walk-start.ts'

/** How far a poll has come, as it comes on. */
export type Progress = {
  cursor: PollCursor
  counts: RunCounts
  /** Entries in all, where that is known. */
  total: number | null
  wishes: Wishes
  /** Where the source is from now on, if the poll ends well; null when it has not moved. */
  movedTo: string | null
  /** What a second reader is to look at; null at most polls. */
  sample: SecondLook | null
}

/** When source and server would like to be asked again. */
export type Wishes = {
  ttlMinutes: number | null
  maxAgeSeconds: number | null
  expires: Date | null
  retryAfterSeconds: number | null
}

/**
 * How a walk ended; `cut`: a document had no end, but what was in it was taken; `lost`: somebody has closed its run, or
 * another poll has taken over; `paused`: its source was.
 */
export type WalkEnd =
  | {
      outcome: 'changed' | 'unchanged' | 'not-modified' | 'cut'
      detail: string | null
      validators?: Validators
    }
  | { outcome: 'incomplete'; detail: string }
  | { outcome: 'failed' | 'rate-limited'; reason: string; detail: string }
  | { outcome: 'lost' }
  | { outcome: 'paused' }

/** A walk through the documents of a source. */
export type Walk = {
  context: Context
  plan: PollPlan
  connector: Connector
  start: Start
  progress: Progress
  visited: Set<string>
  cut: boolean
}

export const noWishes: Wishes = {
  ttlMinutes: null,
  maxAgeSeconds: null,
  expires: null,
  retryAfterSeconds: null,
}

/** The progress of a poll that has not begun. */
export function noProgress({ cursor }: PollPlan): Progress {
  return { cursor, counts: noCounts, total: null, wishes: noWishes, movedTo: null, sample: null }
}

/** What an answer and its document say of the next time. */
export function wishesOf(
  { cacheControl, expires, retryAfterSeconds }: AnswerFacts,
  ttlMinutes: number | null,
): Wishes {
  return { ttlMinutes, maxAgeSeconds: cacheControl?.maxAge ?? null, expires, retryAfterSeconds }
}
