import { type FiguresTree, NATION, type Node } from './public-figures-tree.ts'

/** The least number of cases that is said to the public: fewer could tell of one person. */
export const LEAST_SAID = 5
const MOST_HIDDEN = LEAST_SAID - 1

/**
 * Where the cases of each node are counted: at itself when they are at least `LEAST_SAID` with what came up from below, else
 * one further up. What is too few in the whole nation is counted nowhere, and is not in the map.
 *
 * At regions and at the nation nothing stands but what came up, and each of the `hidden` that hand up has 4 at most. So the
 * sum is said only while any one of them may still have none: the others could be all of it.
 */
export function groupsOf(tree: FiguresTree, sizes: ReadonlyMap<Node, number>): Map<Node, Node> {
  return gathered(tree, sizes, (node, n, hidden) =>
    node > 0 ? n >= LEAST_SAID : n >= LEAST_SAID && n <= MOST_HIDDEN * (hidden - 1),
  )
}

/**
 * Puts groups together until `least` cases are in it, to be told apart by some value: where each group's pool is. Only the
 * sizes of groups decide, which are known; so where a pool is tells nothing of the values in it.
 */
export function poolsOf(
  tree: FiguresTree,
  groupSizes: ReadonlyMap<Node, number>,
  least: number,
): Map<Node, Node> {
  return gathered(tree, groupSizes, (node, n) => n >= (node === NATION ? LEAST_SAID : least))
}

type Waiting = { n: number; from: Node[]; hidden: number }

function gathered(
  { bottomUp, up, takesCases }: FiguresTree,
  sizes: ReadonlyMap<Node, number>,
  isSaid: (node: Node, n: number, hidden: number) => boolean,
): Map<Node, Node> {
  const at = new Map<Node, Node>()
  const waiting = new Map<Node, Waiting>()
  for (const node of bottomUp) {
    const here = waiting.get(node) ?? { n: 0, from: [], hidden: 0 }
    const own = sizes.get(node) ?? 0
    if (own > 0) here.from.push(node)
    here.n += own
    if (isSaid(node, here.n, here.hidden)) {
      for (const from of here.from) at.set(from, node)
    } else if (node !== NATION) {
      // An organisation is one that may hide some, with all below it; a region passes on those that it has.
      const hidden = node > 0 ? Number(takesCases.has(node) || here.hidden > 0) : here.hidden
      handUp(waiting, up.get(node) ?? NATION, { ...here, hidden })
    }
  }
  return at
}

function handUp(waiting: Map<Node, Waiting>, above: Node, { n, from, hidden }: Waiting): void {
  const there = waiting.get(above)
  if (there === undefined) waiting.set(above, { n, from: [...from], hidden })
  else {
    there.n += n
    for (const one of from) there.from.push(one)
    there.hidden += hidden
  }
}
