/**
 * An integrator, like a patient's own app: creates a case from its server and follows its own cases.
 *
 *   npx node --env-file=.data/demo-keys examples/integrator.ts
 *
 * The key is secret and stays on the server. An integrator sees where its cases stand and what was answered, but not
 * the words and contact details that it sent: those are for the people who work on the case.
 */
import { answerOf } from './answer.ts'

export type OwnCase = {
  view: 'own'
  reference: string
  status: string
  publication: string
  responses: Array<{ text: string; organisation: { name: string } | null }>
}

/** Creates a concern, lists the cases that came through this key, and reads the new one back. */
export async function createAndFollow({
  url,
  key,
  organisation = 'RJ1',
}: {
  url: string
  key: string
  organisation?: string
}): Promise<{ reference: string; listed: string[]; theCase: OwnCase }> {
  const authorization = `Bearer ${key}`
  const created = await answerOf<{ reference: string }>(
    await fetch(`${url}/v1/cases`, {
      method: 'POST',
      headers: {
        authorization,
        'content-type': 'application/json',
        'idempotency-key': crypto.randomUUID(),
      },
      body: JSON.stringify({
        kind: 'concern',
        organisation,
        category: 'delays',
        text: 'My appointment was moved three times. (Invented example.)',
        privacy: 'anonymous',
        contact: { name: 'Example Person', email: 'person@example.org' },
        acceptsTerms: true,
      }),
    }),
  )
  // Newest first; the page after this one is at `next`, as examples/read-public.ts does it.
  const page = await answerOf<{ items: OwnCase[]; next: string | null }>(
    await fetch(`${url}/v1/cases?view=mine&limit=20`, { headers: { authorization } }),
  )
  const theCase = await answerOf<OwnCase>(
    await fetch(`${url}/v1/cases/${created.reference}`, { headers: { authorization } }),
  )
  return { reference: created.reference, listed: page.items.map(({ reference }) => reference), theCase }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', INTEGRATOR_KEY: key = '' } = process.env
  const { reference, listed, theCase } = await createAndFollow({ url, key })
  console.log(
    `${reference} is ${theCase.status} and ${theCase.publication}; it is one of ${listed.length} on the first page.`,
  )
}
