import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Sql, Vault } from '../prisma/client.ts'
import { secretOf } from './secrets.ts'

/** What a receipt is bound to: the case and a generation; a new generation ends the one before. */
export type ReceiptPlace = { reference: string; receiptGeneration: number }

/** The generation of the receipt that a new case is given. */
export const FIRST_GENERATION = 1

/**
 * The reporter's secret for a case: an HMAC-SHA-256 (RFC 2104) in base64url, 43 characters. Nothing of it is stored,
 * and computed again it is the same.
 */
export async function receiptOf(sql: Sql, vault: Vault, place: ReceiptPlace): Promise<string> {
  return mac(await secretOf(sql, vault, 'receipt'), place)
}

/** Whether a receipt is the case's; takes as long for a wrong one, and for a case that is not there. */
export async function receiptFits(
  sql: Sql,
  vault: Vault,
  receipt: string,
  place: ReceiptPlace | undefined,
): Promise<boolean> {
  const secret = await secretOf(sql, vault, 'receipt')
  const right = Buffer.from(mac(secret, place ?? { reference: '', receiptGeneration: 0 }))
  const given = Buffer.alloc(right.length)
  given.write(receipt.slice(0, right.length))
  return timingSafeEqual(right, given) && receipt.length === right.length && place !== undefined
}

function mac(secret: Buffer, { reference, receiptGeneration }: ReceiptPlace): string {
  return createHmac('sha256', secret).update(`${reference}\n${receiptGeneration}`).digest('base64url')
}
