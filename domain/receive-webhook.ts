import { createHash } from 'node:crypto'
import type { Db } from '../prisma/client.ts'
import { DomainError } from './errors.ts'
import { once } from './idempotency.ts'
import type { Entry } from './items.ts'
import { type Pushed, takePush } from './push-items.ts'
import { MOST_SECRETS, sourceToSign } from './source-secrets.ts'
import { isSignedBy, newWebhookSecret, type SignedMessage, timelyMessage } from './webhook-signatures.ts'

/**
 * Takes what a source sends as a signed message, once for each id: one that comes again gets the first answer. `entriesIn`
 * reads it once it is known who has signed. Throws `signature_invalid`, in the same words and time whether the source is
 * unknown, has no secret or has not signed; `idempotency_key_reused` for an id that came with another body; `source_paused`.
 */
export async function receiveWebhook(
  db: Db,
  name: string,
  signed: SignedMessage,
  { now, entriesIn }: { now: Date; entriesIn: (body: Uint8Array) => readonly Entry[] },
): Promise<Pushed> {
  const message = timelyMessage(signed, now)
  const source = await sourceToSign(db, name)
  const isSigned = isSignedBy(message, filledUp(source?.secrets ?? []))
  if (source === undefined || !isSigned) {
    throw new DomainError('signature_invalid', {
      detail:
        'No secret of this source has signed this message. Sign the bytes as they are sent, with a secret that works.',
    })
  }
  const push = { entries: entriesIn(message.body), kind: 'webhook', clientId: null, now } as const
  const body = createHash('sha256').update(message.body).digest('hex')
  return once(db, { sourceId: source.id }, { key: message.id, operation: 'receiveWebhook', body }, (tx) =>
    takePush(tx, source, push),
  )
}

/** Always as many as can work, so that nobody can tell by the time how many do. */
function filledUp(secrets: readonly string[]): string[] {
  const missing = Math.max(0, MOST_SECRETS - secrets.length)
  return [...secrets, ...Array.from({ length: missing }, newWebhookSecret)]
}
