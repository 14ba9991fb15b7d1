import type { Classes, Dimension, Hours } from './public-figures-dimensions.ts'
import type { Sum } from './public-figures-sums.ts'
import {
  type Answers,
  answersOf,
  ELSEWHERE,
  type Figure,
  type Figures,
  nothingSaid,
  STEPS,
  type Times,
} from './statistics-figures.ts'

/** What an organisation of its own has of published cases, as the map shows it. */
export type OwnFigures = { open: number | null; closed: number | null; overdue: number | null }

/** Times of fewer are not said to the public, nor the share of fewer answers. */
const LEAST_TIMED = 10
/** A share is said when so much of the answers is told apart: what is too small to be told apart is not like the rest. */
const LEAST_TOLD = 0.9

/** What is said of a subject to the public. */
export function figuresOf(sum: Sum, classes: Classes, withheld: number | null): Figures {
  const by = (dimension: Dimension): Figure[] => byValue(sum, dimension, classes[dimension].flat())
  return {
    ...nothingSaid(),
    ...stateOf(sum),
    cases: said(sum.cases),
    withheld,
    byStatus: by('status'),
    byKind: by('kind'),
    byChannel: by('channel'),
    byCategory: by('category'),
    acknowledge: timesIn(sum, 'acknowledge'),
    resolve: timesIn(sum, 'resolve'),
    resolved: answersIn(sum, 'resolved'),
    manner: answersIn(sum, 'manner'),
  }
}

/** What is said of the cases of an organisation without what belongs to it. */
export function ownFiguresOf(sum: Sum): OwnFigures {
  return { ...stateOf(sum), overdue: said(sum.values.overdue?.get('overdue')) }
}

function stateOf({ classes }: Sum): { open: number | null; closed: number | null } {
  const [open, closed] = classes.status ?? []
  return { open: said(open), closed: said(closed) }
}

// None and too few look the same.
function said(n: number | undefined): number | null {
  return n === undefined || n === 0 ? null : n
}

function byValue(sum: Sum, dimension: Dimension, values: readonly string[]): Figure[] {
  const figures = values.flatMap((value) => {
    const cases = sum.values[dimension]?.get(value) ?? 0
    return cases === 0 ? [] : [{ value, cases }]
  })
  const elsewhere = sum.cases - figures.reduce((all, { cases }) => all + cases, 0)
  return elsewhere === 0 ? figures : [...figures, { value: ELSEWHERE, cases: elsewhere }]
}

function timesIn(sum: Sum, of: 'acknowledge' | 'resolve'): Times {
  const [known] = sum.classes[of] ?? []
  const hours = sum.hours[of]
  const isTimed = (known ?? 0) >= LEAST_TIMED
  return {
    cases: said(known),
    meanMinutes: isTimed ? meanOf(hours) : null,
    medianMinutes: isTimed ? quantileOf(hours, 0.5) : null,
    p90Minutes: isTimed ? quantileOf(hours, 0.9) : null,
    distribution: STEPS.map((upToMinutes) => ({
      upToMinutes,
      cases: said(sum.values[of]?.get(String(upToMinutes))),
    })),
  }
}

function answersIn({ classes, values }: Sum, of: 'resolved' | 'manner'): Answers {
  const answered = classes[of]?.[0] ?? 0
  const [yes, no] = [values[of]?.get('yes') ?? 0, values[of]?.get('no') ?? 0]
  const isFair = yes + no >= LEAST_TIMED && yes + no >= LEAST_TOLD * answered
  return isFair
    ? { ...answersOf(answered, yes, no), yes: said(yes), no: said(no) }
    : answersOf(said(answered), null, null)
}

// In whole hours: the minutes of one case cannot be found in them.
function meanOf(hours: Hours): number {
  const [n, minutes] = [...hours.values()].reduce(
    ([cases, sum], one) => [cases + one.n, sum + one.minutes],
    [0, 0],
  )
  return Math.round(minutes / n / 60) * 60
}

function quantileOf(hours: Hours, share: number): number {
  const sorted = [...hours].sort(([one], [other]) => one - other)
  const wanted = share * sorted.reduce((all, [, { n }]) => all + n, 0)
  let passed = 0
  for (const [hour, { n }] of sorted) {
    passed += n
    if (passed >= wanted) return hour * 60
  }
  return 0
}
