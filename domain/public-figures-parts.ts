import { LEAST_SAID } from './public-figures-groups.ts'

/** A pool told apart by value: each number is of at least `LEAST_SAID` cases. */
export type Parts = {
  said: ReadonlyMap<string, number>
  /** How many are of each class of values; null when that cannot be said. */
  classes: readonly (number | null)[]
}

const MOST_HIDDEN = LEAST_SAID - 1

/**
 * Tells the cases of a pool apart by value, so that nobody finds out a number from 1 to 4, not even who knows the rules: small
 * ones stay together. Where they are too few together, or so many that each must be 4, values that are not small stay with
 * them, until the small ones among them could be any. The classes are told apart first when none of them is small; else all
 * values are one class. What stays together and what is not there look the same.
 */
export function partsOf(counts: ReadonlyMap<string, number>, classes: readonly (readonly string[])[]): Parts {
  const sums = classes.map((values) => sumOf(counts, values))
  return sums.some(isSmall)
    ? { said: new Map(saidOf(counts, classes.flat(), true)), classes: sums.map(() => null) }
    : { said: new Map(classes.flatMap((values) => saidOf(counts, values, false))), classes: sums }
}

// It would tell of few people.
function isSmall(n: number): boolean {
  return n > 0 && n < LEAST_SAID
}

// `mixed`: values of a class that is small itself are among them.
function saidOf(
  counts: ReadonlyMap<string, number>,
  values: readonly string[],
  mixed: boolean,
): [string, number][] {
  const large = values
    .map((value): [string, number] => [value, counts.get(value) ?? 0])
    .filter(([, n]) => n >= LEAST_SAID)
  let together = sumOf(counts, values) - large.reduce((sum, [, n]) => sum + n, 0)
  if (together === 0) return large
  const others = values.length - large.length
  if (!mixed && together >= LEAST_SAID && together <= MOST_HIDDEN * (others - 1)) return large
  // The first in the order of the vocabulary, which tells nothing of the numbers.
  for (const [joined, [, n]] of large.entries()) {
    together += n
    if (together >= LEAST_SAID + MOST_HIDDEN) return large.slice(joined + 1)
  }
  return []
}

function sumOf(counts: ReadonlyMap<string, number>, values: readonly string[]): number {
  return values.reduce((sum, value) => sum + (counts.get(value) ?? 0), 0)
}
