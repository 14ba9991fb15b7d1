import type { ClientCaller } from './callers.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/**
 * The cases `c` that figures for a key are made of, numbered from `first`: all for the central team and administrators, for
 * a provider or commissioner those that are with its organisations now and that it would read. What is tried out counts for
 * those who try, and for nobody else.
 */
export function countedFor({ role, test, organisationIds }: ClientCaller, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  add((p) => `c.test = ${p}`, test)
  if (isCentral(role)) return conditions
  add((p) => `c.organisation_id = any(${p}::int[])`, organisationIds)
  // A question stays with the central team until it is passed on.
  conditions.sql.push(`(c.kind <> 'question' or c.passed_on)`)
  return conditions
}

/** Whether the figures of a role are those of the whole service. */
export function isCentral(role: ClientCaller['role']): boolean {
  switch (role) {
    case 'case_handler':
    case 'second_tier':
    case 'administrator':
      return true
    case 'provider':
    case 'commissioner':
    case 'form':
    case 'integrator':
    case 'feed_provider':
    case 'supplier':
      return false
  }
}
