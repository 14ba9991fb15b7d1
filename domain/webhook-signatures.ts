import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { DomainError } from './errors.ts'

/** A message as it came: the three headers of Standard Webhooks 1.0, as far as they are there, and the very bytes. */
export type SignedMessage = {
  id: string | undefined
  timestamp: string | undefined
  signature: string | undefined
  body: Uint8Array
}

/** A message that has all that a signature is over, and came in time. */
export type TimelyMessage = { id: string; timestamp: string; signatures: readonly Buffer[]; body: Uint8Array }

/** A new secret: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return PREFIX + randomBytes(32).toString('base64')
}

/**
 * The message, if it has its three headers and its timestamp is at most five minutes off; throws `signature_invalid` and
 * says what is wrong. Looks at no secret, so it tells nobody anything about a source.
 */
export function timelyMessage({ id, timestamp, signature, body }: SignedMessage, now: Date): TimelyMessage {
  if (id === undefined || timestamp === undefined || signature === undefined) {
    const missing = Object.entries({ id, timestamp, signature }).flatMap(([name, value]) =>
      value === undefined ? [`webhook-${name}`] : [],
    )
    throw refused(`Send ${missing.join(', ')} as Standard Webhooks 1.0 has it.`)
  }
  if (!/^\d{1,12}$/.test(timestamp)) throw refused('webhook-timestamp is to be in whole seconds since 1970.')
  const seconds = Math.abs(now.getTime() / 1_000 - Number(timestamp))
  if (seconds > TOLERANCE_SECONDS) {
    throw refused(
      'webhook-timestamp is more than five minutes off. Sign each attempt anew, and check the clock.',
    )
  }
  const signatures = signaturesIn(signature)
  if (signatures.length === 0) {
    throw refused('webhook-signature has no signature that is read here: v1, a comma, and base64.')
  }
  return { id, timestamp, signatures, body }
}

/** Whether one of the secrets has signed the message. Takes as long for a wrong signature as for the right one. */
export function isSignedBy(message: TimelyMessage, secrets: readonly string[]): boolean {
  let fits = false
  for (const secret of secrets) {
    const expected = signatureOf(message, secret)
    for (const signature of message.signatures) {
      if (signature.length === expected.length && timingSafeEqual(signature, expected)) fits = true
    }
  }
  return fits
}

/**
 * The three headers of Standard Webhooks 1.0 for a message that is sent now; each secret signs, and their signatures are
 * separated by blanks. `id` has no full stop in it.
 */
export function signedHeaders(
  { id, body }: { id: string; body: Uint8Array },
  secrets: readonly string[],
  now: Date,
): Record<string, string> {
  const timestamp = String(Math.floor(now.getTime() / 1_000))
  const message = { id, timestamp, body }
  const signatures = secrets.map((secret) => `v1,${signatureOf(message, secret).toString('base64')}`)
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

/** HMAC-SHA-256 over `id.timestamp.body`; the secret is base64 behind its prefix. */
function signatureOf({ id, timestamp, body }: Omit<TimelyMessage, 'signatures'>, secret: string): Buffer {
  const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
  return createHmac('sha256', key).update(`${id}.${timestamp}.`, 'latin1').update(body).digest()
}

const PREFIX = 'whsec_'
const TOLERANCE_SECONDS = 300
/** As many as two secrets and their successors need; each is compared. */
const MOST_SIGNATURES = 10

// Others than v1 are for other algorithms.
function signaturesIn(header: string): Buffer[] {
  return header
    .split(' ')
    .flatMap((one) => (one.startsWith('v1,') ? [Buffer.from(one.slice('v1,'.length), 'base64')] : []))
    .slice(0, MOST_SIGNATURES)
}

function refused(detail: string): DomainError {
  return new DomainError('signature_invalid', { detail })
}
