/**
 * A form on a web page: sends what a patient has filled in, with a publishable key.
 *
 *   npx node --env-file=.data/demo-keys examples/form-page.ts
 *
 * In a browser this function works as it is, and the browser sends the page's Origin by itself; only here, outside
 * of one, we have to say it. The key works from its registered origins only, and can do nothing but this.
 */
import { answerOf } from './answer.ts'

export type FilledForm = { organisation: string; category: string; text: string }

/** What the page shows when it is done: the reference to keep, and the notice that every form must show. */
export type Thanks = { reference: string; advice: string | null; notice: string }

/** Sends one form; the same `attempt` again, after a lost answer or a second click, makes no second case. */
export async function sendForm(
  { url, key, origin }: { url: string; key: string; origin?: string },
  form: FilledForm,
  attempt: string = crypto.randomUUID(),
): Promise<Thanks> {
  const response = await fetch(`${url}/v1/cases`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': attempt,
      ...(origin !== undefined && { origin }),
    },
    body: JSON.stringify({ kind: 'feedback', privacy: 'anonymous', acceptsTerms: true, ...form }),
  })
  const { reference, advice, notice } = await answerOf<Thanks>(response)
  return { reference, advice, notice }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', FORM_KEY: key = '' } = process.env
  const thanks = await sendForm(
    { url, key, origin: 'https://www.example.org' },
    { organisation: 'RP4', category: 'staff', text: 'Everyone was kind to my child. (Invented example.)' },
  )
  console.log(`Thank you. Your reference is ${thanks.reference}.\n${thanks.notice}`)
}
