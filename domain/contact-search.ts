import type { Db } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { casesWhere } from './case-rows.ts'
import { relationTo, viewFor } from './case-rules.ts'
import { contactIndexes } from './contact-index.ts'
import { type SeenCase, showCase } from './seen-case.ts'

export type ContactSearch = { email?: string; phone?: string }

const MOST = 100

/** The cases of whoever is reached so, newest first; a client that only tries out finds what was tried out. */
export async function searchContacts(
  db: Db,
  client: ClientCaller,
  { email, phone }: ContactSearch,
): Promise<SeenCase[]> {
  const { emailIndex, phoneIndex } = await contactIndexes(db.pool, db.vault, {
    email: email ?? null,
    phone: phone ?? null,
  })
  const [column, index] = emailIndex === null ? ['phone_index', phoneIndex] : ['email_index', emailIndex]
  const found = await casesWhere(db.pool, `c.test = $1 and c.${column} = $2`, [client.test, index], MOST)
  return found.flatMap((theCase) => {
    const relation = relationTo(client, theCase)
    const view = viewFor(relation, theCase)
    return view === 'staff' ? [showCase(db.vault, theCase, relation, view)] : []
  })
}
