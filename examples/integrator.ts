/**
 * An integrator, like a patient's own app: creates a case from its server, lists its own cases and follows one.
 *
 *   npx node --env-file=.data/demo-keys examples/integrator.ts
 *
 * The types are what openapi-typescript makes of the service's `/openapi.yaml`, and openapi-fetch checks every address,
 * parameter and body against them: a field that the contract does not have does not compile. The key is secret and
 * stays on the server. An integrator sees where its cases stand and what was answered, but not the words and contact
 * details that it sent: those are for the people who work on the case.
 */
import createClient from 'openapi-fetch'
import type { components, paths } from '../api/contract/types.gen.ts'

// Lists come as CSV too, and with some of their fields; this asks for neither.
type MediaType = `application/${'' | 'geo+' | 'problem+'}json`

type Schemas = components['schemas']

export type Followed = {
  created: Schemas['CreatedCase']
  listed: string[]
  theCase: Schemas['OwnCase']
  /** The ETag of what was read: sent back, the answer is 304 while nothing has changed. */
  unchanged: boolean
}

/** Creates a concern, lists the cases that came through this key, and follows the new one. */
export async function createAndFollow({
  url,
  key,
  organisation = 'RJ1',
}: {
  url: string
  key: string
  organisation?: string
}): Promise<Followed> {
  const service = createClient<paths, MediaType>({
    baseUrl: url,
    headers: { authorization: `Bearer ${key}` },
  })
  const created = dataOf(
    await service.POST('/v1/cases', {
      params: { header: { 'Idempotency-Key': crypto.randomUUID() } },
      body: {
        kind: 'concern',
        organisation,
        category: 'delays',
        text: 'My appointment was moved three times. (Invented example.)',
        privacy: 'anonymous',
        contact: { name: 'Example Person', email: 'person@example.org' },
        acceptsTerms: true,
      },
    }),
  )
  // Newest first; the page after this one is at `next`, as examples/read-public.ts does it.
  const page = dataOf(await service.GET('/v1/cases', { params: { query: { view: 'mine', limit: 20 } } }))
  const path = { reference: created.reference }
  const read = await service.GET('/v1/cases/{reference}', { params: { path } })
  const theCase = dataOf(read)
  if (theCase.view !== 'own') throw new Error(`it is seen as ${theCase.view}`)

  const etag = read.response.headers.get('etag') ?? ''
  const again = await service.GET('/v1/cases/{reference}', {
    params: { path, header: { 'If-None-Match': etag } },
  })
  return {
    created,
    listed: page.items.map(({ reference }) => reference),
    theCase,
    unchanged: again.response.status === 304,
  }
}

/** What was answered; throws what the service says when it says no. Decide by `code`: it is stable, the words are not. */
function dataOf<T>({ data, error, response }: { data?: T; error?: unknown; response: Response }): T {
  if (data !== undefined) return data
  const { code, requestId } = error as Schemas['Problem']
  throw new Error(`${response.status} ${code} (request ${requestId})`)
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', INTEGRATOR_KEY: key = '' } = process.env
  const { created, listed, theCase } = await createAndFollow({ url, key })
  console.log(
    `${created.reference} is ${theCase.status} and ${theCase.publication}; it is one of ${listed.length} on the first page.`,
  )
}
