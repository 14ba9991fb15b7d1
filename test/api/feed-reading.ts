import type { Reading } from '../../connectors/connector.ts'
import { feed } from '../../connectors/feed.ts'
import type { Deletion, Reply, Story } from '../../domain/items.ts'
import { type Answer, type Harness, PUBLIC_URL } from './harness.ts'

/** A document of a feed as our own reader of feeds reads it. */
export function read(text: string, format: 'atom' | 'json' | 'rss' = 'atom'): Reading {
  const types = { atom: 'application/atom+xml', json: 'application/feed+json', rss: 'application/rss+xml' }
  const document = {
    bytes: Buffer.from(text),
    contentType: `${types[format]}; charset=utf-8`,
    status: 200,
    url: `${PUBLIC_URL}/v1/feeds/cases.${format}`,
  }
  const reading = feed.read(document, settings[format])
  if ('failure' in reading) throw new Error(reading.detail)
  if (reading.warnings.length > 0) throw new Error(reading.warnings.join())
  return reading
}

/** Its stories, replies and deletions. */
export function itemsIn(
  text: string,
  format: 'atom' | 'json' | 'rss' = 'atom',
): { stories: Story[]; replies: Reply[]; deletions: Deletion[] } {
  const items = read(text, format).entries.map((entry) => {
    if ('item' in entry) return entry.item
    throw new Error(JSON.stringify(entry))
  })
  return {
    stories: items.filter((item) => item.type === 'story'),
    replies: items.filter((item) => item.type === 'reply'),
    deletions: items.filter((item) => item.type === 'deletion'),
  }
}

/** All documents of a feed, from the newest to the oldest, by its links; `meanwhile` runs before each but the first. */
export async function walk(
  { call }: Pick<Harness, 'call'>,
  from: string,
  meanwhile?: (n: number) => Promise<void>,
): Promise<Answer[]> {
  const documents: Answer[] = []
  for (let url: string | undefined = from; url !== undefined; ) {
    if (documents.length > 0) await meanwhile?.(documents.length)
    const answer: Answer = await call({ url })
    if (answer.status !== 200) throw new Error(`${url}: ${answer.status} ${answer.text}`)
    documents.push(answer)
    const next: string | undefined = answer.body?.next_url ?? linkIn(answer.text, 'prev-archive')
    url = next?.slice(PUBLIC_URL.length)
  }
  return documents
}

/** Where a link of a feed leads. */
export function linkIn(text: string, rel: string): string | undefined {
  const link = text.match(/<(?:atom:)?link [^>]*>/g)?.find((one) => one.includes(`rel="${rel}"`))
  return link?.match(/href="([^"]*)"/)?.[1]?.replaceAll('&amp;', '&')
}

/** The references of cases whose entries stand in documents, each once; what stands in an earlier document holds. */
export function casesIn(documents: readonly Answer[]): Set<string> {
  const seen = new Set<string>()
  const there = new Set<string>()
  for (const { text } of documents) {
    const { stories, deletions } = itemsIn(text)
    for (const { externalId } of [...stories, ...deletions]) {
      const reference = /^tag:[^,]+,2026:case:(.+)$/.exec(externalId)?.[1]
      if (reference === undefined || seen.has(reference)) continue
      seen.add(reference)
      if (stories.some((story) => story.externalId === externalId)) there.add(reference)
    }
  }
  return there
}

const organisations = { domain: `${PUBLIC_URL}/v1/organisations`, scheme: 'ods' }
const settings = {
  atom: { organisationCategory: organisations },
  rss: { organisationCategory: organisations },
  json: { organisationElement: { namespace: '_care_connect', name: 'organisation', scheme: 'ods' } },
}
