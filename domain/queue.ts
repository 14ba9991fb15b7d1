import { type CaseKind, type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { conditionsOf, resolveFilter } from './case-filter.ts'
import { casesWhere } from './case-rows.ts'
import { casePermissions, type Relation, relationTo, takenBackReasons, viewFor } from './case-rules.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { invalid } from './errors.ts'
import { type SeenCase, showCase } from './seen-case.ts'
import type { Conditions } from './sql-conditions.ts'

/** What a case can wait for. */
export type WaitsFor = 'case' | 'response' | 'report' | 'removal_request'

export type QueueFilter = {
  waitsFor?: readonly WaitsFor[]
  /** ODS codes; what belongs to them is meant too. */
  organisation?: readonly string[]
  kind?: readonly CaseKind[]
  /** `none`: nobody else is deciding on it; `mine`: the acting user is. */
  claimed?: 'none' | 'mine'
}

/** A case that waits, for what, and when the first of it is due. */
export type QueueItem = { waitsFor: WaitsFor[]; dueAt: string | null; seen: SeenCase }

/**
 * What waits for a decision of the caller: for a case handler new and changed cases, waiting answers, reports and removal
 * requests; for the second tier what was referred to it. Urgent first, then by priority, then what is due first, then
 * the oldest.
 */
export async function listQueue(
  db: Db,
  client: ClientCaller,
  { filter, after, limit }: { filter: QueueFilter; after?: string | undefined; limit: number },
): Promise<Page<QueueItem>> {
  const { sql, values } = await conditionsFor(db, client, filter)
  const cursor = readCursor(after, ['number', 'number', 'number', 'number'] as const)
  const first = values.length + 1
  if (cursor !== undefined) values.push(cursor[0] !== 0, cursor[1] !== 0, timeOf(cursor[2]), cursor[3])
  const cut: Cut = {
    where: sql.join(' and '),
    behind: (due) =>
      cursor === undefined
        ? 'true'
        : `(${keys(due)}) > ($${first}::boolean, $${first + 1}::boolean, $${first + 2}::timestamptz, $${first + 3}::bigint)`,
    limit: limit + 1,
  }
  const text = client.role === 'second_tier' ? secondTierQueue(cut) : handlerQueue(cut)
  const page = pageOf(await rows<Waiting>(db.pool, text, values), limit, cursorOf)
  return { next: page.next, items: await seenItems(db, client, page.items) }
}

type Waiting = { id: number; calm: boolean; low: boolean; dueAt: string | null; waitsFor: WaitsFor[] }

const WAITS: Readonly<Record<WaitsFor, string>> = {
  case: `c.publication = 'awaiting_moderation'`,
  response: `exists (select from responses r where r.case_id = c.id and r.publication = 'awaiting_moderation')`,
  report: `exists (select from objections j where j.case_id = c.id and j.state = 'open' and j.kind = 'report')`,
  removal_request: `exists (select from objections j where j.case_id = c.id and j.state = 'open' and j.kind = 'removal_request')`,
}

async function conditionsFor(db: Db, client: ClientCaller, filter: QueueFilter): Promise<Conditions> {
  const { waitsFor, organisation, kind, claimed } = filter
  const { sql, values } = conditionsOf(await resolveFilter(db, { organisation, kind }), 3)
  // What was taken back by whoever wrote it is not decided on.
  const all = [
    'c.test = $1',
    `c.status <> 'withdrawn'`,
    `not (c.publication = 'removed' and c.decision_reason = any($2::text[]))`,
    ...sql,
  ]
  const allValues: unknown[] = [client.test, takenBackReasons, ...values]
  if (waitsFor) all.push(waitsForOne(client, waitsFor))
  if (claimed) all.push(claimedBy(client, claimed, `$${allValues.push(client.actingUser)}`))
  return { sql: all, values: allValues }
}

function waitsForOne(client: ClientCaller, waitsFor: readonly WaitsFor[]): string {
  if (client.role === 'second_tier') return String(waitsFor.includes('case'))
  return `(${waitsFor.map((one) => WAITS[one]).join(' or ') || 'false'})`
}

function claimedBy(client: ClientCaller, claimed: 'none' | 'mine', who: string): string {
  const running = 'select from case_claims l where l.case_id = c.id and l.until > now() and l.acting_user'
  if (claimed === 'none') return `not exists (${running} is distinct from ${who})`
  if (client.actingUser !== null) return `exists (${running} = ${who})`
  throw invalid({
    in: 'header',
    pointer: '/Acting-User',
    code: 'missing',
    detail: 'claimed=mine needs to know whose claims: say which person acts.',
  })
}

/** What a page is cut from: which cases, behind which place, and how many. */
type Cut = { where: string; behind: (due: string) => string; limit: number }

// The columns of the index cases_awaiting_moderation, in its words; all of them rise.
function keys(due: string): string {
  return `(not c.urgent), (c.priority = 'normal'), (coalesce(${due}, 'infinity'::timestamptz)), c.id`
}

function ranked(due: string): string {
  return `select c.id, (not c.urgent) as calm, (c.priority = 'normal') as low,
    (coalesce(${due}, 'infinity'::timestamptz)) as due from cases c`
}

// New cases come by their index, as many as the page needs. What else waits is little; it is due when the first of it
// is, the case itself included.
function handlerQueue({ where, behind, limit }: Cut): string {
  const due = 'c.moderate_due_at'
  const firstDue = `least(case when ${WAITS.case} then ${due} end, o.due_at)`
  const waitsFor = Object.entries(WAITS).map(([name, sql]) => `case when ${sql} then '${name}' end`)
  return `
    with other as materialized (
      select case_id, min(due_at) as due_at from (
        select case_id, due_at from objections where state = 'open'
        union all
        select r.case_id, null from responses r join cases c on c.id = r.case_id
        where r.publication = 'awaiting_moderation' and c.publication not in ('awaiting_moderation', 'awaiting_second_tier')
      ) as one group by case_id
    ), waiting as (
      (${ranked(due)}
       where ${WAITS.case} and not exists (select from other o where o.case_id = c.id) and ${where} and ${behind(due)}
       order by ${keys(due)} limit ${limit})
      union all
      (${ranked(firstDue)} join other o on o.case_id = c.id
       where c.publication <> 'awaiting_second_tier' and ${where} and ${behind(firstDue)})
    ) ${firstOf(limit, `array_remove(array[${waitsFor}], null)`)}`
}

function secondTierQueue({ where, behind, limit }: Cut): string {
  const due = 'c.moderate_due_at'
  return `
    with waiting as (
      ${ranked(due)} where c.publication = 'awaiting_second_tier' and ${where} and ${behind(due)}
    ) ${firstOf(limit, `array['case']`)}`
}

function firstOf(limit: number, waitsFor: string): string {
  return `
    select w.id, w.calm, w.low, nullif(w.due, 'infinity') as "dueAt", ${waitsFor} as "waitsFor"
    from (select * from waiting order by calm, low, due, id limit ${limit}) as w join cases c on c.id = w.id
    order by w.calm, w.low, w.due, w.id`
}

const NEVER = Number.MAX_SAFE_INTEGER
const LAST_YEAR = Date.UTC(9999, 11, 31)

function cursorOf({ calm, low, dueAt, id }: Waiting): number[] {
  return [Number(calm), Number(low), dueAt === null ? NEVER : Date.parse(dueAt), id]
}

// What stands in a cursor may be anything; PostgreSQL knows no year beyond its own.
function timeOf(due: number): string {
  if (due > LAST_YEAR) return 'infinity'
  return due < 0 ? '-infinity' : new Date(due).toISOString()
}

async function seenItems(db: Db, client: ClientCaller, waiting: readonly Waiting[]): Promise<QueueItem[]> {
  const ids = waiting.map(({ id }) => id)
  const cases = await casesWhere(db.pool, 'c.id = any($1::bigint[])', [ids], ids.length)
  return waiting.flatMap(({ id, waitsFor, dueAt }) => {
    const theCase = cases.find((one) => one.id === id)
    const relation = theCase && relationTo(client, theCase)
    // Decided in between, and no longer with whoever asks.
    if (!relation || !(casePermissions.createDecision as readonly Relation[]).includes(relation)) return []
    const view = viewFor(relation, theCase)
    if (view === 'hidden') return []
    return [{ waitsFor, dueAt, seen: showCase(db.vault, theCase, relation, view) }]
  })
}
