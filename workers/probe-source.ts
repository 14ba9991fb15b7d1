import { type Connector, connectorFor, type Reading } from '../connectors/connector.ts'
import { decodeDocument } from '../connectors/decode.ts'
import { readWithRssParser } from '../connectors/rss-parser-thread.ts'
import { compareReadings } from '../connectors/second-opinion.ts'
import { noCounts } from '../domain/runs.ts'
import { beginPoll, finishPoll, finishProbe, type PollPlan } from '../domain/source-polls.ts'
import type { SourceOpinion } from '../domain/sources.ts'
import type { FetchedDocument } from '../net/fetch.ts'
import type { Context } from './context.ts'
import { endOf, logEnd } from './end-poll.ts'
import { noProgress, type WalkEnd } from './walk-pages.ts'

/**
 * Looks at a source for the first time: can its document be fetched and read, and does a second reader of RSS agree?
 * A source that can be read is polled from then on, flagged when the two differ; one that cannot is looked at again.
 */
export async function probeSource(context: Context, sourceId: number): Promise<void> {
  const { db, now, settings } = context
  const began = now()
  const plan = await beginPoll(db, sourceId, began, settings.leaseMs)
  if (plan === null) return
  const look = await lookAt(context, plan).catch((err: unknown) => {
    context.log.warn({ sourceId, run: plan.run.reference, err }, 'a first look failed unexpectedly')
    return failed('error', 'Something unexpected; the log has it.')
  })
  const ended = now()
  if ('outcome' in look) {
    const end = endOf(context, plan, noProgress(plan), look)
    if (await finishPoll(db, plan, end, ended)) logEnd(context, plan, end, began, ended)
    return
  }
  const opinion = await opinionOf(look.document, look.reading, ended)
  const counts = { ...noCounts, pages: 1, seen: look.reading.entries.length }
  const seen = endOf(context, plan, { ...noProgress(plan), counts }, { outcome: 'unchanged', detail: null })
  const end = {
    ...seen,
    outcome: 'probed',
    detail: `The second reader: ${opinion.verdict}.`,
    nextCheckAt: now(),
    opinion,
  }
  if (await finishProbe(db, plan, end, ended)) logEnd(context, plan, end, began, ended)
}

/** What a second reader says of a document; its own failure is no opinion, and never stops a source. */
async function opinionOf(
  { bytes, contentType }: Pick<FetchedDocument, 'bytes' | 'contentType'>,
  reading: Reading,
  now: Date,
): Promise<SourceOpinion> {
  const at = now.toISOString()
  const { text } = decodeDocument(bytes, contentType)
  if (!isRss(text)) return { verdict: 'none', at, differences: [] }
  const other = await readWithRssParser(text)
  if ('noOpinion' in other) return { verdict: 'none', at, differences: [] }
  const differences = compareReadings(reading, other.items)
  return { verdict: differences.length === 0 ? 'agrees' : 'differs', at, differences: fewOf(differences) }
}

type Look = { document: FetchedDocument; reading: Reading } | FailedLook
type FailedLook = Extract<WalkEnd, { outcome: 'failed' | 'rate-limited' }>

async function lookAt({ fetcher, signal }: Context, plan: PollPlan): Promise<Look> {
  const connector: Connector | null = connectorFor(plan.connector)
  if (connector === null) return failed('no-connector', `There is no connector "${plan.connector}" here.`)
  const url = connector.firstRequest(plan.address, plan.settings, null)
  const document = await fetcher.fetchDocument({ url, signal })
  if (document.outcome === 'failed') return failed(document.reason, document.detail)
  if (document.outcome !== 'document') {
    return { outcome: 'rate-limited', reason: document.outcome, detail: `answered ${document.status}` }
  }
  const reading = connector.read(document, plan.settings)
  return 'failure' in reading ? failed(reading.failure, reading.detail) : { document, reading }
}

function failed(reason: string, detail: string): FailedLook {
  return { outcome: 'failed', reason, detail }
}

function isRss(text: string): boolean {
  const root = /<([A-Za-z][\w.-]*:)?([A-Za-z][\w.-]*)[\s>]/.exec(
    text.slice(0, 10_000).replace(/<!--[\s\S]*?-->/g, ''),
  )
  return root?.[2] === 'rss' || root?.[2] === 'RDF'
}

const MOST_DIFFERENCES = 20

function fewOf(differences: readonly string[]): string[] {
  if (differences.length <= MOST_DIFFERENCES) return [...differences]
  const few = differences.slice(0, MOST_DIFFERENCES)
  return [...few, `and ${differences.length - MOST_DIFFERENCES} more`]
}
