/**
 * A feedback provider that sends each item as it happens: a webhook, signed with nothing but node:crypto.
 *
 *   npx node --env-file=.data/demo-keys examples/send-webhook.ts
 *
 * The signature is the only credential (Standard Webhooks 1.0): no key goes along, and the secret never does. Send a
 * message again under the same id until it is answered with 200: it is taken once.
 */
import { createHmac, randomUUID } from 'node:crypto'
import { answerOf } from './answer.ts'

export type Taken = { items: Array<{ externalId: string | null; outcome: string; reference: string | null }> }

/** Sends a message, signed as it leaves; gives what became of its items. */
export async function sendWebhook(
  { url, source, secret }: { url: string; source: string; secret: string },
  message: { type: string; timestamp: string; data: unknown },
  id = `msg_${randomUUID()}`,
): Promise<Taken> {
  const body = JSON.stringify(message)
  const response = await fetch(`${url}/v1/sources/${source}/webhooks`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signatureOf(secret, id, body) },
    // The very bytes that were signed: whoever parses and writes them again breaks the signature.
    body,
  })
  return answerOf<Taken>(response)
}

function signatureOf(secret: string, id: string, body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1_000))
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` }
}

/** An administrator makes the secret, which is shown this once. */
export async function makeSecret({
  url,
  key,
  source,
}: {
  url: string
  key: string
  source: string
}): Promise<{ id: string; secret: string }> {
  const headers = { authorization: `Bearer ${key}`, 'acting-user': 'example' }
  return answerOf(await fetch(`${url}/v1/sources/${source}/secrets`, { method: 'POST', headers }))
}

if (import.meta.main) {
  const { CARE_CONNECT_URL: url = 'http://127.0.0.1:3000', ADMINISTRATOR_KEY: key = '' } = process.env
  const source = 'example-push'
  const { id, secret } = await makeSecret({ url, key, source })
  const message = {
    type: 'item.created',
    timestamp: new Date().toISOString(),
    data: {
      type: 'story',
      externalId: `example-webhook-${randomUUID()}`,
      organisation: 'RJ1',
      text: 'They rang me back the same day. (Invented example.)',
    },
  }
  for (const time of ['once', 'twice']) {
    const { items } = await sendWebhook({ url, source, secret }, message, `msg_${message.data.externalId}`)
    console.log(`Sent ${time}: ${items[0]?.outcome} ${items[0]?.reference}`)
  }
  const headers = { authorization: `Bearer ${key}`, 'acting-user': 'example' }
  await fetch(`${url}/v1/sources/${source}/secrets/${id}`, { method: 'DELETE', headers })
}
