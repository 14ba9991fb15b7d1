import type { Digest } from '../../domain/digests.ts'
import type { Schemas } from '../contract/handler.ts'

/** A digest on the wire; nobody is shown the address that it goes to. */
export function digestView(digest: Digest): Schemas['Digest'] {
  return {
    id: digest.reference,
    query: digest.query,
    every: digest.every,
    state: digest.state,
    nextAt: digest.nextAt,
    createdAt: digest.createdAt,
    confirmedAt: digest.confirmedAt,
  }
}
