import {
  type Classes,
  type Dimension,
  families,
  type Hours,
  type Tally,
  type WindowName,
  windowNames,
} from './public-figures-dimensions.ts'
import { groupsOf, poolsOf } from './public-figures-groups.ts'
import { partsOf } from './public-figures-parts.ts'
import { type FiguresTree, NATION, type Node, regionsByNode } from './public-figures-tree.ts'

/** Whose figures they are: an organisation or commissioner by its id, a region by its name, the nation ''. */
export type Scope = 'nation' | 'region' | 'organisation' | 'parent' | 'commissioner' | 'own'
export type Subject = { scope: Scope; subject: string }

/** What the public hears of a subject in a window: sums of what is said of groups and pools. */
export type Sum = Subject & {
  window: WindowName
  cases: number
  values: Partial<Record<Dimension, Map<string, number>>>
  /** How many are of each class, of the pools where that is said. */
  classes: Partial<Record<Dimension, number[]>>
  hours: Tally['hours']
}

/** The published cases of each organisation, by band of time: the first is that of the shortest window. */
export type Tallies = readonly ReadonlyMap<number, Tally>[]

export type FigureSource = {
  tree: FiguresTree
  organisationIds: readonly number[]
  /** Who commissions an organisation. */
  commissioners: ReadonlyMap<number, readonly number[]>
  tallies: Tallies
  classes: Classes
}

/** The rules by which numbers are said or not; tests put careless ones in their place. */
export type Rules = { groupsOf: typeof groupsOf; poolsOf: typeof poolsOf; partsOf: typeof partsOf }
const safeRules: Rules = { groupsOf, poolsOf, partsOf }

/**
 * What the public hears of every subject and window. Every number is the size of a union of disjoint groups, pools or parts,
 * and each of these has at least `LEAST_SAID` cases: however they are added and subtracted, no fewer come out
 * (docs/figures.md has the reasons, `test/domain/public-figures.test.ts` attacks it).
 */
export function publicSums(source: FigureSource, rules: Rules = safeRules): Sum[] {
  const { tree, tallies } = source
  const sums = new Map<string, Sum>()
  const subjectsOf = subjectsIn(source)
  for (const [band, tally] of tallies.entries()) {
    const windows = windowNames.slice(band)
    const add = (node: Node, change: (sum: Sum) => void): void => {
      for (const { scope, subject } of subjectsOf(node)) {
        for (const window of scope === 'own' ? (['all'] as const) : windows)
          change(sumOf(sums, { scope, subject, window }))
      }
    }
    const groupAt = rules.groupsOf(tree, new Map([...tally].map(([id, { cases }]) => [id, cases])))
    const sizes = new Map<Node, number>()
    for (const [id, node] of groupAt) sizes.set(node, (sizes.get(node) ?? 0) + (tally.get(id)?.cases ?? 0))
    for (const [node, cases] of sizes)
      add(node, (sum) => {
        sum.cases += cases
      })
    for (const family of families) addFamily(source, rules, { family, tally, groupAt, sizes, add })
  }
  return [...sums.values()]
}

/** The subjects that have the cases which count at a node. */
export function subjectsIn({
  tree,
  organisationIds,
  commissioners,
}: Pick<FigureSource, 'tree' | 'organisationIds' | 'commissioners'>): (node: Node) => readonly Subject[] {
  const regions = regionsByNode(tree, organisationIds)
  const known = new Map<Node, readonly Subject[]>()
  const nation: Subject = { scope: 'nation', subject: '' }
  const inRegion = (name: string | null): Subject[] =>
    name === null ? [] : [{ scope: 'region', subject: name }]
  const find = (node: Node): Subject[] => {
    if (node <= NATION) return [nation, ...inRegion(regions.get(node) ?? null)]
    const having = tree.havingWithThem(node)
    const paying = new Set(having.flatMap((id) => commissioners.get(id) ?? []))
    const of = (scope: Scope, ids: Iterable<number>): Subject[] =>
      [...ids].map((id) => ({ scope, subject: String(id) }))
    return [
      nation,
      ...inRegion(tree.regionOf(node)),
      ...of('organisation', having),
      ...of('parent', [tree.topOf(node)]),
      ...of('commissioner', paying),
      ...of('own', tree.heirsOf(node)),
    ]
  }
  return (node) => {
    const subjects = known.get(node) ?? find(node)
    known.set(node, subjects)
    return subjects
  }
}

type FamilyWork = {
  family: (typeof families)[number]
  tally: ReadonlyMap<number, Tally>
  groupAt: ReadonlyMap<number, Node>
  sizes: ReadonlyMap<Node, number>
  add: (node: Node, change: (sum: Sum) => void) => void
}

function addFamily(source: FigureSource, rules: Rules, work: FamilyWork): void {
  const { family, tally, groupAt, sizes, add } = work
  const poolAt = rules.poolsOf(source.tree, sizes, family.least)
  const members = new Map<Node, Tally[]>()
  for (const [id, group] of groupAt) {
    const [pool, one] = [poolAt.get(group), tally.get(id)]
    if (pool === undefined || one === undefined) continue
    const there = members.get(pool)
    if (there === undefined) members.set(pool, [one])
    else there.push(one)
  }
  for (const [node, tallies] of members) {
    for (const dimension of family.dimensions) {
      const counts = countsOf(tallies, dimension)
      const parts = rules.partsOf(counts, source.classes[dimension])
      add(node, (sum) => {
        addParts(sum, dimension, parts)
        if ((dimension === 'acknowledge' || dimension === 'resolve') && (parts.classes[0] ?? 0) > 0)
          for (const one of tallies) addHours(sum.hours[dimension], one.hours[dimension])
      })
    }
  }
}

function countsOf(tallies: readonly Tally[], dimension: Dimension): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { values } of tallies)
    for (const [value, n] of values[dimension] ?? []) counts.set(value, (counts.get(value) ?? 0) + n)
  return counts
}

function addParts(sum: Sum, dimension: Dimension, { said, classes }: ReturnType<typeof partsOf>): void {
  // Steps and answers are parts of those that have one: where these cannot be said, they are not either.
  if (dimension !== 'status' && classes.includes(null)) return
  const values = sum.values[dimension] ?? new Map<string, number>()
  sum.values[dimension] = values
  for (const [value, n] of said) values.set(value, (values.get(value) ?? 0) + n)
  const all = sum.classes[dimension] ?? classes.map(() => 0)
  sum.classes[dimension] = all
  for (const [index, n] of classes.entries()) all[index] = (all[index] ?? 0) + (n ?? 0)
}

function addHours(sum: Hours, hours: Hours): void {
  for (const [hour, { n, minutes }] of hours) {
    const there = sum.get(hour) ?? { n: 0, minutes: 0 }
    sum.set(hour, { n: there.n + n, minutes: there.minutes + minutes })
  }
}

function sumOf(sums: Map<string, Sum>, { scope, subject, window }: Subject & { window: WindowName }): Sum {
  const key = `${scope}/${window}/${subject}`
  const there = sums.get(key)
  if (there !== undefined) return there
  const hours = { acknowledge: new Map(), resolve: new Map() }
  const made: Sum = { scope, subject, window, cases: 0, values: {}, classes: {}, hours }
  sums.set(key, made)
  return made
}
