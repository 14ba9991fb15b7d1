import type { Db } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import type { Decision } from './decision-rules.ts'
import { once } from './idempotency.ts'
import { decide } from './moderation.ts'
import type { SeenCase } from './seen-case.ts'

/** One of several decisions: about which case, as it was read in which version. */
export type OneOfSeveral = { reference: string; version: number; decision: Decision }

/** What became of one of several decisions. */
export type DecisionResult = { reference: string } & ({ seen: SeenCase } | { error: unknown })

/**
 * Decides about several cases, each for itself and in this order; what goes wrong with one is its result and stops no
 * other. With a key a repeat gives what was decided, and decides what was not.
 */
export async function decideSeveral(
  db: Db,
  client: ClientCaller,
  decisions: readonly OneOfSeveral[],
  { key, now }: { key: string | undefined; now: Date },
): Promise<DecisionResult[]> {
  await once(db, client, { key, operation: 'createDecisions', body: decisions }, async () => ({}))
  const results: DecisionResult[] = []
  for (const [n, { reference, version, decision }] of decisions.entries()) {
    // No key that is sent has a blank.
    const own = key === undefined ? undefined : `${key} ${n}`
    try {
      results.push({
        reference,
        seen: await decide(db, client, reference, decision, { key: own, version, now }),
      })
    } catch (error) {
      results.push({ reference, error })
    }
  }
  return results
}
