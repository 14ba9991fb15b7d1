import { periodAfter } from './periods.ts'
import { type WindowName, windowDays, windowNames } from './public-figures-dimensions.ts'
import { groupsOf } from './public-figures-groups.ts'
import type { Subject } from './public-figures-sums.ts'
import { type FiguresTree, NATION, type Node } from './public-figures-tree.ts'

/** How many cases of a week the public does not see, at an organisation or (null) in the nation; the week by its Monday. */
export type WithheldWeek = { organisationId: number | null; week: string; cases: number }

/** The same, of every organisation and exact. */
export type WithheldCount = { organisationId: number; week: string; cases: number }

/** What may be said of it: numbers that are too small count further up. The tree has no regions. */
export function withheldSaid(
  tree: FiguresTree,
  counts: readonly WithheldCount[],
  rule: typeof groupsOf = groupsOf,
): WithheldWeek[] {
  return [...Map.groupBy(counts, ({ week }) => week)].flatMap(([week, ofWeek]) => {
    const sizes = new Map(ofWeek.map(({ organisationId, cases }) => [organisationId, cases]))
    const said = new Map<Node, number>()
    for (const [id, node] of rule(tree, sizes)) said.set(node, (said.get(node) ?? 0) + (sizes.get(id) ?? 0))
    return [...said].map(([node, cases]) => ({ organisationId: node === NATION ? null : node, week, cases }))
  })
}

/** The sum for every subject and window, of the weeks that lie wholly in it; by `scope/window/subject`. */
export function withheldIn(
  weeks: readonly WithheldWeek[],
  today: string,
  subjectsOf: (node: Node) => readonly Subject[],
): Map<string, Subject & { window: WindowName; cases: number }> {
  const sums = new Map<string, Subject & { window: WindowName; cases: number }>()
  for (const { organisationId, week, cases } of weeks) {
    for (const window of windowNames) {
      const days = windowDays[window]
      if (days !== null && week < periodAfter(today, 'day', -days)) continue
      for (const { scope, subject } of subjectsOf(organisationId ?? NATION)) {
        if (scope === 'own') continue
        const key = `${scope}/${window}/${subject}`
        sums.set(key, { scope, subject, window, cases: cases + (sums.get(key)?.cases ?? 0) })
      }
    }
  }
  return sums
}
