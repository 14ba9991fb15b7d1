/** How many cases have a value. Null: it is not said. */
export type Figure = { value: string; cases: number | null }

/** How long something took, of the cases where that is known; whole or broken minutes. */
export type Times = {
  cases: number | null
  meanMinutes: number | null
  medianMinutes: number | null
  p90Minutes: number | null
  distribution: TimesStep[]
}
export type TimesStep = { upToMinutes: number | null; cases: number | null }

/** What reporters answered; the share of yes comes with its 95 % interval. */
export type Answers = {
  answered: number | null
  yes: number | null
  no: number | null
  share: number | null
  low: number | null
  high: number | null
}

/** The figures of one subject and window. */
export type Figures = {
  cases: number | null
  /** Cases that the public does not see. */
  withheld: number | null
  open: number | null
  closed: number | null
  byStatus: Figure[]
  byKind: Figure[]
  byChannel: Figure[]
  byCategory: Figure[]
  acknowledge: Times
  resolve: Times
  resolved: Answers
  manner: Answers
}

/** Values that are not said one by one, together. */
export const ELSEWHERE = 'elsewhere'

const HOUR = 60
const DAY = 24 * HOUR
/** The steps of a distribution, in minutes: longer than the one before, and at most so long. */
export const STEPS = [HOUR, 4 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 28 * DAY, null] as const

/** Figures of which nothing is said. */
export function nothingSaid(): Figures {
  return {
    cases: null,
    withheld: null,
    open: null,
    closed: null,
    byStatus: [],
    byKind: [],
    byChannel: [],
    byCategory: [],
    acknowledge: timesNotSaid(),
    resolve: timesNotSaid(),
    resolved: answersOf(null, null, null),
    manner: answersOf(null, null, null),
  }
}

/** The share of yes with its interval, where both numbers are there and somebody has answered. */
export function answersOf(answered: number | null, yes: number | null, no: number | null): Answers {
  const counted = (yes ?? 0) + (no ?? 0)
  if (yes === null || no === null || counted === 0)
    return { answered, yes, no, share: null, low: null, high: null }
  const [low, high] = wilson(yes, counted)
  return { answered, yes, no, share: rounded(yes / counted), low: rounded(low), high: rounded(high) }
}

/**
 * The 95 % interval of a share (Wilson, Journal of the American Statistical Association 22, 1927): it stays between 0 and
 * 1, and is right for few answers too.
 */
function wilson(yes: number, n: number): [low: number, high: number] {
  const share = yes / n
  const middle = (share + Z2 / (2 * n)) / (1 + Z2 / n)
  const half = (Z / (1 + Z2 / n)) * Math.sqrt((share * (1 - share)) / n + Z2 / (4 * n * n))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

const Z = 1.959964
const Z2 = Z * Z

function timesNotSaid(): Times {
  return {
    cases: null,
    meanMinutes: null,
    medianMinutes: null,
    p90Minutes: null,
    distribution: STEPS.map((upToMinutes) => ({ upToMinutes, cases: null })),
  }
}

// Four digits are more than any of these numbers carries.
function rounded(share: number): number {
  return Math.round(share * 10_000) / 10_000
}
