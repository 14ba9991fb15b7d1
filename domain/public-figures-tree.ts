/** An organisation, as figures add them up. */
export type TreeOrganisation = {
  id: number
  parentId: number | null
  successorId: number | null
  region: string | null
  /** It may have cases of its own: it is open, and no mere commissioner. */
  takesCases: boolean
}

/** Where cases count: an organisation by its id, a region below 0, the nation. */
export type Node = number

export const NATION: Node = 0

/** Who stands below whom: what came after an organisation stands above it, else what it belongs to, else region and nation. */
export type FiguresTree = {
  /** Every node, each behind all that is below it; the nation last. */
  bottomUp: readonly Node[]
  up: ReadonlyMap<Node, Node>
  takesCases: ReadonlySet<Node>
  /** The last organisation above one; itself when nothing is. */
  topOf: (id: number) => number
  /** The organisations that have one with them, itself included: what it belongs to and what came after it. */
  havingWithThem: (id: number) => number[]
  /** The organisations that have the own cases of one: itself and all that came after it. */
  heirsOf: (id: number) => number[]
  regionOf: (id: number) => string | null
}

/** Makes the tree; without `withRegions` what is at the top of it stands right below the nation. */
export function figuresTree(
  organisations: readonly TreeOrganisation[],
  { withRegions = true }: { withRegions?: boolean } = {},
): FiguresTree {
  const known = new Map(organisations.map((one) => [one.id, one]))
  const nextOf = new Map<number, number>()
  for (const { id, parentId, successorId } of organisations) {
    const next = successorId ?? parentId
    if (next !== null && known.has(next) && !leadsTo(nextOf, next, id)) nextOf.set(id, next)
  }
  const topOf = (id: number): number => lastOf(nextOf, id)
  const regionNames = [...new Set(organisations.flatMap(({ region }) => region ?? []))].sort()
  const regions = new Map(regionNames.map((name, n) => [name, -1 - n]))
  // A region is a matter of what is at the top: so whatever counts further up stays in it.
  const regionOf = (id: number): string | null => known.get(topOf(id))?.region ?? null
  const up = new Map<Node, Node>(nextOf)
  for (const { id, region } of organisations) {
    if (!nextOf.has(id)) up.set(id, (withRegions && region !== null && regions.get(region)) || NATION)
  }
  const regionNodes = withRegions ? [...regions.values()] : []
  for (const node of regionNodes) up.set(node, NATION)
  const depth = depths(nextOf)
  return {
    bottomUp: [
      ...organisations.map(({ id }) => id).sort((one, other) => depth(other) - depth(one) || one - other),
      ...regionNodes,
      NATION,
    ],
    up,
    takesCases: new Set(organisations.filter(({ takesCases }) => takesCases).map(({ id }) => id)),
    topOf,
    havingWithThem: (id) => closure(known, id),
    heirsOf: (id) => heirsOf(known, id),
    regionOf,
  }
}

/** The name of a region's node, or null for any other. */
export function regionsByNode(
  { topOf, up, regionOf }: FiguresTree,
  ids: readonly number[],
): Map<Node, string> {
  const found = new Map<Node, string>()
  for (const id of ids) {
    const [node, name] = [up.get(topOf(id)) ?? NATION, regionOf(id)]
    if (node < 0 && name !== null) found.set(node, name)
  }
  return found
}

function lastOf(nextOf: ReadonlyMap<number, number>, id: number): number {
  let last = id
  for (let next = nextOf.get(id); next !== undefined; next = nextOf.get(next)) last = next
  return last
}

// Nobody means to be above themselves; what says so all the same must not hang the count.
function leadsTo(nextOf: ReadonlyMap<number, number>, from: number, to: number): boolean {
  for (let at: number | undefined = from; at !== undefined; at = nextOf.get(at)) if (at === to) return true
  return false
}

function depths(nextOf: ReadonlyMap<number, number>): (id: number) => number {
  const known = new Map<number, number>()
  const depth = (id: number): number => {
    const next = nextOf.get(id)
    const found = known.get(id) ?? (next === undefined ? 0 : depth(next) + 1)
    known.set(id, found)
    return found
  }
  return depth
}

function closure(known: ReadonlyMap<number, TreeOrganisation>, id: number): number[] {
  const found = new Set([id])
  for (const one of found) {
    const { parentId = null, successorId = null } = known.get(one) ?? {}
    if (parentId !== null) found.add(parentId)
    if (successorId !== null) found.add(successorId)
  }
  return [...found]
}

function heirsOf(known: ReadonlyMap<number, TreeOrganisation>, id: number): number[] {
  const heirs = new Set([id])
  for (const heir of heirs) {
    const next = known.get(heir)?.successorId ?? null
    if (next !== null) heirs.add(next)
  }
  return [...heirs]
}
