import type { RenewedReceipt } from '../../domain/renew-receipt.ts'
import type { Schemas } from '../contract/handler.ts'

/** A receipt that was just given. */
export function renewedReceiptView({
  reference,
  receipt,
  version,
}: RenewedReceipt): Schemas['RenewedReceipt'] {
  return { reference, receipt, version }
}
