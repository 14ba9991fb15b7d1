import type { CaseKind, CaseStatus, Publication } from '../prisma/client.ts'
import { isClosed, openStatuses } from './case-rules.ts'
import { invalid } from './errors.ts'

/** What to select cases by; absent means all. Every list, map and count takes the same. */
export type CaseFilter = {
  kind?: readonly CaseKind[]
  category?: readonly string[]
  status?: readonly CaseStatus[]
  source?: readonly string[]
  /** ODS codes; what belongs to them is meant too. */
  organisation?: readonly string[]
  reportedFrom?: string
  reportedTo?: string
}

/** What to select one's own cases by besides; the public does not see it. */
export type OwnCaseFilter = CaseFilter & {
  publication?: readonly Publication[]
  overdue?: boolean
  assignee?: string
  breach?: boolean
  formalComplaint?: boolean
}

/** SQL conditions over `c`, with their values, numbered from `first`. */
export type Conditions = { sql: string[]; values: unknown[] }

/** What everybody may read; the indexes of the same condition serve it. */
export const PUBLISHED = `c.publication = 'published' and c.privacy <> 'private'`

/** The conditions of a filter, whose organisations were resolved to `organisationIds`. */
export function conditionsOf(
  filter: CaseFilter,
  organisationIds: readonly number[] | undefined,
  first: number,
): Conditions {
  const { conditions, add } = beginAt(first)
  if (filter.kind) add((p) => `c.kind = any(${p}::case_kind[])`, filter.kind)
  if (filter.category) add((p) => `c.category_code = any(${p}::text[])`, filter.category)
  if (filter.status) add((p) => `c.status = any(${p}::case_status[])`, filter.status)
  if (filter.status?.every((status) => !isClosed(status))) {
    // Said again in the words of the partial indexes of open cases.
    conditions.sql.push(`c.status in (${openStatuses.map((status) => `'${status}'`).join(', ')})`)
  }
  if (filter.source)
    add((p) => `c.source_id in (select id from sources where name = any(${p}::text[]))`, filter.source)
  if (organisationIds) add((p) => `c.organisation_id = any(${p}::int[])`, organisationIds)
  if (filter.reportedFrom)
    add((p) => `c.reported_at >= ${p}::timestamptz`, timeOf(filter.reportedFrom, 'reportedFrom'))
  if (filter.reportedTo)
    add((p) => `c.reported_at < ${p}::timestamptz`, timeOf(filter.reportedTo, 'reportedTo'))
  return conditions
}

/** The conditions that only `OwnCaseFilter` has. */
export function ownConditionsOf(filter: OwnCaseFilter, now: Date, first: number): Conditions {
  const { conditions, add } = beginAt(first)
  if (filter.publication) add((p) => `c.publication = any(${p}::publication[])`, filter.publication)
  if (filter.overdue !== undefined)
    add((p) => (filter.overdue ? `c.due_at < ${p}` : `(c.due_at >= ${p} or c.due_at is null)`), now)
  if (filter.assignee !== undefined) add((p) => `c.assignee = ${p}`, filter.assignee)
  if (filter.breach !== undefined) add((p) => `c.breach = ${p}`, filter.breach)
  if (filter.formalComplaint !== undefined) add((p) => `c.formal_complaint = ${p}`, filter.formalComplaint)
  return conditions
}

type Add = (condition: (parameter: string) => string, value: unknown) => void

function beginAt(first: number): { conditions: Conditions; add: Add } {
  const conditions: Conditions = { sql: [], values: [] }
  const add: Add = (condition, value) => {
    conditions.sql.push(condition(`$${first + conditions.values.length}`))
    conditions.values.push(value)
  }
  return { conditions, add }
}

// PostgreSQL has no year 0 and no offset of a day; a time that is read here has neither any more.
function timeOf(text: string, parameter: string): Date {
  const time = new Date(text)
  if (!Number.isNaN(time.getTime())) return time
  throw invalid({
    in: 'query',
    pointer: `/${parameter}`,
    code: 'wrong_format',
    detail:
      'Must be a time that the calendar has, with its offset in hours and minutes, like 2026-11-22T09:30:00Z.',
  })
}
