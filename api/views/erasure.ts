import type { Erasure } from '../../domain/erasures.ts'
import type { Schemas } from '../contract/handler.ts'

/** That something was erased, and how much. */
export function erasureView(erasure: Erasure): Schemas['Erasure'] {
  return {
    erasure: erasure.reference,
    reason: erasure.reason,
    of: erasure.of,
    cases: erasure.cases,
    held: erasure.held,
    items: erasure.items,
    digests: erasure.digests,
    recalls: erasure.recalls,
    actingUser: erasure.actingUser,
    createdAt: erasure.createdAt,
  }
}
