/**
 * A supplier saves a filter once, and gives its id wherever cases are read: list, count, map, feed and change log.
 *
 *   SUPPLIER_KEY=… npx node examples/saved-query.ts
 *
 * Whoever knows the id of a public query may read by it, without a key.
 */
import { answerOf } from './answer.ts'

export type Filter = { organisation?: string[]; kind?: string[]; status?: string[]; q?: string }
export type SavedQuery = { id: string; name: string; links: Record<string, string> }

/** Saves a filter; the same name a second time is refused with `name_taken`. */
export async function saveQuery(
  { url, key }: { url: string; key: string },
  query: { name: string; filter: Filter },
): Promise<SavedQuery> {
  const response = await fetch(`${url}/v1/queries`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      // A repeat after a broken connection gets the same query.
      'idempotency-key': crypto.randomUUID(),
    },
    body: JSON.stringify(query),
  })
  return answerOf(response)
}

/** What the query selects now: how many, which, where on the map, and what has happened to them so far. */
export async function readQuery(url: string, id: string) {
  const read = async <T>(path: string): Promise<T> => answerOf(await fetch(`${url}/v1/${path}query=${id}`))
  const { total } = await read<{ total: number }>('case-counts?')
  const { items } = await read<{ items: Array<{ reference: string }> }>('cases?')
  const { features } = await read<{ features: object[] }>('geo-feed?')
  const log = await read<{ items: Array<{ type: string; case: string }>; next: string }>('events?')
  return {
    total,
    references: items.map(({ reference }) => reference),
    onMap: features.length,
    happened: log.items.map(({ type }) => type),
    // Come back with it as `after`, and hear only what is new.
    next: log.next,
  }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', SUPPLIER_KEY: key = '' } = process.env
  const filter = { kind: ['concern'], status: ['open', 'in_progress'] }
  const { id, links } = await saveQuery({ url, key }, { name: `Open concerns, ${Date.now()}`, filter })
  console.log({ ...(await readQuery(url, id)), feed: links.atom })
}
