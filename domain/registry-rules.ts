import type { OrganisationKind } from '../prisma/client.ts'

/**
 * Why an organisation of one kind cannot belong to one of another, in words; null when it can. A branch stands at a
 * surgery, where its cases are; what commissions care stands by itself; a site and a branch have nothing below them.
 */
export function parentProblem(child: OrganisationKind, parent: OrganisationKind): string | null {
  if (child === 'commissioner') return 'What commissions care belongs to nothing here.'
  if (child === 'gp_branch' && parent !== 'gp_practice') return 'A branch belongs to a practice.'
  const canBeParent = parent === 'trust' || parent === 'gp_practice' || parent === 'local_authority'
  return canBeParent ? null : `Nothing belongs to an organisation of the kind ${parent}.`
}

/** Why an organisation of one kind cannot become one of another, in words; null when it can. */
export function kindProblem(before: OrganisationKind, after: OrganisationKind): string | null {
  const commissions = [before, after].filter((kind) => kind === 'commissioner').length
  return commissions === 1
    ? 'What commissions care does not become what provides it, nor the other way round: close it, and register another.'
    : null
}

/** Why an organisation of one kind cannot take over from one of another, in words; null when it can. */
export function successorProblem(closed: OrganisationKind, successor: OrganisationKind): string | null {
  if ((closed === 'commissioner') === (successor === 'commissioner')) return null
  return 'Only what commissions care takes over from what does, and only what provides it from what does.'
}
