import type { Family } from './import-layouts.ts'
import { type Known, lastOf, type Registry } from './import-registry.ts'
import type { FieldName, SaidFields, Wanted } from './import-rows.ts'

/** What a row says that is not so already; a region counts only where there is none. */
export function newlySaid(known: Known, { said, region }: Wanted, family: Family): Partial<SaidFields> {
  const filled = known.region === null && region !== undefined ? { region } : {}
  const all = Object.entries({ ...said, ...filled }) as [FieldName, SaidFields[FieldName]][]
  return Object.fromEntries(all.filter(([field, value]) => !isSame(known[field], value, family)))
}

// The national files are in capitals, which is no change of a name.
function isSame(before: SaidFields[FieldName], after: SaidFields[FieldName], family: Family): boolean {
  if (family !== 'national' || typeof before !== 'string' || typeof after !== 'string')
    return before === after
  return before.toUpperCase() === after.toUpperCase()
}

/** The names of fields as the contract has them. */
export function fieldsOf(said: Partial<SaidFields>): string[] {
  const names = Object.keys(said).map((field) =>
    field === 'latitude' || field === 'longitude' ? 'position' : field,
  )
  return [...new Set(names)]
}

/** Whether an organisation belongs to what is wanted, or to what that came after. */
export function isParent(registry: Registry, { parentId }: Known, wanted: number | null): boolean {
  return parentId === null || wanted === null ? parentId === wanted : lastOf(registry, parentId) === wanted
}

/** Whether these commission it; which one is the primary matters, the order of the others does not. */
export function areCommissioners(
  registry: Registry,
  { commissionerIds }: Known,
  wanted: readonly number[],
): boolean {
  const lasts = (ids: readonly number[]) => [...new Set(ids.map((id) => lastOf(registry, id)))]
  const [now, then] = [lasts(commissionerIds), lasts(wanted)]
  return now.length === then.length && now[0] === then[0] && then.every((id) => now.includes(id))
}
