import type { CaseKind, CaseStatus, Db, Publication } from '../prisma/client.ts'
import { type Area, areaConditions, checkedArea, isArea } from './areas.ts'
import { isClosed, openStatuses } from './case-rules.ts'
import { invalid } from './errors.ts'
import { organisationsIn, organisationsThemselves, organisationTree } from './organisations.ts'
import { searchQuery } from './search-query.ts'
import { type Conditions, conditionsFrom } from './sql-conditions.ts'

/** What to select cases by; absent means all, and what is given all holds. Every list, map and count takes the same. */
export type CaseFilter = Area & {
  kind?: readonly CaseKind[] | undefined
  category?: readonly string[] | undefined
  status?: readonly CaseStatus[] | undefined
  source?: readonly string[] | undefined
  /** ODS codes; what belongs to them is meant too. */
  organisation?: readonly string[] | undefined
  /** ODS codes; what belongs to them is not meant. An unknown one selects nothing. */
  organisationItself?: readonly string[] | undefined
  region?: readonly string[] | undefined
  /** BCP 47; one without a region means all its variants. */
  language?: readonly string[] | undefined
  reportedFrom?: string | undefined
  reportedTo?: string | undefined
  /** Words of the title, the moderated text or a public answer, as one writes them for a search engine. */
  q?: string | undefined
}

/** What to select one's own cases by besides; the public does not see it. */
export type OwnCaseFilter = CaseFilter & {
  publication?: readonly Publication[] | undefined
  overdue?: boolean | undefined
  assignee?: string | undefined
  breach?: boolean | undefined
  formalComplaint?: boolean | undefined
}

/** A filter whose names were looked up. */
export type ResolvedFilter = {
  filter: CaseFilter
  /** Of the organisations and regions, or undefined when neither was given. */
  organisationIds: readonly number[] | undefined
  /** The words as a text search query, or undefined when there are none. */
  words: string | undefined
  /** The words only say what a case must not have. */
  onlyWithout: boolean
}

/** What everybody may read; the indexes of the same condition serve it. */
export const PUBLISHED = `c.publication = 'published' and c.privacy <> 'private'`

/** Looks up what a filter names; throws `validation_failed` at the parameter for an unknown organisation, for an area that is none and for a search without words. */
export async function resolveFilter(db: Db, filter: CaseFilter): Promise<ResolvedFilter> {
  checkedArea(filter)
  const [tree, inRegions, themselves, search] = await Promise.all([
    filter.organisation && organisationTree(db, filter.organisation),
    filter.region && organisationsIn(db, filter.region),
    filter.organisationItself && organisationsThemselves(db, filter.organisationItself),
    filter.q === undefined ? undefined : searchQuery(db, filter.q),
  ])
  const [first, ...others] = [themselves, tree, inRegions].filter((ids) => ids !== undefined)
  const sets = others.map((ids) => new Set(ids))
  const organisationIds = first?.filter((id) => sets.every((ids) => ids.has(id)))
  const { words, onlyWithout = false } = search ?? {}
  return { filter, organisationIds, words, onlyWithout }
}

/** The conditions of a filter over `c`, all but its words, numbered from `first`. */
export function conditionsOf({ filter, organisationIds }: ResolvedFilter, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (filter.kind) add((p) => `c.kind = any(${p}::case_kind[])`, filter.kind)
  // One category has an index in the order of lists; several do not.
  if (filter.category?.length === 1) add((p) => `c.category_code = ${p}::text`, filter.category[0])
  else if (filter.category) add((p) => `c.category_code = any(${p}::text[])`, filter.category)
  if (filter.status) add((p) => `c.status = any(${p}::case_status[])`, filter.status)
  if (filter.status?.every((status) => !isClosed(status))) {
    // Said again in the words of the partial indexes of open cases.
    conditions.sql.push(`c.status in (${openStatuses.map((status) => `'${status}'`).join(', ')})`)
  }
  if (filter.source)
    add((p) => `c.source_id in (select id from sources where name = any(${p}::text[]))`, filter.source)
  if (organisationIds?.length === 1) add((p) => `c.organisation_id = ${p}::int`, organisationIds[0])
  else if (organisationIds) add((p) => `c.organisation_id = any(${p}::int[])`, organisationIds)
  if (filter.language)
    add((p) => `lower(c.language) like any(${p}::text[])`, languagePatterns(filter.language))
  // Said again of the key, which orders by this time: the indexes of lists go by it.
  if (filter.reportedFrom) {
    const from = timeOf(filter.reportedFrom, 'reportedFrom')
    add((p, q) => `c.reported_at >= ${p}::timestamptz and c.id >= ${q}::bigint`, from, firstKeyOf(from))
  }
  if (filter.reportedTo) {
    const to = timeOf(filter.reportedTo, 'reportedTo')
    add((p, q) => `c.reported_at < ${p}::timestamptz and c.id < ${q}::bigint`, to, firstKeyAfter(to))
  }
  if (isArea(filter) || filter.radius !== undefined) {
    const area = areaConditions(filter, first + conditions.values.length)
    conditions.sql.push('c.latitude is not null', ...area.sql)
    conditions.values.push(...area.values)
  }
  return conditions
}

/** The words of a filter as a condition over `c`, for where no order of a search is wanted. */
export function wordsCondition({ words }: ResolvedFilter, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (words !== undefined)
    add((p) => `c.id in (select i.case_id from case_index i where i.words @@ ${p}::tsquery)`, words)
  return conditions
}

/** The same where the cases `c` are gone through one after the other: each is looked at by itself. */
export function wordsOfEach({ words }: ResolvedFilter, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (words !== undefined)
    add((p) => `(select i.words @@ ${p}::tsquery from case_index i where i.case_id = c.id)`, words)
  return conditions
}

/** The conditions that only `OwnCaseFilter` has. */
export function ownConditionsOf(filter: OwnCaseFilter, now: Date, first: number): Conditions {
  const { conditions, add } = conditionsFrom(first)
  if (filter.publication) add((p) => `c.publication = any(${p}::publication[])`, filter.publication)
  if (filter.overdue !== undefined)
    add((p) => (filter.overdue ? `c.due_at < ${p}` : `(c.due_at >= ${p} or c.due_at is null)`), now)
  if (filter.assignee !== undefined) add((p) => `c.assignee = ${p}`, filter.assignee)
  if (filter.breach !== undefined) add((p) => `c.breach = ${p}`, filter.breach)
  if (filter.formalComplaint !== undefined) add((p) => `c.formal_complaint = ${p}`, filter.formalComplaint)
  return conditions
}

// `en` means en-GB too; neither a hyphen nor a letter is special in `like`.
function languagePatterns(languages: readonly string[]): string[] {
  return languages.flatMap((language) => [language.toLowerCase(), `${language.toLowerCase()}-%`])
}

// As `case_key` makes it (see the migration): earlier times have the first key, and none is beyond 2^53.
const SECONDS_TO_2000 = 946_684_800
const LAST_KEY = 2 ** 53 - 1

function firstKeyOf(time: Date): number {
  return Math.min(LAST_KEY, secondOf(time) * 2 ** 22)
}

function firstKeyAfter(time: Date): number {
  return Math.min(LAST_KEY, (secondOf(time) + 1) * 2 ** 22)
}

function secondOf(time: Date): number {
  return Math.max(0, Math.floor(time.getTime() / 1_000) - SECONDS_TO_2000)
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
