import type { Sql } from '../prisma/client.ts'
import { fillAddress } from './address-templates.ts'
import type { Addressee, NobodyReason } from './addressees.ts'
import type { ClaimedNotification } from './notifications.ts'
import { type ToldOrganisation, toldOrganisation } from './organisation-settings.ts'

/** Where the organisation of a notification is told, or why it is not. */
export type FoundAddress = {
  told: ToldOrganisation
  email: string | { nobody: NobodyReason }
  respondUrl: string | null
}

/** The address of the organisation of a notification, the first or the second of it. */
export async function addressOf(
  sql: Sql,
  { organisationId, address }: ClaimedNotification,
): Promise<FoundAddress> {
  const told = await toldOrganisation(sql, organisationId as number)
  const { notifyEmail, notifyEmail2, respondUrl } = told
  const email = address === 1 ? notifyEmail : notifyEmail2
  if (email === null) return { told, email: { nobody: 'no_address' }, respondUrl }
  const twice = address === 2 && email.toLowerCase() === notifyEmail?.toLowerCase()
  return { told, email: twice ? { nobody: 'same_address' } : email, respondUrl }
}

/** A mail to the organisation of a notification that names the case, with the link of its tool. */
export async function mailToOrganisation(
  sql: Sql,
  notification: ClaimedNotification,
  reference: string,
): Promise<Addressee> {
  const { email, respondUrl } = await addressOf(sql, notification)
  if (typeof email !== 'string') return email
  return { to: email, facts: { reference, link: fillAddress(respondUrl, 'reference', reference) } }
}
