import { figuresOf, latencyRatio, type Round, rateRatio } from './compare.ts'

/** A line of a table of results, under `HEAD`. */
export type Row = readonly string[]

export const HEAD: Row = ['what', 'ours', 'beside', 'ratio', 'target', '']

type Bound = { least: number } | { most: number }

/** How ours fares beside another by the number of answers in a second. */
export function rateRow(
  what: string,
  rounds: readonly Round[],
  [one, other]: readonly [string, string],
  bound?: Bound,
): Row {
  return rowOf(what, rounds, [one, other], rateRatio(rounds, one, other), bound)
}

/** The same by the time that so many of the answers take at most: 0.5 for the median, 0.99 for the 99th percentile. */
export function latencyRow(
  what: string,
  rounds: readonly Round[],
  [one, other]: readonly [string, string],
  { share, ...bound }: { share: number } & Partial<{ most: number }>,
): Row {
  const ratio = latencyRatio(rounds, one, other, share)
  return rowOf(what, rounds, [one, other], ratio, bound.most === undefined ? undefined : { most: bound.most })
}

/** A line about something that is no ratio. */
export function plainRow(what: string, found: string, target = '', fits?: boolean): Row {
  return [what, found, '', '', target, fits === undefined ? '' : mark(fits)]
}

function rowOf(
  what: string,
  rounds: readonly Round[],
  [one, other]: readonly [string, string],
  ratio: number,
  bound: Bound | undefined,
): Row {
  const beside = `${other}: ${figuresOf(rounds, other).join(', ')}`
  const line = [what, figuresOf(rounds, one).join(', '), beside, `${ratio.toFixed(2)} ×`]
  if (bound === undefined) return [...line, '', '']
  return 'least' in bound
    ? [...line, `≥ ${bound.least} ×`, mark(ratio >= bound.least)]
    : [...line, `≤ ${bound.most} ×`, mark(ratio <= bound.most)]
}

function mark(fits: boolean): string {
  return fits ? 'yes' : 'NO'
}
