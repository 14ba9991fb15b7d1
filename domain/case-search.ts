import { rows, type Sql } from '../prisma/client.ts'
import type { ResolvedFilter } from './case-filter.ts'
import type { Conditions } from './sql-conditions.ts'
import { type Edge, type Order, quarterOf, type Stage, stagesFrom, weekOf } from './stages.ts'

/*
 * Search over what the public reads, newest or oldest first. A case's words lie in one tsvector with what it is found by
 * besides: the week and the quarter of its key, its organisation, kind, category and language, as words that no text has (they
 * begin with `~`). So a query is one look into one GIN index whatever it combines, and the newest hits of a common word
 * are looked for in the newest weeks first, where they are few.
 */

/** SQL for the words of a case `c`, as `case_index` keeps them; `~-` keeps a phrase within title, text or answers. */
export const WORDS = `
  to_tsvector('care_words', coalesce(c.moderated_title, '')) || '''~-'':1'::tsvector
  || to_tsvector('care_words', c.moderated_text) || '''~-'':1'::tsvector
  || to_tsvector('care_words', left(coalesce((
       select string_agg(r.text, ' ' order by r.responded_at, r.id) from responses r
       where r.case_id = c.id and r.publication = 'published'), ''), 300000))
  || array_to_tsvector(array[
       '~w' || ${weekOf('c.id')}, '~q' || ${quarterOf('c.id')},
       '~o' || c.organisation_id, '~k' || c.kind::text, '~c' || c.category_code,
       '~l' || coalesce(lower(c.language), ''), '~l' || coalesce(split_part(lower(c.language), '-', 1), '')])`

const MOST_ORGANISATIONS = 100

/**
 * The words of a filter with the parts of it that the index of words knows too, as a text search query; undefined where
 * that index is of no use.
 */
export function indexedQuery({ filter, organisationIds, words }: ResolvedFilter): string | undefined {
  const { kind, category, language } = filter
  if (words === undefined && language === undefined) return undefined
  const parts = words === undefined ? [] : [`(${words})`]
  if (language)
    parts.push(
      either(
        '~l',
        language.map((one) => one.toLowerCase()),
      ),
    )
  if (organisationIds && organisationIds.length <= MOST_ORGANISATIONS)
    parts.push(either('~o', organisationIds))
  if (kind) parts.push(either('~k', kind))
  if (category) parts.push(either('~c', category))
  return parts.join(' & ')
}

/** Which cases to look through: `sql` over `c`, numbered from 2. */
export type Search = {
  /** As `indexedQuery` makes it. */
  query: string
  order: Order
  /** The key after which to go on. */
  after: number | undefined
  /** At most so many. */
  wanted: number
  conditions: (first: number) => Conditions
}

/** The keys of the first cases in the order asked for; of a common word as fast as of a rare one. */
export async function searchCases(sql: Sql, search: Search, edge: Edge): Promise<number[]> {
  let found: number[] = []
  for (const stage of stagesFrom(edge, search.order)) {
    found = await lookIn(sql, search, stage)
    if (found.length >= search.wanted) break
  }
  return found
}

async function lookIn(
  sql: Sql,
  { query, order, after, wanted, conditions }: Search,
  stage: Stage,
): Promise<number[]> {
  const { sql: where, values } = conditions(2)
  const windows = stage.windows && either(stage.windows.unit === 'week' ? '~w' : '~q', stage.windows.numbers)
  const all: unknown[] = [windows === undefined ? query : `(${query}) & ${windows}`, ...values]
  const add = (value: number): string => `$${all.push(value)}`
  const [beyond, within] = order === 'newest' ? ['<', '>='] : ['>', '<=']
  const bounds = [
    ...(after === undefined ? [] : [`i.case_id ${beyond} ${add(after)}::bigint`]),
    ...(stage.until === undefined ? [] : [`i.case_id ${within} ${add(stage.until)}::bigint`]),
  ]
  const found = await rows<{ id: number }>(
    sql,
    // The words first and apart: or a word that few have is looked for in every case, one after the other in the order.
    `with hits as materialized (select case_id from case_index where words @@ $1::tsquery)
     select i.case_id as id from hits i join cases c on c.id = i.case_id
     where ${[...bounds, ...where].join(' and ')}
     order by i.case_id ${order === 'newest' ? 'desc' : ''} limit ${add(wanted)}::int`,
    all,
  )
  return found.map(({ id }) => id)
}

function either(prefix: string, values: readonly (string | number)[]): string {
  // Nothing has this word.
  if (values.length === 0) return `'~'`
  return `(${values.map((value) => `'${prefix}${String(value).replaceAll("'", "''")}'`).join(' | ')})`
}
