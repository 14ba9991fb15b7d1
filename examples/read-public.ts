/**
 * A supplier, a researcher, anybody: reads everything that is published, page by page. No key is needed.
 *
 *   npx node examples/read-public.ts
 *
 * Published cases are under the Open Government Licence 3.0; where `source` is not null, show its attribution too.
 */
import { answerOf } from './answer.ts'

export type PublicCase = {
  reference: string
  kind: string
  title: string | null
  text: string
  status: string
  reportedAt: string
  organisation: { code: string; name: string }
  responses: Array<{ text: string; respondedAt: string }>
  source: { title: string; attribution: string | null; licence: string | null } | null
}

/** Every published case, newest first. A page is asked for only when the one before has been read. */
export async function* readPublicCases({
  url,
  pageSize = 100,
}: {
  url: string
  pageSize?: number
}): AsyncGenerator<PublicCase> {
  let after: string | null = null
  do {
    const query = new URLSearchParams({ limit: String(pageSize), ...(after !== null && { after }) })
    const page: { items: PublicCase[]; next: string | null } = await answerOf(
      await fetch(`${url}/v1/cases?${query}`),
    )
    yield* page.items
    after = page.next
  } while (after !== null)
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000' } = process.env
  const answered = { yes: 0, no: 0 }
  for await (const { responses } of readPublicCases({ url })) answered[responses.length > 0 ? 'yes' : 'no']++
  console.log(`${answered.yes + answered.no} cases are published; ${answered.yes} of them were answered.`)
}
