import type { Links } from './import-links.ts'
import type { Plan } from './import-plan.ts'
import type { Known, Registry } from './import-registry.ts'
import { RowLeft } from './import-rows.ts'

type Where = { plan: Plan; registry: Registry }

/** The codes of the past that are not filed for an organisation yet; throws `RowLeft` for one that is or was another's. */
export function newFormerCodes(
  { idOf, formerly }: Registry,
  known: Known,
  codes: readonly string[],
): string[] {
  for (const code of codes) {
    const whose = idOf.get(code) ?? formerly.get(code) ?? known.id
    if (whose !== known.id || code === known.code)
      throw new RowLeft(
        'refused',
        'code_taken',
        `The column "formerCodes" has ${code}, which is or was the code of another.`,
      )
  }
  return codes.filter((code) => !formerly.has(code))
}

/** Has codes lead to an organisation. */
export function fileCodes({ plan, registry }: Where, { id }: Known, codes: readonly string[]): void {
  for (const code of codes) {
    plan.formerCodes.push({ code, organisationId: id })
    registry.formerly.set(code, id)
  }
}

/** Whether a name on the old website is nobody's yet. */
export function isNewAlias({ aliases }: Registry, alias: string | undefined): boolean {
  return alias !== undefined && !aliases.has(alias)
}

/** Files such a name. Their ids are not always one organisation's: the first one keeps it, and the row of the other says so. */
export function fileAlias(
  { plan, registry }: Where,
  { id }: Known,
  alias: string | undefined,
): Links['note'] {
  if (alias === undefined) return undefined
  if (!isNewAlias(registry, alias))
    return { problem: 'code_taken', detail: 'Its "ChoicesID" was left out: another organisation has it.' }
  plan.aliases.push({ code: alias, organisationId: id })
  registry.aliases.set(alias, id)
  return undefined
}
