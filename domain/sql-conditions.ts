import { createHash } from 'node:crypto'

/** SQL conditions with their values, numbered from where they begin. */
export type Conditions = { sql: string[]; values: unknown[] }

/** Adds a condition that is written with the names of its parameters, one for each value. */
export type AddCondition = (condition: (...parameters: string[]) => string, ...values: unknown[]) => void

/** Begins conditions whose parameters are numbered from `first`. */
export function conditionsFrom(first: number): { conditions: Conditions; add: AddCondition } {
  const conditions: Conditions = { sql: [], values: [] }
  const add: AddCondition = (condition, ...values) => {
    const next = first + conditions.values.length
    conditions.sql.push(condition(...values.map((_, n) => `$${next + n}`)))
    conditions.values.push(...values)
  }
  return { conditions, add }
}

/** Several groups of conditions, each numbered after the one before it. */
export function joined(first: number, ...groups: ReadonlyArray<(first: number) => Conditions>): Conditions {
  const all: Conditions = { sql: [], values: [] }
  for (const group of groups) {
    const { sql, values } = group(first + all.values.length)
    all.sql.push(...sql)
    all.values.push(...values)
  }
  return all
}

/**
 * SQL for at most so many rows, as a number in the text: of a parameter PostgreSQL does not know how little it will be
 * asked for, and plans a prepared statement anew each time that it runs.
 */
export function limitTo(most: number): string {
  return `limit ${Math.trunc(most)}`
}

/** Pages are asked for so long most: what is meant when nothing is said, what a map begins with, and the most of a list. */
const USUAL_LIMITS: readonly number[] = [20, 50, 100]

/** The name under which a statement for a page of so many is prepared; none for a rare limit, of which they would pile up. */
export function preparedName(kind: string, text: string, limit: number): string | undefined {
  if (!USUAL_LIMITS.includes(limit)) return undefined
  return `${kind}-${createHash('sha1').update(text).digest('hex').slice(0, 20)}`
}
