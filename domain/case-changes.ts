import type { Db, Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type CaseRow, caseById, lockStanding } from './case-rows.ts'
import { publicView, type Relation, relationTo, viewFor } from './case-rules.ts'
import { DomainError } from './errors.ts'
import { parseReference } from './references.ts'
import { type SeenCase, showCase } from './seen-case.ts'

/** A case that a caller may work on, its row held, and how the caller stands to it. */
export type HeldCase = { theCase: CaseRow; relation: Relation }

/**
 * Holds the case for a change by `client`. Throws `not_found` for one that is unknown or hidden, `not_your_case` for one
 * that the caller may see but not work on as one of `relations`, and `version_stale` when it has changed since `version`.
 */
export async function holdCase(
  tx: Tx,
  client: ClientCaller,
  reference: string,
  version: number,
  relations: readonly Relation[],
): Promise<HeldCase> {
  const canonical = parseReference(reference)
  const standing = canonical === null ? undefined : await lockStanding(tx, canonical)
  if (standing === undefined) throw new DomainError('not_found')

  const relation = relationTo(client, standing)
  if (!relations.includes(relation)) throw notYours(relation, standing)
  const theCase = await caseById(tx, standing.id)
  if (theCase.version !== version) {
    throw new DomainError('version_stale', {
      currentVersion: theCase.version,
      detail: `You sent version ${version}; it is ${theCase.version} now. Read it again and decide again.`,
    })
  }
  return { theCase, relation }
}

/**
 * The case after a change, or after a repeat of one, as its caller may see it now: between the two it may have gone to
 * somebody else. Throws as `holdCase` does.
 */
export async function changedCase(db: Db, client: ClientCaller, caseId: number): Promise<SeenCase> {
  const theCase = await caseById(db.pool, caseId)
  const relation = relationTo(client, theCase)
  const view = viewFor(relation, theCase)
  if (view !== 'staff' && view !== 'staff_without_contact') throw notYours(relation, theCase)
  return showCase(db.vault, theCase, relation, view)
}

function notYours(relation: Relation, theCase: Pick<CaseRow, 'publication' | 'privacy'>): DomainError {
  return new DomainError(
    relation === 'none' && publicView(theCase) === 'hidden' ? 'not_found' : 'not_your_case',
  )
}
