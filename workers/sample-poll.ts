import type { BatchedReading } from '../connectors/reader.ts'
import { comparedOf } from '../connectors/second-opinion.ts'
import type { Entry } from '../domain/items.ts'
import { keepSample } from '../domain/probes.ts'
import type { PollPlan } from '../domain/source-polls.ts'
import type { FetchedDocument } from '../net/fetch.ts'
import type { Context } from './context.ts'
import { opinionOf, type SecondLook, secondLook } from './second-look.ts'

const EVERY = 20
const MOST_BYTES = 2_000_000
const isRss = /<(?:[\w.-]+:)?(?:rss|RDF)[\s>]/

/** What is kept of a poll's first document for a second reader: of every twentieth poll, where it is RSS of some size. */
export function sampleOf({ polls }: Pick<PollPlan, 'polls'>, document: FetchedDocument): SecondLook | null {
  if (polls % EVERY !== 0 || !isRss.test(document.bytes.toString('latin1', 0, 4_096))) return null
  return secondLook(document, MOST_BYTES)
}

/** The same reading, and what is fetched of it is noted for the second reader. */
export function noting(reading: BatchedReading, { items }: SecondLook): BatchedReading {
  async function* batches(): AsyncGenerator<Entry[]> {
    for await (const batch of reading.batches()) {
      items.push(...comparedOf(batch))
      yield batch
    }
  }
  return { ...reading, batches }
}

/** Asks the second reader about a poll that has ended; whatever comes of it, the poll stays as it is. */
export async function lookAtSample(context: Context, plan: PollPlan, sample: SecondLook): Promise<void> {
  const { db, log, now, signal } = context
  const { sourceId, run, version } = plan
  try {
    const opinion = await opinionOf(sample, now())
    if (opinion.verdict === 'none' || signal.aborted) return
    await keepSample(db, sourceId, { opinion, version })
    const { verdict, differences } = opinion
    if (verdict === 'differs')
      log.info(
        { sourceId, run: run.reference, differences: differences.length },
        'a second reader reads otherwise',
      )
  } catch (err) {
    log.warn({ sourceId, run: run.reference, err }, 'a sample could not be looked at')
  }
}
