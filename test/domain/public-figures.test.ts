import fc from 'fast-check'
import t from 'tap'
import { type Dimension, families, windowNames } from '../../domain/public-figures-dimensions.ts'
import { groupsOf, LEAST_SAID, poolsOf } from '../../domain/public-figures-groups.ts'
import { partsOf } from '../../domain/public-figures-parts.ts'
import { figuresOf, ownFiguresOf } from '../../domain/public-figures-said.ts'
import {
  publicSums,
  type Rules,
  type Subject,
  type Sum,
  subjectsIn,
} from '../../domain/public-figures-sums.ts'
import { figuresTree, type Node } from '../../domain/public-figures-tree.ts'
import { withheldSaid } from '../../domain/public-figures-withheld.ts'
import { ELSEWHERE, type Figures } from '../../domain/statistics-figures.ts'
import { boundsOf, createAttacker, type Told } from './figures-attacker.ts'
import { CLASSES, sourceOf, type World, type WorldCase, worlds } from './figures-world.ts'

const isSmall = (n: number): boolean => n > 0 && n < LEAST_SAID
const RUNS = 100

t.test('no number from 1 to 4 follows from any set of public answers', async () => {
  fc.assert(
    fc.property(
      worlds,
      fc.constantFrom<Dimension[]>(['kind'], ['status', 'overdue'], ['resolved']),
      (world, of) => {
        const { told, atoms } = answersTo(world, of)
        for (const { of: unknowns, is } of told) {
          if (is < LEAST_SAID) fail(`${is} was told`)
          if (sumOf(atoms, unknowns) !== is) fail('what was told is not what the attacker takes it for')
        }
        expectNothingFound(world, of, told, atoms)
      },
    ),
    { numRuns: RUNS },
  )
})

t.test('the same attacker finds them where only the small numbers themselves are left out', async (t) => {
  const careless = (world: World): boolean => {
    const { told, atoms } = carelessAnswersTo(world, ['kind'])
    const attacker = createAttacker(told)
    return smallCells(world, ['kind'], atoms).some((cell) => attacker.finds(cell))
  }
  const found = fc.sample(worlds, { numRuns: 60, seed: 7 }).filter(careless).length
  t.ok(found > 20, `in ${found} of 60 worlds`)
})

t.test(
  'the same attacker finds them where pools are told apart without keeping small ones together',
  async (t) => {
    const apart: typeof partsOf = (counts, classes) => ({
      ...partsOf(counts, classes),
      said: new Map([...counts].filter(([, n]) => n >= LEAST_SAID)),
    })
    const leaks = (world: World): boolean => {
      const { told, atoms } = answersTo(world, ['resolved'], { groupsOf, poolsOf, partsOf: apart })
      const attacker = createAttacker(told)
      return smallCells(world, ['resolved'], atoms).some((cell) => attacker.finds(cell))
    }
    t.ok(fc.sample(worlds, { numRuns: 100, seed: 7 }).some(leaks))
  },
)

t.test('no total from 1 to 4 lies between bounds that meet', async () => {
  fc.assert(
    fc.property(worlds, (world) => {
      const { told, atoms, hidden } = answersTo(world, [])
      const bounds = boundsOf(told, atoms.keys(), (unknown) => (hidden.has(unknown) ? LEAST_SAID - 1 : 1_000))
      for (const [unknown, n] of atoms) {
        const [low, high] = bounds.get(unknown) as [number, number]
        if (n < low || n > high) fail('the attacker is wrong')
        if (isSmall(n) && low === high) fail(`${n} is known`)
      }
    }),
    { numRuns: RUNS },
  )
})

t.test('whoever knows the rules cannot tell which of all possible pools it was', async (t) => {
  const shapes = [
    [['a', 'b']],
    [['a', 'b', 'c']],
    [['a', 'b', 'c', 'd']],
    [['a', 'b'], ['c']],
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ]
  for (const classes of shapes) {
    const values = classes.flat()
    for (let size = LEAST_SAID; size <= 17; size++) {
      const same = Map.groupBy(splits(size, values.length), (numbers) => {
        const { said, classes: sums } = partsOf(
          new Map(values.map((value, n) => [value, numbers[n] ?? 0])),
          classes,
        )
        return JSON.stringify([[...said], sums])
      })
      for (const possible of same.values()) {
        for (const n of values.keys()) {
          const numbers = new Set(possible.map((one) => one[n] ?? 0))
          if (numbers.size === 1 && isSmall([...numbers][0] ?? 0)) t.fail(JSON.stringify([classes, possible]))
        }
      }
    }
  }
})

t.test('nor which of all possible trees: each of those that are not said may have none', async (t) => {
  const organisation = { successorId: null, region: 'North', takesCases: true }
  const tree = figuresTree([
    { ...organisation, id: 1, parentId: null },
    { ...organisation, id: 2, parentId: 1 },
    { ...organisation, id: 3, parentId: null },
    { ...organisation, id: 4, parentId: null },
  ])
  const same = Map.groupBy(grids(8, 4), (numbers) => {
    const sizes = new Map(numbers.map((n, at) => [at + 1, n]))
    const said = new Map<Node, number>()
    for (const [id, node] of groupsOf(tree, sizes))
      said.set(node, (said.get(node) ?? 0) + (sizes.get(id) ?? 0))
    return JSON.stringify([...said].sort(([one], [other]) => one - other))
  })
  let compared = 0
  for (const [output, possible] of same) {
    // Beyond that not all that is possible was tried.
    if ((JSON.parse(output) as [number, number][]).some(([, n]) => n > 8)) continue
    compared++
    for (const at of [0, 1, 2, 3]) {
      const numbers = new Set(possible.map((one) => one[at] ?? 0))
      if (numbers.size === 1 && isSmall([...numbers][0] ?? 0)) t.fail(output)
    }
  }
  t.ok(compared > 20, `${compared} answers`)
})

t.test('what is withheld by week keeps the same rule, without regions', async () => {
  fc.assert(
    fc.property(worlds, ({ organisations, cases }) => {
      const tree = figuresTree(organisations, { withRegions: false })
      const counted = Map.groupBy(cases, ({ organisation, band }) => `${organisation}/${band}`)
      const counts = [...counted.values()].map((some) => ({
        organisationId: some[0]?.organisation ?? 0,
        week: `2026-01-0${5 + (some[0]?.band ?? 0)}`,
        cases: some.length,
      }))
      const said = withheldSaid(tree, counts)
      for (const one of said) if (one.cases < LEAST_SAID) fail(`${one.cases} was told`)
      const all = cases.length
      if (said.reduce((sum, one) => sum + one.cases, 0) > all) fail('some were counted twice')
    }),
    { numRuns: RUNS },
  )
})

t.test(
  'nothing is told twice: rows of what is at the top are never more than the nation together',
  async () => {
    fc.assert(
      fc.property(worlds, (world) => {
        const sums = publicSums(sourceOf(world))
        for (const window of windowNames) {
          const told = (scope: string): number =>
            sums
              .filter((sum) => sum.scope === scope && sum.window === window)
              .reduce((all, { cases }) => all + cases, 0)
          if (told('parent') > told('nation') || told('region') > told('nation'))
            fail('a case counts in two rows')
          if (told('nation') > world.cases.length) fail('a case counts twice')
        }
        for (const sum of sums.filter(({ scope }) => scope !== 'own'))
          for (const { value, cases } of numbersElsewhere(figuresOf(sum, CLASSES, null)))
            if ((cases ?? 0) < LEAST_SAID) fail(`${cases} stand ${value}`)
      }),
      { numRuns: RUNS },
    )
  },
)

t.test('large numbers are all said, and add up', async (t) => {
  const organisation = { successorId: null, parentId: null, region: 'North', takesCases: true }
  const values = {
    ...{ status: 'open', overdue: 'in_time', kind: 'concern', channel: 'web', category: 'delays' },
    ...{ acknowledge: '60', resolve: 'none', resolved: 'none', manner: 'none' },
  }
  const world: World = {
    organisations: [
      { ...organisation, id: 1 },
      { ...organisation, id: 2, successorId: 1, takesCases: false },
    ],
    commissioners: new Map([[1, [9]]]),
    cases: [1, 2].flatMap((id) => Array.from({ length: 50 }, () => ({ organisation: id, band: 1, values }))),
  }
  const sums = publicSums(sourceOf(world))
  const numbers = sums
    .filter(({ window }) => window === 'all')
    .map((sum) => [sum.scope, sum.subject, figuresOf(sum, CLASSES, null).cases])
  t.same(numbers, [
    ['nation', '', 100],
    ['region', 'North', 100],
    ['organisation', '2', 50],
    ['organisation', '1', 100],
    ['parent', '1', 100],
    ['commissioner', '9', 100],
    ['own', '2', 50],
    ['own', '1', 100],
  ])
  const own = sums.find(({ scope, subject }) => scope === 'own' && subject === '1')
  t.same(own && ownFiguresOf(own), { open: 100, closed: null, overdue: null })
})

type Answered = {
  told: Told[]
  /** How many cases there are of each unknown: an organisation, a band, the values. */
  atoms: Map<number, number>
  /** Totals that the rules give away to be at most 4. */
  hidden: Set<number>
}

/*
 * All that the public is told of a world. The attacker knows the rules, and from what is not said also where each case
 * counts; each answer is then a sum of unknown numbers.
 */
function answersTo(
  world: World,
  of: readonly Dimension[],
  rules: Rules = { groupsOf, poolsOf, partsOf },
): Answered {
  const source = sourceOf(world)
  const subjectsOf = subjectsIn(source)
  const { tree } = source
  const keys = keysOf(world, of)
  const told = new Map<string, Told & { of: Set<number> }>()
  const hidden = new Set<number>()
  for (const [band, tally] of source.tallies.entries()) {
    const sizes = new Map([...tally].map(([id, { cases }]) => [id, cases]))
    const groupAt = rules.groupsOf(tree, sizes)
    const groupSizes = new Map<Node, number>()
    for (const [id, node] of groupAt) groupSizes.set(node, (groupSizes.get(node) ?? 0) + (sizes.get(id) ?? 0))
    const groupOf = (id: number) => landing(tree.up, new Set(groupAt.values()), id)
    const note = (node: Node, what: string, unknowns: readonly number[]) => {
      for (const { scope, subject } of subjectsOf(node))
        for (const window of scope === 'own' ? ['all'] : windowNames.slice(band)) {
          const key = `${scope}/${subject}/${window}/${what}`
          const there = told.get(key) ?? { of: new Set<number>(), is: 0 }
          for (const unknown of unknowns) there.of.add(unknown)
          told.set(key, there)
        }
    }
    for (const { id } of world.organisations) {
      const group = groupOf(id)
      const atoms = keys.of(id, band)
      if (group !== id) for (const atom of atoms) hidden.add(atom)
      if (group !== undefined) note(group, 'cases', atoms)
    }
    for (const family of families.filter(({ dimensions }) => dimensions.some((one) => of.includes(one)))) {
      const poolAt = rules.poolsOf(tree, groupSizes, family.least)
      const poolOf = (id: number): Node | undefined => {
        const group = groupOf(id)
        return group === undefined ? undefined : poolAt.get(group)
      }
      for (const node of new Set(poolAt.values())) {
        const members = world.organisations.map(({ id }) => id).filter((id) => poolOf(id) === node)
        for (const dimension of family.dimensions) {
          const counts = new Map<string, number>()
          for (const id of members)
            for (const [value, n] of tally.get(id)?.values[dimension] ?? [])
              counts.set(value, (counts.get(value) ?? 0) + n)
          const { said, classes } = rules.partsOf(counts, CLASSES[dimension])
          if (dimension !== 'status' && classes.includes(null)) continue
          const where = (values: readonly string[]) =>
            members.flatMap((id) => keys.of(id, band, dimension, values))
          for (const value of said.keys()) note(node, `${dimension}=${value}`, where([value]))
          for (const [n, sum] of classes.entries())
            if (sum !== null && sum > 0)
              note(node, `${dimension} class ${n}`, where(CLASSES[dimension][n] ?? []))
        }
      }
    }
  }
  return { told: withNumbers(source, of, told, rules), atoms: keys.counts, hidden }
}

// Where an organisation's cases count, none of them too: the first above it where anything is said.
function landing(up: ReadonlyMap<Node, Node>, said: ReadonlySet<Node>, id: number): Node | undefined {
  for (let node: Node | undefined = id; node !== undefined; node = up.get(node))
    if (said.has(node)) return node
  return undefined
}

// The numbers themselves come from the answers, as they go out; none is there that the attacker does not understand.
function withNumbers(
  source: ReturnType<typeof sourceOf>,
  of: readonly Dimension[],
  told: Map<string, Told & { of: Set<number> }>,
  rules: Rules,
): Told[] {
  return publicSums(source, rules).flatMap((sum) =>
    numbersOf(sum, of).map(([what, is]): Told => {
      const understood = told.get(`${sum.scope}/${sum.subject}/${sum.window}/${what}`)
      return { of: understood?.of ?? fail(`${what} is told of what?`), is }
    }),
  )
}

function numbersOf(sum: Sum, of: readonly Dimension[]): [string, number][] {
  const { open, closed, overdue } = ownFiguresOf(sum)
  const all: [string, number | null][] =
    sum.scope === 'own'
      ? [
          ['status class 0', open],
          ['status class 1', closed],
          ['overdue=overdue', overdue],
        ]
      : numbersIn(figuresOf(sum, CLASSES, null))
  const ofThese = (what: string): boolean =>
    what === 'cases' || of.includes(what.split(/[ =]/)[0] as Dimension)
  return all.flatMap(([what, is]): [string, number][] => (is === null || !ofThese(what) ? [] : [[what, is]]))
}

function numbersIn(figures: Figures): [string, number | null][] {
  const { cases, byKind, byStatus, open, closed, resolved } = figures
  const by = (name: string, all: Figures['byKind']): [string, number | null][] =>
    all.filter(({ value }) => value !== ELSEWHERE).map((one) => [`${name}=${one.value}`, one.cases])
  return [
    ['cases', cases],
    ...by('kind', byKind),
    ...by('status', byStatus),
    ['status class 0', open],
    ['status class 1', closed],
    ['resolved class 0', resolved.answered],
    ['resolved=yes', resolved.yes],
    ['resolved=no', resolved.no],
  ]
}

function numbersElsewhere({ byKind, byStatus, byChannel, byCategory }: Figures): Figures['byKind'] {
  return [byKind, byStatus, byChannel, byCategory].flat().filter(({ value }) => value === ELSEWHERE)
}

function carelessAnswersTo(world: World, of: readonly Dimension[]): Pick<Answered, 'told' | 'atoms'> {
  const source = sourceOf(world)
  const keys = keysOf(world, of)
  const told: Told[] = []
  for (const cell of cellsOf(world, of, keys, subjectsIn(source))) {
    const is = sumOf(keys.counts, cell)
    if (!isSmall(is)) told.push({ of: cell, is })
  }
  return { told, atoms: keys.counts }
}

function expectNothingFound(
  world: World,
  of: readonly Dimension[],
  told: readonly Told[],
  atoms: ReadonlyMap<number, number>,
): void {
  const attacker = createAttacker(told)
  for (const cell of smallCells(world, of, atoms))
    if (attacker.finds(cell)) fail(`${sumOf(atoms, cell)} is known`)
}

function smallCells(
  world: World,
  of: readonly Dimension[],
  atoms: ReadonlyMap<number, number>,
): Set<number>[] {
  const cells = cellsOf(world, of, keysOf(world, of), subjectsIn(sourceOf(world)))
  return cells.filter((cell) => isSmall(sumOf(atoms, cell)))
}

/** Everything that somebody could want to know: of each organisation alone and of each subject, window, value and total. */
function cellsOf(
  world: World,
  of: readonly Dimension[],
  keys: Keys,
  subjectsOf: (node: Node) => readonly Subject[],
): Set<number>[] {
  const cells = new Map<string, Set<number>>()
  for (const { id } of world.organisations) {
    const whose = [`itself/${id}`, ...subjectsOf(id).map(({ scope, subject }) => `${scope}/${subject}`)]
    for (const [band] of windowNames.entries()) {
      for (const window of windowNames.slice(band)) {
        const values = of.flatMap((dimension) =>
          CLASSES[dimension].flat().map((value) => ({
            what: `${dimension}=${value}`,
            found: keys.of(id, band, dimension, [value]),
          })),
        )
        for (const who of whose)
          for (const { what, found } of [{ what: 'cases', found: keys.of(id, band) }, ...values]) {
            const key = `${who}/${window}/${what}`
            const cell = cells.get(key) ?? new Set<number>()
            for (const atom of found) cell.add(atom)
            cells.set(key, cell)
          }
      }
    }
  }
  return [...cells.values()]
}

type Keys = {
  of: (organisation: number, band: number, dimension?: Dimension, values?: readonly string[]) => number[]
  counts: Map<number, number>
}

/** Numbers the unknowns: each organisation, band and combination of values that can be. */
function keysOf({ organisations, cases }: World, of: readonly Dimension[]): Keys {
  const combinations = combinationsOf(of)
  const numbered = new Map<string, number>()
  const counts = new Map<number, number>()
  const key = (organisation: number, band: number, values: readonly string[]): number => {
    const text = `${organisation}/${band}/${values}`
    const number = numbered.get(text) ?? numbered.size
    numbered.set(text, number)
    return number
  }
  for (const { id } of organisations)
    for (const band of [0, 1, 4]) for (const values of combinations) counts.set(key(id, band, values), 0)
  const valuesOf = (one: WorldCase): string[] => of.map((dimension) => one.values[dimension])
  for (const one of cases) {
    const at = key(one.organisation, one.band, valuesOf(one))
    counts.set(at, (counts.get(at) ?? 0) + 1)
  }
  return {
    counts,
    of: (organisation, band, dimension, values = []) => {
      if (![0, 1, 4].includes(band)) return []
      const at = dimension === undefined ? -1 : of.indexOf(dimension)
      return combinations
        .filter((combination) => at === -1 || values.includes(combination[at] ?? ''))
        .map((combination) => key(organisation, band, combination))
    },
  }
}

// What is closed is never overdue: of status and overdue together not all is possible.
function combinationsOf(of: readonly Dimension[]): string[][] {
  const all = of.reduce<string[][]>(
    (made, dimension) => made.flatMap((one) => CLASSES[dimension].flat().map((value) => [...one, value])),
    [[]],
  )
  if (!of.includes('overdue')) return all
  return all.filter(
    ([status = '', overdue]) => (overdue === 'closed') === !['open', 'in_progress'].includes(status),
  )
}

function sumOf(atoms: ReadonlyMap<number, number>, of: ReadonlySet<number>): number {
  return [...of].reduce((sum, atom) => sum + (atoms.get(atom) ?? 0), 0)
}

function splits(size: number, into: number): number[][] {
  if (into === 1) return [[size]]
  return Array.from({ length: size + 1 }, (_, first) => first).flatMap((first) =>
    splits(size - first, into - 1).map((rest) => [first, ...rest]),
  )
}

function grids(most: number, into: number): number[][] {
  if (into === 0) return [[]]
  return grids(most, into - 1).flatMap((rest) => Array.from({ length: most + 1 }, (_, n) => [...rest, n]))
}

function fail(message: string): never {
  throw new Error(message)
}
