/** A sum of unknown numbers that somebody was told. */
export type Told = { of: ReadonlySet<number>; is: number }

/** What an unknown number may be at most, as far as the rules give it away; without limit when nothing is said. */
export type Most = (unknown: number) => number

type Vector = Map<number, bigint>

/**
 * Somebody who has read every public answer and solves for what was not said: which sums of unknown numbers follow from
 * those that were told. Exact: fractions are avoided by multiplying rows out.
 */
export function createAttacker(told: readonly Told[]): { finds: (cell: ReadonlySet<number>) => boolean } {
  const rows = new Map<number, Vector>()
  const reduced = (vector: Vector): Vector => {
    let rest = vector
    for (;;) {
      const pivot = [...rest.keys()].find((column) => rows.has(column))
      if (pivot === undefined) return rest
      rest = without(rest, rows.get(pivot) as Vector, pivot)
    }
  }
  for (const { of } of told) {
    const rest = reduced(vectorOf(of))
    const [pivot] = rest.keys()
    if (pivot === undefined) continue
    for (const [column, row] of rows) if (row.has(pivot)) rows.set(column, without(row, rest, pivot))
    rows.set(pivot, rest)
  }
  return { finds: (cell) => reduced(vectorOf(cell)).size === 0 }
}

/**
 * What every unknown number lies between, by going through the sums again and again: whatever is told of all but one of a
 * sum bounds that one.
 */
export function boundsOf(
  told: readonly Told[],
  unknowns: Iterable<number>,
  most: Most,
): Map<number, [low: number, high: number]> {
  const bounds = new Map([...unknowns].map((one): [number, [number, number]] => [one, [0, most(one)]]))
  for (let changed = true; changed; ) {
    changed = false
    for (const { of, is } of told) {
      for (const one of of) {
        const others = [...of]
          .filter((other) => other !== one)
          .map((other) => bounds.get(other) ?? NOTHING_KNOWN)
        const low = is - others.reduce((sum, [, high]) => sum + high, 0)
        const high = is - others.reduce((sum, [least]) => sum + least, 0)
        const before = bounds.get(one) ?? NOTHING_KNOWN
        const after: [number, number] = [Math.max(before[0], low), Math.min(before[1], high)]
        if (after[0] === before[0] && after[1] === before[1]) continue
        bounds.set(one, after)
        changed = true
      }
    }
  }
  return bounds
}

const NOTHING_KNOWN: [low: number, high: number] = [0, Number.POSITIVE_INFINITY]

function vectorOf(of: ReadonlySet<number>): Vector {
  return new Map([...of].map((unknown) => [unknown, 1n]))
}

function without(vector: Vector, row: Vector, pivot: number): Vector {
  const [factor, divisor] = [vector.get(pivot) as bigint, row.get(pivot) as bigint]
  const columns = new Set([...vector.keys(), ...row.keys()])
  const values = [...columns].map((column): [number, bigint] => [
    column,
    (vector.get(column) ?? 0n) * divisor - (row.get(column) ?? 0n) * factor,
  ])
  const left = values.filter(([, value]) => value !== 0n)
  const common = left.reduce((divides, [, value]) => gcd(divides, value), 0n)
  return new Map(left.map(([column, value]) => [column, value / common]))
}

function gcd(one: bigint, other: bigint): bigint {
  let [a, b] = [one < 0n ? -one : one, other < 0n ? -other : other]
  while (b !== 0n) [a, b] = [b, a % b]
  return a
}
