import { type OrganisationKind, rows, type Tx } from '../prisma/client.ts'
import { invalid, type Problem } from './errors.ts'
import { canonicalCode, FORMER_CODES, findOrganisationId } from './organisations.ts'
import {
  type HeldOrganisation,
  organisationById,
  refuseCircle,
  refuseTakenCode,
  treeConflict,
} from './registry.ts'
import { parentProblem } from './registry-rules.ts'
import { lastSuccessor } from './succession.ts'

/**
 * The organisation that one of `kind` is to belong to, by its code in any form, or what came after that. Throws
 * `validation_failed` for an unknown one, and `tree_conflict` for one that is closed or that nothing like it belongs to.
 */
export async function findParent(
  tx: Tx,
  code: string,
  kind: OrganisationKind,
  ownId: number | null,
): Promise<HeldOrganisation> {
  const parent = await organisationNamed(tx, code, '/parent')
  const problem = parentProblem(kind, parent.kind)
  if (problem !== null) throw treeConflict(problem)
  if (!parent.active)
    throw treeConflict(`${parent.name} (${parent.code}) is closed; open it again, or name another.`)
  if (ownId !== null) await refuseCircle(tx, ownId, parent.id)
  return parent
}

/** The organisation with this code in any form, or the last of what came after it; throws `validation_failed` at `pointer`. */
export async function organisationNamed(tx: Tx, code: string, pointer: string): Promise<HeldOrganisation> {
  const id = await findOrganisationId(tx, code)
  if (id === null) throw invalid(unknownAt(pointer, code))
  return organisationById(tx, await lastSuccessor(tx, id))
}

/**
 * The keys of the commissioners with these codes, in their order and each once; of one that is closed, that of what came
 * after it. Throws `validation_failed` with all that are none.
 */
export async function findCommissioners(tx: Tx, codes: readonly string[]): Promise<number[]> {
  const ids: number[] = []
  const problems: Problem[] = []
  for (const [n, code] of codes.entries()) {
    const pointer = `/commissioners/${n}`
    const named = await findOrganisationId(tx, code)
    const found = named === null ? null : await organisationById(tx, await lastSuccessor(tx, named))
    if (found === null) problems.push(unknownAt(pointer, code))
    else if (found.kind !== 'commissioner') {
      const detail = `${found.name} (${found.code}) is of the kind ${found.kind}; only a commissioner commissions.`
      problems.push({ pointer, code: 'wrong_organisation_kind', detail })
    } else ids.push(found.id)
  }
  if (problems.length > 0) throw invalid(...problems)
  return [...new Set(ids)]
}

/** Has an organisation commissioned by these and by nobody else; the first is the primary one. Whether that is a change. */
export async function writeCommissioners(
  tx: Tx,
  id: number,
  commissionerIds: readonly number[],
): Promise<boolean> {
  const removed = await rows(
    tx,
    'delete from commissioning where organisation_id = $1 and commissioner_id <> all($2::int[]) returning 1',
    [id, commissionerIds],
    'remove-commissioners',
  )
  const written = await rows(
    tx,
    `insert into commissioning as m (organisation_id, commissioner_id, "primary")
     select $1, given.id, n = 1 from unnest($2::int[]) with ordinality as given(id, n)
     on conflict (organisation_id, commissioner_id) do update set "primary" = excluded."primary"
       where m."primary" <> excluded."primary"
     returning 1`,
    [id, commissionerIds],
    'write-commissioners',
  )
  return removed.length + written.length > 0
}

/** Files codes that an organisation had before; whether one is new. Throws `code_taken` for one that is or was another's. */
export async function fileFormerCodes(tx: Tx, id: number, codes: readonly string[]): Promise<boolean> {
  for (const code of codes) await refuseTakenCode(tx, code, id)
  const filed = await rows(
    tx,
    `insert into organisation_external_ids (scheme, code, organisation_id)
     select '${FORMER_CODES}', code, $1 from unnest($2::text[]) as code on conflict do nothing returning 1`,
    [id, [...new Set(codes.map(canonicalCode))]],
    'file-former-codes',
  )
  return filed.length > 0
}

function unknownAt(pointer: string, code: string): Problem {
  const detail = `There is no organisation with the code "${code}"; /v1/organisations lists them.`
  return { pointer, code: 'unknown_organisation', detail }
}
