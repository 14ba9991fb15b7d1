import type { Test } from 'tap'
import type { Answer } from './harness.ts'

/** Says that an answer is this problem, of its own request, with exactly these fields as `in pointer code`. */
export function refused(t: Test, answer: Answer, status: number, code: string, fields?: string[]): void {
  t.equal(answer.status, status, answer.text)
  t.match(answer.headers['content-type'], /^application\/problem\+json/)
  t.match(answer.body, { status, code, type: new RegExp(`#${code}$`) })
  t.equal(answer.body.requestId, answer.headers['request-id'])
  if (fields !== undefined) t.same(fieldsOf(answer).sort(), [...fields].sort(), answer.text)
}

/** The bad fields of an answer as `in pointer code`. */
export function fieldsOf({ body }: Answer): string[] {
  return (body.errors ?? []).map(
    (error: { in: string; pointer: string; code: string }) => `${error.in} ${error.pointer} ${error.code}`,
  )
}

/** The references of a page. */
export function references({ body }: Answer): string[] {
  return body.items.map((item: { reference: string }) => item.reference)
}

/** What no public page may ever hold. */
export const canaries = {
  text: 'CANARYTEXT',
  title: 'CANARYTITLE',
  name: 'CANARYNAME',
  email: 'canarymail@example.org',
  phone: '02079461357',
  actingUser: 'CANARYPERSON',
}

/** A draft full of canaries. */
export const canaryDraft = {
  title: `${canaries.title} (invented)`,
  text: `${canaries.text} (invented)`,
  contact: { name: canaries.name, email: canaries.email, phone: canaries.phone },
}

/** Says that none of the canaries is in a text. */
export function holdsNone(t: Test, text: string, where: string, but: string[] = []): void {
  for (const [name, canary] of Object.entries(canaries))
    if (!but.includes(name))
      t.notOk(text.toLowerCase().includes(canary.toLowerCase()), `${where} without the ${name}`)
}
