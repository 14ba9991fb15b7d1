import { createHmac } from 'node:crypto'
import type { Sql, Vault } from '../prisma/client.ts'
import { secretOf } from './secrets.ts'

export type ContactPoints = { email: string | null; phone: string | null }
export type ContactIndexes = { emailIndex: Buffer | null; phoneIndex: Buffer | null }

/**
 * What a case is found again by when somebody says how they are reached: HMAC-SHA-256 (RFC 2104) under a secret of the
 * store, of the kind and the normalised value. Equal ways to reach somebody have equal indexes, and nothing is read back.
 */
export async function contactIndexes(
  sql: Sql,
  vault: Vault,
  { email, phone }: ContactPoints,
): Promise<ContactIndexes> {
  const normalEmail = email === null ? '' : normalisedEmail(email)
  const normalPhone = phone === null ? '' : normalisedPhone(phone)
  if (normalEmail === '' && normalPhone === '') return { emailIndex: null, phoneIndex: null }

  const secret = await secretOf(sql, vault, 'contact_index')
  const index = (kind: 'email' | 'phone', value: string) =>
    value === '' ? null : createHmac('sha256', secret).update(`${kind}:${value}`).digest()
  return { emailIndex: index('email', normalEmail), phoneIndex: index('phone', normalPhone) }
}

/** An e-mail address as it is compared: without blanks around it, and in lower case, the part before the @ too. */
export function normalisedEmail(email: string): string {
  return email.trim().toLowerCase()
}

/**
 * A telephone number as it is compared: digits alone, with the country's first. `020 7946 0000`, `+44 20 7946 0000`,
 * `0044 20 7946 0000` and `+44 (0)20 7946 0000` are one; a number of no country and no trunk 0 stays as it is.
 */
export function normalisedPhone(phone: string): string {
  const digits = phone.replaceAll(/\D/g, '')
  const international = phone.trim().startsWith('+')
    ? digits
    : digits.startsWith('00')
      ? digits.slice(2)
      : digits.startsWith('0')
        ? `44${digits.slice(1)}`
        : digits
  // The 0 in brackets is dialled inside the country only.
  return international.replace(/^440/, '44')
}
