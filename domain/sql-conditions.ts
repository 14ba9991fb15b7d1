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
