import type { AskedRunEnd } from '../domain/asked-runs.ts'
import { DomainError } from '../domain/errors.ts'
import type { Entry } from '../domain/items.ts'
import {
  countWaiting,
  type TriedEntry,
  tryAgain,
  type WaitingEntry,
  waitingEntries,
} from '../domain/redrives.ts'
import type { RunCounts } from '../domain/runs.ts'
import { settingsOf } from '../domain/source-rows.ts'
import type { Context } from './context.ts'
import type { AskedWork } from './do-run.ts'
import { readAgain } from './read-again.ts'

/**
 * Tries again what waits in a source's quarantine, batch by batch; what can be taken now leaves it. After a kill it goes
 * on behind the last batch that was kept.
 */
export const redrive: AskedWork = async (context, run) => {
  const { db, now, settings, signal } = context
  const sourceSettings = await settingsOf(db.pool, run.sourceId)
  const total = run.asked.tried === undefined ? await countWaiting(db, run) : null
  let counts = run.counts
  for (let after = run.asked.tried ?? 0; ; ) {
    if (signal.aborted) return 'lost'
    const waiting = await waitingEntries(db, run, after)
    const batch = await readEach(context, waiting, sourceSettings)
    const until = new Date(now().getTime() + settings.leaseMs)
    const all = await tryAgain(db, run, batch, { counts, total, now: now(), until }).catch(pausedMeanwhile)
    if (all === null) return 'lost'
    if (all === 'paused') return paused(counts)
    counts = all
    const last = waiting.at(-1)
    if (last === undefined) break
    after = last.id
  }
  return { state: 'succeeded', outcome: 'tried-again', detail: null, counts }
}

async function readEach(
  context: Context,
  waiting: readonly WaitingEntry[],
  settings: object,
): Promise<TriedEntry[]> {
  const read = new Map<number, Entry>()
  for (const [readBy, same] of Map.groupBy(waiting.filter(canBeRead), (one) => one.readBy)) {
    const raws = same.map(({ raw }) => raw)
    const entries = await readAgain(context, readBy, raws, settings)
    for (const [n, { id }] of same.entries()) read.set(id, entries[n] as Entry)
  }
  return waiting.map((one) => ({ waiting: one, entry: read.get(one.id) ?? null }))
}

// A text is tried as it is. What the contract had against a pushed item only the API knows: it is to be pushed again.
function canBeRead({ readBy, reason }: WaitingEntry): boolean {
  return readBy !== 'text' && !(readBy === 'pushed' && reason === 'malformed')
}

function pausedMeanwhile(error: unknown): 'paused' {
  if (error instanceof DomainError && error.code === 'source_paused') return 'paused'
  throw error
}

function paused(counts: RunCounts): AskedRunEnd {
  const detail = 'The source was paused: make it active, and ask again.'
  return { state: 'failed', outcome: 'source-paused', detail, counts }
}
