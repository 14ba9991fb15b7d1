/**
 * A receiver of webhooks that keeps a copy of what is public, with nothing but Node: it verifies the signature
 * (Standard Webhooks 1.0), takes each message once, forgets what is gone, and confirms that what was called back is.
 *
 *   ALLOW_PRIVATE=127.0.0.1:4020 npm start
 *   npx node --env-file=.data/demo-keys examples/webhooks/receive.ts
 *
 * ALLOW_PRIVATE is for this machine only: a real receiver has a public address and https.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { answerOf } from '../answer.ts'

export type Message = {
  type: string
  timestamp: string
  data: { event: LogEvent | null; case: { reference: string } | null; recall: string | null }
}
export type LogEvent = { id: string; case: string | null; gone: boolean; fields: string[] }

/**
 * What a receiver keeps. In earnest this is your database, and the ids are kept with what they brought. Of `recalls` the
 * copies are gone here, and that is still to be confirmed.
 */
export type Copy = {
  seen: Set<string>
  cases: Map<string, unknown>
  messages: Message[]
  recalls: Set<string>
}

/** A server that takes messages into a copy; while a secret is rotated it knows two. */
export function receiver(copy: Copy, secrets: readonly string[]): Server {
  return createServer((request, response) => {
    take(request, copy, secrets).then(
      (status) => response.writeHead(status).end(),
      () => response.writeHead(500).end(),
    )
  })
}

async function take(request: IncomingMessage, copy: Copy, secrets: readonly string[]): Promise<number> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const id = String(request.headers['webhook-id'])
  if (!isSigned(request, id, body, secrets)) return 401
  // The same id comes again when an answer was lost. It is no error: say that you have it.
  if (copy.seen.has(id)) return 204
  const message = JSON.parse(body.toString('utf8')) as Message
  keep(copy, message)
  copy.seen.add(id)
  return 204
}

function keep({ cases, messages, recalls }: Copy, message: Message): void {
  messages.push(message)
  const { event, case: theCase, recall } = message.data
  if (recall !== null) recalls.add(recall)
  if (event?.gone && event.case !== null) cases.delete(event.case)
  else if (theCase !== null) cases.set(theCase.reference, theCase)
}

const TOLERANCE_SECONDS = 300

// Over the very bytes that came: whoever parses and writes them again breaks the signature.
function isSigned(
  { headers }: IncomingMessage,
  id: string,
  body: Buffer,
  secrets: readonly string[],
): boolean {
  const timestamp = String(headers['webhook-timestamp'])
  if (!(Math.abs(Date.now() / 1_000 - Number(timestamp)) <= TOLERANCE_SECONDS)) return false
  const signatures = String(headers['webhook-signature']).split(' ')
  return secrets.some((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
    const expected = Buffer.from(`v1,${signature}`)
    return signatures.some((one) => {
      const given = Buffer.from(one)
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
  })
}

export type Subscribed = { id: string; secret: string }

/** Subscribes an address; the secret is in this answer and nowhere else. */
export async function subscribe(
  { url, key }: { url: string; key: string },
  wanted: { url: string; description?: string; query?: string; types?: string[] },
): Promise<Subscribed> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify(wanted) }
  return answerOf<Subscribed>(await fetch(`${url}/v1/subscriptions`, request))
}

/** Has a test sent, to see whether the way is open. */
export async function sendTest({ url, key }: { url: string; key: string }, id: string): Promise<void> {
  const headers = { authorization: `Bearer ${key}` }
  await answerOf(await fetch(`${url}/v1/subscriptions/${id}/tests`, { method: 'POST', headers }))
}

/** Confirms that the copies of what was called back are gone; what fails is confirmed the next time. */
export async function confirmRecalls(
  { url, key }: { url: string; key: string },
  { recalls }: Copy,
): Promise<void> {
  const request = { method: 'POST', headers: { authorization: `Bearer ${key}` } }
  for (const recall of recalls) {
    await answerOf(await fetch(`${url}/v1/recalls/${recall}/confirmations`, request))
    recalls.delete(recall)
  }
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', SUPPLIER_KEY: key = '' } = process.env
  const address = 'http://127.0.0.1:4020/care-connect'
  const { id, secret } = await subscribe({ url, key }, { url: address, description: 'Example receiver' })
  const copy: Copy = { seen: new Set(), cases: new Map(), messages: [], recalls: new Set() }
  receiver(copy, [secret]).listen(4020, '127.0.0.1')
  await sendTest({ url, key }, id)
  console.log(`Listening at ${address}; Ctrl-C to stop, then DELETE /v1/subscriptions/${id}`)
  setInterval(() => {
    confirmRecalls({ url, key }, copy).catch((error: Error) => console.error(error.message))
    for (const { type, data } of copy.messages.splice(0))
      console.log(`${type} ${data.event?.case ?? ''}: ${copy.cases.size} cases in the copy`)
  }, 500)
}
