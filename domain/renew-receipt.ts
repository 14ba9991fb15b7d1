import { type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about, holdCase } from './case-changes.ts'
import { caseById } from './case-rows.ts'
import { DomainError } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { receiptOf } from './receipts.ts'
import { parseReference } from './references.ts'

export type RenewedReceipt = { reference: string; receipt: string; version: number }

/**
 * Gives the case a new receipt; the one before stops working at once. A repeat shows the same one as long as it works,
 * and throws `version_stale` once a newer one was given; `move_not_allowed` for a case that is anonymised.
 */
export async function renewReceipt(
  db: Db,
  client: ClientCaller,
  reference: string,
  { key, version }: { key: string | undefined; version: number },
): Promise<RenewedReceipt> {
  const operation = `renewReceipt ${parseReference(reference)}`
  const kept = await once(db, client, { key, operation, body: null }, async (tx) => {
    const { theCase } = await holdCase(tx, client, reference, version, 'renewReceipt')
    if (theCase.anonymisedAt !== null) {
      const detail = 'It is anonymised: nobody is known any more whose case it is.'
      throw new DomainError('move_not_allowed', { allowed: [], detail })
    }
    await rows(
      tx,
      `update cases set receipt_generation = receipt_generation + 1, version = version + 1, updated_at = now()
       where id = $1`,
      [theCase.id],
    )
    await recordEvents(tx, client, [{ ...about(theCase), type: 'case.receipt_renewed', fields: ['receipt'] }])
    return { caseId: theCase.id, generation: theCase.receiptGeneration + 1, version: theCase.version + 1 }
  })
  const theCase = await caseById(db.pool, kept.caseId)
  if (theCase.receiptGeneration !== kept.generation) {
    throw new DomainError('version_stale', {
      currentVersion: theCase.version,
      detail: 'A newer receipt was given since; this one does not work any more.',
    })
  }
  return {
    reference: theCase.reference,
    receipt: await receiptOf(db.pool, db.vault, theCase),
    version: kept.version,
  }
}
