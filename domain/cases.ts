import type { Db, Publication } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import { type CaseFilter, conditionsOf } from './case-filter.ts'
import { type CaseRow, caseById, casesWhere, findStanding, type ResponseRow } from './case-rows.ts'
import { type CaseView, relationTo, viewFor } from './case-rules.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { organisationTree } from './organisations.ts'
import { getPublicCase } from './public-cases.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'

/**
 * One case as the caller may see it, the public view as JSON; throws the same `not_found`, after as little work, for a
 * hidden and for an unknown one.
 */
export async function getCase(
  db: Db,
  caller: Caller,
  reference: string,
  publicUrl: string,
): Promise<SeenCase | { view: 'public'; json: string }> {
  const { id, view } = await look(db, caller, reference)
  if (view !== 'public') {
    const seenNow = seen(db, caller, await caseById(db.pool, id))
    if (seenNow.view !== 'public') return seenNow
  }
  const json = await getPublicCase(db.pool, id, publicUrl)
  // It has changed between the two reads.
  return json === undefined ? getCase(db, caller, reference, publicUrl) : { view: 'public', json }
}

/** The responses to a case and how the caller sees it; throws as `getCase` does. */
export async function getResponses(
  db: Db,
  caller: Caller,
  reference: string,
): Promise<{ view: SeenCase['view']; responses: ResponseRow[] }> {
  const { id } = await look(db, caller, reference)
  const { view, theCase } = seen(db, caller, await caseById(db.pool, id))
  return { view, responses: theCase.responses }
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

async function look(db: Db, caller: Caller, reference: string): Promise<{ id: number; view: CaseView }> {
  const canonical = parseReference(reference)
  const standing = canonical === null ? undefined : await findStanding(db.pool, canonical)
  const view = standing === undefined ? 'hidden' : viewFor(relationTo(caller, standing), standing)
  if (standing === undefined || view === 'hidden') throw new DomainError('not_found')
  return { id: standing.id, view }
}

function seen(db: Db, caller: Caller, theCase: CaseRow): SeenCase {
  const relation = relationTo(caller, theCase)
  const view = viewFor(relation, theCase)
  if (view === 'hidden') throw new DomainError('not_found')
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
      return {
        sql: ['c.organisation_id = any($1::int[])', `c.kind <> 'question'`],
        values: [client.organisationIds],
      }
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
