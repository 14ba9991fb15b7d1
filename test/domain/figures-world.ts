import fc from 'fast-check'
import { classesWith, type Dimension, type Tally } from '../../domain/public-figures-dimensions.ts'
import type { FigureSource } from '../../domain/public-figures-sums.ts'
import { figuresTree, type TreeOrganisation } from '../../domain/public-figures-tree.ts'

/** Cases as an attacker would like to know them: of which organisation, in which band, with which values. */
export type WorldCase = { organisation: number; band: number; values: Readonly<Record<Dimension, string>> }
export type World = {
  organisations: TreeOrganisation[]
  commissioners: Map<number, number[]>
  cases: WorldCase[]
}

const CATEGORIES = ['delays', 'staff', 'parking']
export const CLASSES = classesWith(CATEGORIES)

/** Trees of a few organisations in two regions, with successions and commissioners, and cases that lie close to what is too few. */
export const worlds: fc.Arbitrary<World> = fc
  .integer({ min: 2, max: 7 })
  .chain((count) =>
    fc.record({
      shape: fc.array(
        fc.record({
          above: fc.nat(count),
          how: fc.constantFrom('top', 'child', 'child', 'succeeded'),
          region: fc.constantFrom(null, 'North', 'South', 'South'),
          payers: fc.subarray([91, 92]),
        }),
        { minLength: count, maxLength: count },
      ),
      lots: fc.array(
        fc.record({
          organisation: fc.integer({ min: 1, max: count }),
          band: fc.constantFrom(0, 1, 1, 4),
          n: fc.constantFrom(1, 1, 2, 3, 4, 5, 6, 11),
          status: fc.constantFrom('open', 'in_progress', 'resolved', 'resolved', 'withdrawn'),
          late: fc.boolean(),
          kind: fc.constantFrom('concern', 'concern', 'question', 'feedback'),
          resolved: fc.constantFrom('yes', 'no', 'none'),
          step: fc.constantFrom('60', '240', 'none'),
          category: fc.constantFrom(...CATEGORIES),
        }),
        { minLength: 4, maxLength: 24 },
      ),
    }),
  )
  .map(({ shape, lots }) => ({
    organisations: shape.map(({ above, how, region }, n): TreeOrganisation => {
      // Only what was made before can stand above: no circles.
      const over = above < n ? above + 1 : null
      return {
        id: n + 1,
        parentId: how === 'child' ? over : null,
        successorId: how === 'succeeded' ? over : null,
        region,
        takesCases: how !== 'succeeded',
      }
    }),
    commissioners: new Map(shape.map(({ payers }, n) => [n + 1, payers])),
    cases: lots.flatMap(({ organisation, band, n, status, late, kind, resolved, step, category }) => {
      const open = status === 'open' || status === 'in_progress'
      const values = {
        status,
        overdue: open ? (late ? 'overdue' : 'in_time') : 'closed',
        ...{ kind, category, resolved, channel: 'web', manner: resolved, acknowledge: step, resolve: step },
      }
      return Array.from({ length: n }, () => ({ organisation, band, values }))
    }),
  }))

/** A world as the store would count it. */
export function sourceOf({ organisations, commissioners, cases }: World): FigureSource {
  const tallies = Array.from({ length: 5 }, () => new Map<number, Tally>())
  for (const { organisation, band, values } of cases) {
    const bandTallies = tallies[band] as Map<number, Tally>
    const tally: Tally = bandTallies.get(organisation) ?? {
      cases: 0,
      values: {},
      hours: { acknowledge: new Map(), resolve: new Map() },
    }
    bandTallies.set(organisation, tally)
    tally.cases += 1
    for (const [dimension, value] of Object.entries(values) as [Dimension, string][]) {
      const counts = tally.values[dimension] ?? new Map<string, number>()
      counts.set(value, (counts.get(value) ?? 0) + 1)
      tally.values[dimension] = counts
    }
  }
  const organisationIds = organisations.map(({ id }) => id)
  return { tree: figuresTree(organisations), organisationIds, commissioners, tallies, classes: CLASSES }
}
