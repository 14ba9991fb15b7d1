import type { Sql } from '../prisma/client.ts'
import type { Addressee, NobodyReason } from './addressees.ts'
import type { CaseRow } from './case-rows.ts'
import type { ClaimedNotification } from './notifications.ts'
import { mailToOrganisation } from './organisation-mail.ts'

/** A mail to the commissioner that a case was escalated to, unless it has taken that up meanwhile. */
export async function forCommissioner(
  sql: Sql,
  notification: ClaimedNotification,
  theCase: CaseRow,
): Promise<Addressee> {
  const overtaken = escalationOvertaken(theCase, notification.organisationId)
  return overtaken === null ? mailToOrganisation(sql, notification, theCase.reference) : { nobody: overtaken }
}

/** A mail to the national contact, unless somebody has taken the escalation up meanwhile. */
export function forNationalContact(
  { organisationId }: ClaimedNotification,
  theCase: CaseRow,
  nationalContact: string | null,
): Addressee {
  const overtaken = escalationOvertaken(theCase, organisationId)
  if (overtaken !== null) return { nobody: overtaken }
  if (nationalContact === null) return { nobody: 'no_national_contact' }
  return { to: nationalContact, facts: { reference: theCase.reference } }
}

// Whoever has taken it up knows of it.
function escalationOvertaken({ status, escalation }: CaseRow, toId: number | null): NobodyReason | null {
  if (status === 'withdrawn') return 'withdrawn'
  return escalation?.state === 'waiting' && escalation.toId === toId ? null : 'taken_up'
}
