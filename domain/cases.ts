import type { Db, Publication } from '../prisma/client.ts'
import type { Caller, ClientCaller } from './callers.ts'
import {
  conditionsOf,
  type OwnCaseFilter,
  ownConditionsOf,
  resolveFilter,
  wordsCondition,
} from './case-filter.ts'
import {
  type CaseRow,
  caseById,
  casesWhere,
  findStanding,
  type ResponseRow,
  type Standing,
} from './case-rows.ts'
import { type CaseView, mayRelate, type Relation, relationTo, viewFor } from './case-rules.ts'
import { type Page, pageOf, readCursor, unknownCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { getPublicCase } from './public-cases.ts'
import { receiptFits } from './receipts.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'
import { type Conditions, joined } from './sql-conditions.ts'

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
  const canonical = parseReference(reference)
  // Most who read a published case are nobody in particular: one statement for them. Hidden or unknown, it finds nothing.
  if (caller.kind !== 'reporter' && !mayRelate(caller) && canonical !== null) {
    const json = await getPublicCase(db.pool, canonical, publicUrl)
    if (json !== undefined) return { view: 'public', json }
  }
  const { id, standing, relation, view } = await lookAt(db, caller, reference)
  if (view !== 'public') {
    const seenNow = seen(db, relation, await caseById(db.pool, id))
    if (seenNow.view !== 'public') return seenNow
  }
  const json = await getPublicCase(db.pool, standing.reference, publicUrl)
  // It has changed between the two reads.
  return json === undefined ? getCase(db, caller, reference, publicUrl) : { view: 'public', json }
}

/** The responses to a case and how the caller sees it; throws as `getCase` does. */
export async function getResponses(
  db: Db,
  caller: Caller,
  reference: string,
): Promise<{ view: CaseView; responses: ResponseRow[] }> {
  const { id, relation } = await lookAt(db, caller, reference)
  const theCase = await caseById(db.pool, id)
  return { view: viewFor(relation, theCase), responses: theCase.responses }
}

export type OwnListing = {
  filter: OwnCaseFilter
  /** Newest or oldest first, or what is due first; the last without what no clock runs for. */
  order: 'newest' | 'oldest' | 'due'
  after?: string | undefined
  limit: number
  now: Date
}

/** The cases that a key relates to, published or not. Throws `validation_failed` for what the key does not see of them. */
export async function listOwnCases(
  db: Db,
  client: ClientCaller,
  listing: OwnListing,
): Promise<Page<SeenCase>> {
  const { filter, order, limit } = listing
  refuseUnseen(client, listing)
  const resolved = await resolveFilter(db, filter)
  const bound = casesOf(client)
  const more = joined(
    bound.values.length + 1,
    (first) => conditionsOf(resolved, first),
    (first) => wordsCondition(resolved, first),
    (first) => ownConditionsOf(filter, listing.now, first),
    (first) => AFTER_CURSOR[order](listing.after, first),
  )
  const where = [...bound.sql, ...more.sql].join(' and ')
  const found = await casesWhere(
    db.pool,
    where,
    [...bound.values, ...more.values],
    limit + 1,
    ORDER_BY[order],
  )
  const page = pageOf(found, limit, (last) => (order === 'due' ? [last.dueAt ?? '', last.id] : [last.id]))
  return {
    next: page.next,
    items: page.items.map((theCase) => seen(db, relationTo(client, theCase), theCase)),
  }
}

/** How a key sees each of the cases that it relates to. */
export function ownViewOf({ role }: ClientCaller): 'own' | 'staff' {
  return role === 'integrator' ? 'own' : 'staff'
}

const ORDER_BY = { newest: 'c.id desc', oldest: 'c.id', due: 'c.due_at, c.id' } as const
const AFTER_CURSOR = { newest: keyAfterCursor('<'), oldest: keyAfterCursor('>'), due: dueAfterCursor }

function keyAfterCursor(beyond: '<' | '>') {
  return (after: string | undefined, first: number): Conditions => {
    const cursor = readCursor(after, ['number'])
    return cursor === undefined
      ? { sql: [], values: [] }
      : { sql: [`c.id ${beyond} $${first}`], values: [...cursor] }
  }
}

function dueAfterCursor(after: string | undefined, first: number): Conditions {
  const cursor = readCursor(after, ['string', 'number'] as const)
  if (cursor === undefined) return { sql: ['c.due_at is not null'], values: [] }
  const [dueAt, id] = cursor
  // As the store writes it: four digits of a year, and milliseconds.
  if (!/^\d{4}-.{19}$/.test(dueAt) || Number.isNaN(Date.parse(dueAt))) throw unknownCursor()
  return {
    sql: [`(c.due_at, c.id) > ($${first}::timestamptz, $${first + 1}::bigint)`],
    values: [new Date(dueAt), id],
  }
}

// An integrator would learn by a filter what its view of a case does not have.
function refuseUnseen(client: ClientCaller, { filter, order }: OwnListing): void {
  if (client.role !== 'integrator') return
  const unseen = (['overdue', 'assignee', 'breach'] as const).filter((name) => filter[name] !== undefined)
  const refused = [...unseen, ...(order === 'due' ? ['order'] : [])]
  if (refused.length === 0) return
  throw invalid(
    ...refused.map((name) => ({
      in: 'query' as const,
      pointer: `/${name}`,
      code: 'needs_staff_key',
      detail: 'Only those who work on a case see this of it; leave it out.',
    })),
  )
}

/** Where a case stands, how the caller stands to it, and what they see of it; throws as `getCase` does. */
export async function lookAt(
  db: Db,
  caller: Caller,
  reference: string,
): Promise<{ id: number; standing: Standing; relation: Relation; view: CaseView }> {
  const canonical = parseReference(reference)
  const standing = canonical === null ? undefined : await findStanding(db.pool, canonical)
  const relation = await relationOf(db, caller, standing)
  const view = standing === undefined || relation === null ? 'hidden' : viewFor(relation, standing)
  if (standing === undefined || relation === null || view === 'hidden') throw new DomainError('not_found')
  return { id: standing.id, standing, relation, view }
}

// A receipt that is not the case's opens nothing, not even what everybody sees: it must tell nothing.
async function relationOf(db: Db, caller: Caller, standing: Standing | undefined): Promise<Relation | null> {
  if (caller.kind === 'reporter')
    return (await receiptFits(db.pool, db.vault, caller.receipt, standing)) ? 'reporter' : null
  return standing === undefined ? null : relationTo(caller, standing)
}

function seen(db: Db, relation: Relation, theCase: CaseRow): SeenCase {
  const view = viewFor(relation, theCase)
  if (view === 'hidden') throw new DomainError('not_found')
  return showCase(db.vault, theCase, relation, view)
}

const PASSED_ON = `(c.kind <> 'question' or c.passed_on)`

/** The cases `c` that a key relates to, as `relationTo` has it, numbered from 1; throws `validation_failed` when none can. */
export function casesOf(client: ClientCaller): Conditions {
  const role = client.scopes.includes('cases:read') ? client.role : undefined
  switch (role) {
    case 'case_handler':
      return { sql: ['c.test = $1'], values: [client.test] }
    case 'second_tier':
      return {
        sql: ['c.test = $1', 'c.publication = $2'],
        values: [client.test, 'awaiting_second_tier' satisfies Publication],
      }
    case 'provider':
      return {
        sql: [
          'c.test = $1',
          '(c.organisation_id = any($2::int[]) or c.former_organisation_ids && $2::int[])',
          PASSED_ON,
        ],
        values: [client.test, client.organisationIds],
      }
    case 'commissioner':
      return {
        sql: ['c.test = $1', 'c.organisation_id = any($2::int[])', PASSED_ON],
        values: [client.test, client.organisationIds],
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
