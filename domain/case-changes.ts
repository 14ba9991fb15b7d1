import { type Db, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { ClientCaller, ReporterCaller } from './callers.ts'
import { type CaseRow, caseById, findStanding, lockStanding, type Standing } from './case-rows.ts'
import {
  type CaseAction,
  casePermissions,
  publicView,
  type Relation,
  relationTo,
  viewFor,
} from './case-rules.ts'
import { DomainError } from './errors.ts'
import type { NewEvent } from './events.ts'
import { receiptFits } from './receipts.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'

/** A case that a caller may work on, its row held, and how the caller stands to it. */
export type HeldCase = { theCase: CaseRow; relation: Relation }

/**
 * Holds the case for `action` by `client`. Throws `not_found` for one that is unknown or hidden, `not_your_case` for one
 * that the caller may see but not do this to, and `version_stale` when it has changed since `version`; an action that
 * leaves the case as it is needs no version.
 */
export async function holdCase(
  tx: Tx,
  client: ClientCaller,
  reference: string,
  version: number | undefined,
  action: CaseAction,
): Promise<HeldCase> {
  const standing = await lock(tx, reference)
  if (standing === undefined) throw new DomainError('not_found')

  const relation = allowedRelation(client, standing, action)
  const theCase = await caseById(tx, standing.id)
  if (version !== undefined && theCase.version !== version) {
    throw new DomainError('version_stale', {
      currentVersion: theCase.version,
      detail: `You sent version ${version}; it is ${theCase.version} now. Read it again and decide again.`,
    })
  }
  return { theCase, relation }
}

/** Where the case stands for a client who only reads what belongs to it; throws as `holdCase` does. */
export async function standingFor(
  sql: Sql,
  client: ClientCaller,
  reference: string,
  action: CaseAction,
): Promise<{ standing: Standing; relation: Relation }> {
  const canonical = parseReference(reference)
  const standing = canonical === null ? undefined : await findStanding(sql, canonical)
  if (standing === undefined) throw new DomainError('not_found')
  return { standing, relation: allowedRelation(client, standing, action) }
}

/** Holds the case for its reporter; throws the same `not_found` for an unknown case and for a receipt that is not its own. */
export async function holdOwnCase(tx: Tx, reporter: ReporterCaller, reference: string): Promise<CaseRow> {
  const standing = await lock(tx, reference)
  const fits = await receiptFits(tx, tx.vault, reporter.receipt, standing)
  if (standing === undefined || !fits) throw new DomainError('not_found')
  return caseById(tx, standing.id)
}

/**
 * The case after a change, or after a repeat of one, as its caller may see it now. `then` is how they stood to the case
 * when they changed it, and the version they made: who gave the case away with the change still sees what they did,
 * without contact details, as long as nobody has changed it since. Throws as `holdCase` does.
 */
export async function changedCase(
  db: Db,
  client: ClientCaller,
  caseId: number,
  then?: { relation: Relation; version: number },
): Promise<SeenCase> {
  const theCase = await caseById(db.pool, caseId)
  const relation = relationTo(client, theCase)
  const view = viewFor(relation, theCase)
  if (view === 'staff' || view === 'staff_without_contact') return showCase(db.vault, theCase, relation, view)
  if (then === undefined || then.version !== theCase.version) throw notYours(client, relation, theCase)
  return showCase(db.vault, theCase, then.relation, 'staff_without_contact')
}

/** Makes the next version of a held case that nothing else in its row tells of. */
export async function nextVersion(tx: Tx, { id }: Pick<CaseRow, 'id'>): Promise<void> {
  await rows(
    tx,
    'update cases set version = version + 1, updated_at = now() where id = $1',
    [id],
    'next-version',
  )
}

/** What every event about a held case says of it: the change makes its version one more. */
export function about(theCase: CaseRow): Omit<NewEvent, 'type'> {
  return {
    caseId: theCase.id,
    caseReference: theCase.reference,
    organisationId: theCase.organisationId,
    caseVersion: theCase.version + 1,
  }
}

async function lock(tx: Tx, reference: string): Promise<Standing | undefined> {
  const canonical = parseReference(reference)
  return canonical === null ? undefined : lockStanding(tx, canonical)
}

function allowedRelation(client: ClientCaller, standing: Standing, action: CaseAction): Relation {
  const relation = relationTo(client, standing)
  if (!(casePermissions[action] as readonly Relation[]).includes(relation))
    throw notYours(client, relation, standing)
  return relation
}

// What was not referred to the second tier is not there for it, whatever the public sees.
function notYours(
  client: ClientCaller,
  relation: Relation,
  theCase: Pick<CaseRow, 'publication' | 'privacy'>,
): DomainError {
  const hidden = client.role === 'second_tier' || publicView(theCase) === 'hidden'
  return new DomainError(relation === 'none' && hidden ? 'not_found' : 'not_your_case')
}
