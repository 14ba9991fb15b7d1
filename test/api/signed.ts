import { createHmac } from 'node:crypto'

/** The headers of a message that is signed as Standard Webhooks 1.0 has it. */
export function signed(
  body: string | Buffer,
  { secret, id = `msg_${Math.random()}`, at = new Date() }: { secret: string; id?: string; at?: Date },
): Record<string, string> {
  const timestamp = String(Math.floor(at.getTime() / 1_000))
  const key = Buffer.from(secret.replace('whsec_', ''), 'base64')
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  }
}
