/** Numbers from 0 to below 1 that look random; the same seed gives the same ones. */
export type Chance = () => number

/** Begins them (mulberry32). */
export function chanceFrom(seed: number): Chance {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A whole number from `low` to `high`. */
export function between(chance: Chance, low: number, high: number): number {
  return low + Math.floor(chance() * (high - low + 1))
}

/** One of these, all equally likely. */
export function oneOf<T>(chance: Chance, choices: readonly T[]): T {
  return choices[Math.floor(chance() * choices.length)] as T
}

/** A number below `count`; small ones are much likelier, by a power of their rank (Zipf). */
export function zipf(chance: Chance, count: number, power: number): number {
  const rest = 1 - power
  return Math.floor((1 + chance() * ((count + 1) ** rest - 1)) ** (1 / rest)) - 1
}

/** Around 0, mostly within 1 (Box and Muller). */
export function normal(chance: Chance): number {
  return Math.sqrt(-2 * Math.log(1 - chance())) * Math.cos(2 * Math.PI * chance())
}

/** Chooses among these by their weights. */
export function weighted<T>(choices: ReadonlyArray<readonly [T, weight: number]>): (chance: Chance) => T {
  const sums: number[] = []
  for (const [, weight] of choices) sums.push((sums.at(-1) ?? 0) + weight)
  const all = sums.at(-1) ?? 0
  return (chance) => {
    const at = placeIn(sums, chance() * all)
    return (choices[at] as readonly [T, number])[0]
  }
}

/** Where in growing sums a number falls. */
export function placeIn(sums: readonly number[], wanted: number): number {
  let low = 0
  let high = sums.length - 1
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sums[middle] as number) > wanted) high = middle
    else low = middle + 1
  }
  return low
}
