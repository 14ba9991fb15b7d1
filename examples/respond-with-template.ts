/**
 * A case handler who answers with a template: adds it, sees which templates fit a case and how they read, and sends one
 * after changing it.
 *
 *   npx node --env-file=.data/demo-keys examples/respond-with-template.ts K7QD-M2XW-9TRB-H
 *
 * A template is only a draft. Nothing is sent by filling it in, and what is sent is an ordinary response.
 */
import { answerOf, Problem } from './answer.ts'

export type CaseHandler = { url: string; key: string; person: string }

export type Filled = { template: string; code: string; name: string; text: string }

const TEMPLATE = {
  code: 'example_looking_into_it',
  name: 'We look into it',
  statuses: ['in_progress'],
  text: 'Thank you for telling us about {service}. We are looking into it, and your reference is {reference}. (Invented.)',
}

/** Adds the template of this example, unless it is there already. */
export async function addTemplate(handler: CaseHandler): Promise<void> {
  try {
    await ask(handler, '/v1/response-templates', { body: TEMPLATE })
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== 'code_taken') throw error
  }
}

/** The templates that fit a case which is to become `status`, filled in, the best first. */
export async function templatesFor(
  handler: CaseHandler,
  reference: string,
  status: string,
): Promise<Filled[]> {
  const path = `/v1/cases/${reference}/response-templates?status=${status}`
  return (await ask<{ items: Filled[] }>(handler, path)).items
}

/** Answers a case and moves it; the version says that nobody has changed it since it was read. */
export async function respond(
  handler: CaseHandler,
  reference: string,
  { text, status }: { text: string; status: string },
): Promise<void> {
  const { version } = await ask<{ version: number }>(handler, `/v1/cases/${reference}`)
  await ask(handler, `/v1/cases/${reference}/responses`, { body: { text, status }, version })
}

async function ask<T>(
  { url, key, person }: CaseHandler,
  path: string,
  { body, version }: { body?: object; version?: number } = {},
): Promise<T> {
  const response = await fetch(`${url}${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'acting-user': person,
      ...(version !== undefined && { 'if-match': `"${version}"` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return answerOf<T>(response)
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', CASE_HANDLER_KEY: key = '' } = process.env
  const [reference] = process.argv.slice(2)
  if (reference === undefined) throw new Error('say which case: its reference')
  const handler = { url, key, person: 'example' }
  await addTemplate(handler)
  const [best] = await templatesFor(handler, reference, 'in_progress')
  if (best === undefined) throw new Error('no template fits')
  console.log(`${best.name}: ${best.text}`)
  await respond(handler, reference, { text: `${best.text} We write again soon.`, status: 'in_progress' })
}
