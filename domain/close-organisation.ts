import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { belowOf, childrenFor, handCommissions, idWithoutPosition, moveTo } from './close-sites.ts'
import { DomainError, invalid } from './errors.ts'
import { once } from './idempotency.ts'
import { organisationNamed } from './organisation-links.ts'
import { getOrganisation, type OrganisationDetail } from './organisations.ts'
import {
  type HeldOrganisation,
  holdOrganisation,
  organisationById,
  type Registered,
  refuseCircle,
  tellRegistry,
  treeConflict,
} from './registry.ts'
import { successorProblem } from './registry-rules.ts'
import { holdCasesAt, standAgain } from './stand-again.ts'

/** Since when an organisation is closed, and what came after it. */
export type Closure = {
  /** The first day on which it is closed, as 2026-04-01; today in London if nothing is said. */
  on?: string | undefined
  /** The code of what took over. */
  successor?: string | undefined
  /** What becomes of what belongs to it; `move` needs a successor. */
  sites?: 'move' | 'close' | undefined
}

/** Closes an organisation, once per idempotency key; throws `not_found`, `version_stale`, and as `closeOrganisation` does. */
export async function createClosure(
  db: Db,
  client: ClientCaller,
  code: string,
  closure: Closure,
  { key, version, now }: { key: string | undefined; version: number; now: Date },
): Promise<OrganisationDetail> {
  const work = { key, operation: `createClosure ${code}`, body: closure }
  const closed = await once(db, client, work, async (tx) => {
    const held = await holdOrganisation(tx, code, version)
    await closeOrganisation(tx, client, held, closure, now)
    return { code: held.code }
  })
  return getOrganisation(db, closed.code)
}

/** Opens a closed organisation again; throws `version_stale`, and as `reopenOrganisation` does. */
export async function endClosure(
  db: Db,
  client: ClientCaller,
  code: string,
  { version }: { version: number },
): Promise<OrganisationDetail> {
  const { code: opened } = await inTransaction(db, async (tx) => {
    const held = await holdOrganisation(tx, code, version)
    await reopenOrganisation(tx, client, held)
    return held
  })
  return getOrganisation(db, opened)
}

/**
 * Closes a held organisation in the caller's transaction. Its cases stay its own. With a successor, that has from now on
 * whatever names this one, its sites too unless they close with it. One that is closed already gets the day and the
 * successor that are said, and keeps what is not said; resolves to whether anything is different now. Throws
 * `validation_failed` for a day that cannot be and an unknown successor, and `tree_conflict` for a successor that is closed
 * itself, is the organisation itself or below it, or cannot have its sites.
 */
export async function closeOrganisation(
  tx: Tx,
  client: ClientCaller | null,
  held: HeldOrganisation,
  { on, successor, sites = 'move' }: Closure,
  now: Date,
): Promise<boolean> {
  const today = dayInLondon(now)
  const day = on ?? held.closedOn ?? today
  refuseDay(day, today)
  const next = successor === undefined ? null : await findSuccessor(tx, held, successor)
  const nextId = next?.id ?? held.succeededById
  const end: End = { day, nextId }
  const closing = sites === 'close' ? await belowOf(tx, held.id) : []
  const moving = sites === 'move' && next !== null ? await childrenFor(tx, held, next) : []
  await holdCasesAt(tx, moving.flatMap(idWithoutPosition))
  const changes = [
    ...(await close(tx, [held.id], end)),
    ...(await close(
      tx,
      closing.map(({ id }) => id),
      end,
    )),
    ...(next === null ? [] : await moveTo(tx, held, next, moving)),
    ...(next?.kind === 'commissioner' ? await handCommissions(tx, held.id, next.id) : []),
  ]
  await standAgain(tx, client, moving.flatMap(idWithoutPosition))
  if (changes.length > 0) await tellRegistry(tx, client, changes)
  return changes.length > 0
}

/**
 * Opens a held organisation again in the caller's transaction: it has no successor any more, and takes cases. What was moved
 * or closed with it stays so. Throws `not_found` when it is not closed, and `tree_conflict` when what it belongs to is.
 */
export async function reopenOrganisation(
  tx: Tx,
  client: ClientCaller | null,
  held: HeldOrganisation,
): Promise<void> {
  if (held.active)
    throw new DomainError('not_found', { detail: `${held.name} (${held.code}) is not closed.` })
  const parent = held.parentId === null ? null : await organisationById(tx, held.parentId)
  if (parent !== null && !parent.active) {
    const detail = `It belongs to ${parent.name} (${parent.code}), which is closed: open that first, or have it belong to another.`
    throw treeConflict(detail)
  }
  await rows(
    tx,
    `update organisations set active = true, closed_on = null, succeeded_by_id = null, version = version + 1, updated_at = now()
     where id = $1`,
    [held.id],
    'reopen-organisation',
  )
  await tellRegistry(tx, client, [{ type: 'organisation.reopened', organisationId: held.id, fields: CLOSED }])
}

type End = { day: string; nextId: number | null }

const CLOSED = ['active', 'closedOn', 'successor']
/** The day on which the National Health Service began. */
const FIRST_DAY = '1948-07-05'

function dayInLondon(now: Date): string {
  return now.toLocaleDateString('sv-SE', { timeZone: 'Europe/London' })
}

function refuseDay(day: string, today: string): void {
  if (day >= FIRST_DAY && day <= today) return
  const detail = `Between ${FIRST_DAY} and today, ${today}; close it when the day has come.`
  throw invalid({ pointer: '/on', code: 'day_out_of_range', detail })
}

async function findSuccessor(tx: Tx, held: HeldOrganisation, code: string): Promise<HeldOrganisation> {
  const next = await organisationNamed(tx, code, '/successor')
  if (next.id === held.id) throw treeConflict('It would come after itself; name another.')
  const problem = successorProblem(held.kind, next.kind)
  if (problem !== null) throw treeConflict(problem)
  if (!next.active)
    throw treeConflict(`${next.name} (${next.code}) is closed itself; open it again, or name another.`)
  await refuseCircle(tx, held.id, next.id)
  return next
}

async function close(tx: Tx, ids: readonly number[], { day, nextId }: End): Promise<Registered[]> {
  const closed = await rows<{ id: number }>(
    tx,
    `update organisations set active = false, closed_on = $2::date, succeeded_by_id = $3, version = version + 1, updated_at = now()
     where id = any($1::int[])
       and (active or closed_on is distinct from $2::date or succeeded_by_id is distinct from $3::int)
     returning id`,
    [ids, day, nextId],
    'close-organisations',
  )
  return closed.map(({ id }) => ({ type: 'organisation.closed', organisationId: id, fields: CLOSED }))
}
