/**
 * A feedback provider: pushes what patients wrote on its own site, and what was answered there.
 *
 *   npx node --env-file=.data/demo-keys examples/push-items.ts
 *
 * An item is known by its externalId. Push whatever you have, as often as you like: what is unchanged changes nothing.
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

/** Pushes a story, the answer to it and one item that is not right; gives what became of each, in the same order. */
export async function pushItems({
  url,
  key,
  source,
  organisation = 'RJ1',
}: {
  url: string
  key: string
  source: string
  organisation?: string
}): Promise<ItemResult[]> {
  const response = await fetch(`${url}/v1/sources/${source}/items`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      items: [
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
      ],
    }),
  })
  const { items } = await answerOf<{ items: ItemResult[] }>(response)
  return items
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', FEED_PROVIDER_KEY: key = '' } = process.env
  for (const time of ['first', 'second']) {
    const results = await pushItems({ url, key, source: 'example-push' })
    const told = results.map(
      ({ externalId, outcome, detail }) => `  ${externalId}: ${outcome} ${detail ?? ''}`,
    )
    console.log(`The ${time} push:\n${told.join('\n')}`)
  }
}
