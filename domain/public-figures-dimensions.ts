import { closedStatuses, openStatuses } from './case-rules.ts'
import { STEPS } from './statistics-figures.ts'

/** By what the cases of a pool are told apart. */
export const dimensions = [
  'status',
  'overdue',
  'kind',
  'channel',
  'category',
  'acknowledge',
  'resolve',
  'resolved',
  'manner',
] as const
export type Dimension = (typeof dimensions)[number]

export const windowNames = ['week', 'four_weeks', 'six_months', 'year', 'all'] as const
export type WindowName = (typeof windowNames)[number]

/** So many days each window goes back from the last midnight in London. */
export const windowDays: Readonly<Record<WindowName, number | null>> = {
  week: 7,
  four_weeks: 28,
  six_months: 182,
  year: 365,
  all: null,
}

/** Cases of which a time is known by how long it took in hours, begun ones as whole: how many, and their minutes. */
export type Hours = Map<number, { n: number; minutes: number }>

/** The cases of one organisation, or of a pool, in one band of time. */
export type Tally = {
  cases: number
  values: Partial<Record<Dimension, Map<string, number>>>
  hours: { acknowledge: Hours; resolve: Hours }
}

/** The value of a case of which a time or an answer is not there. */
export const NONE = 'none'

/** The values of each dimension, in classes that are told apart first. Nothing of a case may follow from two families. */
export type Classes = Readonly<Record<Dimension, readonly (readonly string[])[]>>

/** The classes, with the categories that there are. */
export function classesWith(categories: readonly string[]): Classes {
  const steps = STEPS.map((upTo) => String(upTo))
  return {
    status: [openStatuses, closedStatuses],
    // Of what is open; what is closed is never overdue.
    overdue: [['overdue', 'in_time'], ['closed']],
    kind: [['concern', 'question', 'feedback']],
    channel: [['web', 'phone', 'sms', 'email', 'social', 'feed']],
    category: [categories],
    acknowledge: [steps, [NONE]],
    resolve: [steps, [NONE]],
    resolved: [['yes', 'no'], [NONE]],
    manner: [['yes', 'no'], [NONE]],
  }
}

/**
 * Dimensions that share their pools, because one follows from another, and how many cases a pool needs: more where there
 * are many values, so that less stands elsewhere further up.
 */
export const families: readonly { dimensions: readonly Dimension[]; least: number }[] = [
  { dimensions: ['status', 'overdue'], least: 10 },
  { dimensions: ['kind'], least: 10 },
  { dimensions: ['channel'], least: 30 },
  { dimensions: ['category'], least: 40 },
  { dimensions: ['acknowledge'], least: 10 },
  { dimensions: ['resolve'], least: 10 },
  { dimensions: ['resolved'], least: 10 },
  { dimensions: ['manner'], least: 10 },
]

/** The step of a distribution that some hours are in. */
export function stepOf(hours: number): string {
  return String(STEPS.find((upTo) => upTo === null || hours * 60 <= upTo) ?? null)
}
