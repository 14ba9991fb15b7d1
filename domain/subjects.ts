import { rows, type Sql, type Vault } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { contactIndexes, normalisedEmail } from './contact-index.ts'
import { digestIndex } from './digests.ts'
import { DomainError } from './errors.ts'
import { parseReference } from './references.ts'

/** Whom personal data are about: whoever told one case, or whoever is reached so; one of the three. */
export type Subject = {
  case?: string | undefined
  email?: string | undefined
  phone?: string | undefined
}

export type SubjectCase = {
  id: number
  reference: string
  organisationId: number
  version: number
  erased: boolean
}

/** Where it is looked for: the pool or a transaction, with the vault beside. */
type Store = { sql: Sql; vault: Vault }

/**
 * The cases of a subject, oldest first; a client that only tries out finds what was tried out. Throws `not_found` for a
 * reference that no case has.
 */
export async function casesOfSubject(
  store: Store,
  client: ClientCaller,
  subject: Subject,
): Promise<SubjectCase[]> {
  const [condition, value] = await conditionFor(store, subject)
  const found = await rows<SubjectCase>(
    store.sql,
    `select c.id, c.reference, c.organisation_id as "organisationId", c.version,
       coalesce(c.decision_reason = 'erased', false) as erased
     from cases c where ${condition} and (c.test or not $2) order by c.id`,
    [value, client.test],
  )
  if (found.length === 0 && subject.case !== undefined) throw noSubject()
  return found
}

/** Which digests `d` go to an address, and which notices of subscriptions of the clients `k`. */
export async function subjectDigests(
  { sql, vault }: Store,
  client: ClientCaller,
  email: string,
): Promise<{ where: string; values: unknown[]; isTheirs: (address: string) => boolean; clients: string }> {
  const clients = client.test ? 'k.test' : 'true'
  const normal = normalisedEmail(email)
  return {
    where: `d.address_index = $1 and exists (select from api_clients k where k.id = d.client_id and ${clients})`,
    values: [await digestIndex(sql, vault, email)],
    isTheirs: (address) => normalisedEmail(address) === normal,
    clients,
  }
}

/** Nothing here is about such a person, or it was erased. */
export function noSubject(): DomainError {
  return new DomainError('not_found', { detail: 'Nothing here is about them, or it was erased.' })
}

async function conditionFor(
  { sql, vault }: Store,
  { case: typed, email, phone }: Subject,
): Promise<[condition: string, value: unknown]> {
  if (typed !== undefined) return ['c.reference = $1', parseReference(typed)]
  const { emailIndex, phoneIndex } = await contactIndexes(sql, vault, {
    email: email ?? null,
    phone: phone ?? null,
  })
  return emailIndex === null ? ['c.phone_index = $1', phoneIndex] : ['c.email_index = $1', emailIndex]
}
