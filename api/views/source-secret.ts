import type { SourceSecret } from '../../domain/source-secrets.ts'
import type { Schemas } from '../contract/handler.ts'

/** A webhook secret on the wire, without itself. */
export function sourceSecretView({ id, createdAt }: SourceSecret): Schemas['SourceSecret'] {
  return { id, createdAt }
}

/** A webhook secret on the wire, this once. */
export function createdSourceSecretView({
  id,
  secret,
  createdAt,
}: SourceSecret & { secret: string }): Schemas['CreatedSourceSecret'] {
  return { id, secret, createdAt }
}
