import type { Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type CaseRow, lockCase } from './case-rows.ts'
import { publicView, type Relation, relationTo } from './case-rules.ts'
import { DomainError } from './errors.ts'
import { parseReference } from './references.ts'

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
  const theCase = canonical === null ? undefined : await lockCase(tx, canonical)
  if (theCase === undefined) throw new DomainError('not_found')

  const relation = relationTo(client, theCase)
  if (!relations.includes(relation)) {
    throw new DomainError(
      relation === 'none' && publicView(theCase) === 'hidden' ? 'not_found' : 'not_your_case',
    )
  }
  if (theCase.version !== version) {
    throw new DomainError('version_stale', {
      currentVersion: theCase.version,
      detail: `You sent version ${version}; it is ${theCase.version} now. Read it again and decide again.`,
    })
  }
  return { theCase, relation }
}
