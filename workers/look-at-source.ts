import { connectorFor } from '../connectors/connector.ts'
import { comparedOf } from '../connectors/second-opinion.ts'
import type { ProbePlan } from '../domain/probes.ts'
import type { SourceOpinion } from '../domain/sources.ts'
import type { Context } from './context.ts'
import { documentLimits } from './document-limits.ts'
import { opinionOf, secondLook } from './second-look.ts'
import type { WalkEnd } from './walk-pages.ts'

/** What was seen of a source: so many entries, and what a second reader says of them. */
export type Seen = { count: number; opinion: SourceOpinion }

/** Why nothing was seen. */
export type NotSeen = Extract<WalkEnd, { outcome: 'failed' | 'rate-limited' }>

/**
 * Fetches a source's first document as a poll would that knows nothing of it, reads it, and has a second reader of RSS
 * read it too. Nothing of it is taken.
 */
export async function lookAtSource(
  { fetcher, reader, now, signal }: Pick<Context, 'fetcher' | 'reader' | 'now' | 'signal'>,
  plan: Omit<ProbePlan, 'version'>,
): Promise<Seen | NotSeen> {
  const { address, settings, maxDocumentBytes } = plan
  const connector = connectorFor(plan.connector)
  if (connector === null) return failed('no-connector', `There is no connector "${plan.connector}" here.`)
  const url = connector.firstRequest(address, settings, null)
  const document = await fetcher.fetchDocument({
    url,
    signal,
    limits: documentLimits(maxDocumentBytes),
  })
  if (document.outcome === 'failed') return failed(document.reason, document.detail)
  if (document.outcome !== 'document') {
    return { outcome: 'rate-limited', reason: document.outcome, detail: `answered ${document.status}` }
  }
  const second = secondLook(document)
  const reading = await reader.read(plan.connector, document, settings)
  if ('failure' in reading) return failed(reading.failure, reading.detail)
  for await (const batch of reading.batches()) second?.items.push(...comparedOf(batch))
  return { count: reading.count, opinion: await opinionOf(second, now()) }
}

function failed(reason: string, detail: string): NotSeen {
  return { outcome: 'failed', reason, detail }
}
