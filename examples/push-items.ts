/**
 * A feedback provider: pushes what patients wrote on its own site, and what was answered there, one item a line.
 *
 *   npx node --env-file=.data/demo-keys examples/push-items.ts
 *
 * An item is known by its externalId. Push whatever you have, as often as you like: what is unchanged changes nothing.
 * A batch is taken whole or not at all, with its bookmark: whoever was broken off reads that, and goes on behind it.
 */
import { answerOf } from './answer.ts'

export type ItemResult = {
  externalId: string | null
  outcome: string
  /** The case that came of it. */
  reference: string | null
  /** Why it was put aside, as a code and in words; null when it was taken. */
  reason: string | null
  detail: string | null
}

export type Provider = { url: string; key: string; source: string; organisation?: string }

/** Pushes a story, the answer to it and one item that is not right; gives what became of each, in the same order. */
export async function pushItems(
  { url, key, source, organisation = 'RJ1' }: Provider,
  { dryRun = false } = {},
): Promise<ItemResult[]> {
  const items = itemsOf(organisation)
  const bookmark = items.at(-1)?.externalId ?? ''
  const query = new URLSearchParams({ bookmark, dryRun: String(dryRun) })
  const response = await fetch(`${url}/v1/sources/${source}/items?${query}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
    body: items.map((item) => JSON.stringify(item)).join('\n'),
  })
  const answer = await answerOf<{ items: ItemResult[] }>(response)
  return answer.items
}

/** Where in our list the last batch ended that was taken; null before the first. */
export async function bookmarkOf({ url, key, source }: Provider): Promise<string | null> {
  const headers = { authorization: `Bearer ${key}` }
  const response = await fetch(`${url}/v1/sources/${source}`, { headers })
  return (await answerOf<{ bookmark: string | null }>(response)).bookmark
}

function itemsOf(organisation: string): Array<{ externalId: string; [field: string]: unknown }> {
  return [
    {
      type: 'story',
      externalId: 'example-story-1',
      organisation,
      title: 'Well explained',
      text: 'The nurse told me every step before she took it. (Invented example.)',
      publishedAt: '2026-11-20T09:00:00Z',
      tags: ['staff'],
    },
    {
      type: 'reply',
      externalId: 'example-reply-1',
      inReplyTo: 'example-story-1',
      text: 'Thank you, we have told the team. (Invented example.)',
      publishedAt: '2026-11-21T09:00:00Z',
    },
    // Nobody knows this organisation: it is quarantined with its reason, and the others are taken all the same.
    {
      type: 'story',
      externalId: 'example-story-2',
      organisation: 'NOBODY',
      text: 'Where was this? (Invented example.)',
    },
  ]
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', FEED_PROVIDER_KEY: key = '' } = process.env
  const provider = { url, key, source: 'example-push' }
  for (const [time, dryRun] of [
    ['dry run', true],
    ['first push', false],
    ['second push', false],
  ] as const) {
    const results = await pushItems(provider, { dryRun })
    const told = results.map(
      ({ externalId, outcome, detail }) => `  ${externalId}: ${outcome} ${detail ?? ''}`,
    )
    console.log(`The ${time}:\n${told.join('\n')}`)
  }
  console.log(`The next batch begins behind ${await bookmarkOf(provider)}.`)
}
