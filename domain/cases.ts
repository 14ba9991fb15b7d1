import type { Db, Publication } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { type CaseFilter, conditionsOf } from './case-filter.ts'
import { type CaseRow, casesWhere, findCase } from './case-rows.ts'
import { relationTo, viewFor } from './case-rules.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { organisationTree } from './organisations.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'

/** One case as the caller may see it; throws the same `not_found` for a hidden and for an unknown one. */
export async function getCase(db: Db, caller: Caller, reference: string): Promise<SeenCase> {
  const canonical = parseReference(reference)
  const theCase = canonical === null ? undefined : await findCase(db.pool, canonical)
  if (theCase === undefined) throw new DomainError('not_found')
  const relation = relationTo(caller, theCase)
  const view = viewFor(relation, theCase)
  if (view === 'hidden') throw new DomainError('not_found')
  return showCase(db.vault, theCase, relation, view)
}

/** The cases that a key relates to, published or not, newest first. */
export async function listOwnCases(
  db: Db,
  client: ClientCaller,
  { filter, after, limit }: { filter: CaseFilter; after?: string | undefined; limit: number },
): Promise<Page<SeenCase>> {
  const cursor = readCursor(after, ['number'])
  const organisationIds = filter.organisation && (await organisationTree(db, filter.organisation))
  const bound = boundTo(client)
  const conditions = conditionsOf(filter, organisationIds, bound.values.length + 1)
  const values = [...bound.values, ...conditions.values]
  const where = [...bound.sql, ...conditions.sql]
  if (cursor !== undefined) {
    values.push(cursor[0])
    where.push(`c.id < $${values.length}`)
  }
  const found = await casesWhere(db.pool, where.join(' and '), values, limit + 1)
  const page = pageOf(found, limit, (last) => [last.id])
  return { next: page.next, items: page.items.map((theCase) => seen(db, client, theCase)) }
}

function seen(db: Db, client: ClientCaller, theCase: CaseRow): SeenCase {
  const relation = relationTo(client, theCase)
  const view = viewFor(relation, theCase)
  if (view === 'hidden') throw new Error('a list of own cases holds one that its caller may not see')
  return showCase(db.vault, theCase, relation, view)
}

// The same relations as in `relationTo`, as conditions.
function boundTo(client: ClientCaller): { sql: string[]; values: unknown[] } {
  const role = client.scopes.includes('cases:read') ? client.role : undefined
  switch (role) {
    case 'case_handler':
      return { sql: ['true'], values: [] }
    case 'second_tier':
      return { sql: ['c.publication = $1'], values: ['awaiting_second_tier' satisfies Publication] }
    case 'provider':
    case 'commissioner':
      return { sql: ['c.organisation_id = any($1::int[])'], values: [client.organisationIds] }
    case 'integrator':
      return { sql: ['c.client_id = $1'], values: [client.clientId] }
    default:
      throw invalid({
        in: 'query',
        pointer: '/view',
        code: 'no_own_cases',
        detail: 'No cases relate to this key; leave view out.',
      })
  }
}
