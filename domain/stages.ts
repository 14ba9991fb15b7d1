import { row, type Sql } from '../prisma/client.ts'
import { PUBLISHED } from './case-filter.ts'

export type Order = 'newest' | 'oldest'

/** The key from which on cases are looked for. */
export type Edge = number

/** One look: back or on to `until`, everywhere when undefined; the same as weeks or quarters of keys. */
export type Stage = {
  until: number | undefined
  windows: { unit: 'week' | 'quarter'; numbers: number[] } | undefined
  /** About how many times as long as the one before, or, the first, as the few hundred cases that are looked at before it. */
  times: number
}

const SECOND = 2 ** 22
const WEEK = 604_800 * SECOND
const QUARTER = 13 * WEEK

/** SQL for the week and the quarter of a key, as `Stage` numbers them. */
export const weekOf = (key: string): string => `(${key} >> 22) / 604800`
export const quarterOf = (key: string): string => `(${key} >> 22) / 7862400`

/**
 * How to look for the first cases of a kind that may be common or rare: a short time first, and several times as long when
 * that had too few. What is common fills its page at once; what is too rare for one stage has few in the next. `fine` is for
 * what costs more to look through than to look for.
 */
export function stagesFrom(edge: Edge, order: Order, { fine = false } = {}): Stage[] {
  const stage = (unit: 'week' | 'quarter', count: number, times: number): Stage => {
    const length = unit === 'week' ? WEEK : QUARTER
    const last = Math.floor(edge / length)
    const numbers = Array.from({ length: count }, (_, n) => (order === 'newest' ? last - n : last + n))
    return {
      until: order === 'newest' ? (last - count + 1) * length : (last + count) * length - 1,
      windows: { unit, numbers: numbers.filter((one) => one >= 0) },
      times,
    }
  }
  return [
    stage('week', 2, 20),
    ...(fine ? [stage('week', 8, 4), stage('quarter', 2, 3)] : [stage('quarter', 2, 13)]),
    stage('quarter', 8, 4),
    { until: undefined, windows: undefined, times: Number.POSITIVE_INFINITY },
  ]
}

/** Where the stages begin: at the cursor, or at the newest or oldest of all published cases; undefined without any. */
export async function edgeOf(sql: Sql, order: Order, after: number | undefined): Promise<Edge | undefined> {
  if (after !== undefined) return after
  const found = await row<{ id: number }>(
    sql,
    `select c.id from cases c where ${PUBLISHED} order by c.id ${order === 'newest' ? 'desc' : ''} limit 1`,
    [],
    `outermost-case-${order}`,
  )
  return found?.id
}
