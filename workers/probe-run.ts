import type { AskedRunEnd, TakenUpRun } from '../domain/asked-runs.ts'
import { keepProbe, planProbe } from '../domain/probes.ts'
import { noCounts } from '../domain/runs.ts'
import type { SourceOpinion } from '../domain/sources.ts'
import type { Context } from './context.ts'
import { lookAtSource } from './look-at-source.ts'

/**
 * Looks at a source as somebody has asked, whatever its state: can its document be fetched and read, and does a second
 * reader agree? A look that fails is no failure of the source's polls.
 */
export async function probe(context: Context, run: TakenUpRun): Promise<AskedRunEnd | 'lost'> {
  const { db, signal } = context
  const plan = await planProbe(db, run.sourceId)
  if (plan === null) return failed('not-polled', 'The source is not polled any more.')
  const look = await lookAtSource(context, plan)
  if (signal.aborted) return 'lost'
  if ('outcome' in look) return failed(look.reason, look.detail)
  const { count, opinion } = look
  if (!(await keepProbe(db, run, { opinion, version: plan.version, isSample: false }))) return 'lost'
  const counts = { ...noCounts, pages: 1, seen: count }
  return { state: 'succeeded', outcome: 'probed', detail: inWords(opinion), counts }
}

function inWords({ verdict, differences }: SourceOpinion): string {
  switch (verdict) {
    case 'agrees':
      return 'A second reader reads the same.'
    case 'differs':
      return `A second reader reads it otherwise: ${differences.join('; ')}.`
    case 'none':
      return 'There is no second reader for it, or none that can read it.'
  }
}

function failed(reason: string, detail: string): AskedRunEnd {
  return { state: 'failed', outcome: reason, detail, counts: noCounts }
}
