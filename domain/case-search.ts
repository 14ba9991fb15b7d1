import { rows, type Sql } from '../prisma/client.ts'
import { PUBLISHED, type ResolvedFilter } from './case-filter.ts'
import { type Conditions, limitTo, preparedName } from './sql-conditions.ts'
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
 * that index is of no use: without words, and for words that a case must not have, as most cases have not.
 */
export function indexedQuery(resolved: ResolvedFilter): string | undefined {
  const { filter, organisationIds, words, onlyWithout } = resolved
  const { kind, category, language } = filter
  if ((words === undefined || onlyWithout) && language === undefined) return undefined
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
  /** What is looked for: a single word, several or a phrase, or something that an index has few cases of. */
  of: 'one word' | 'words' | 'few'
}

/** The keys of the first cases in the order asked for; of a common word as fast as of a rare one. */
export async function searchCases(sql: Sql, search: Search, edge: Edge): Promise<number[]> {
  const { order, wanted, of } = search
  const first = of !== 'few' && wanted <= MOST_FIRST
  let found = first ? await lookAtFirst(sql, search, edge) : []
  if (found.length >= wanted) return found
  // How many times as long as the last look the next one is.
  let times = 1
  // A phrase has to be read in every case that has its words.
  const fine = /<(?:-|\d+)>/.test(search.query)
  for (const stage of stagesFrom(edge, order, { fine })) {
    times *= stage.times
    // Of one word it is known by now how rare it is: no stage that is not going to be enough.
    const enough = Math.max(found.length, 1) * times >= wanted
    if (first && of === 'one word' && !enough) continue
    found = await lookIn(sql, search, stage)
    if (found.length >= wanted) break
    times = 1
  }
  return found
}

/** So many cases are looked at themselves, before any index; for a page of so many at most. */
const FIRST = 300
const MOST_FIRST = 101

// Where a word is in every tenth text, the next few hundred cases have enough of it; the index would name all that have it.
async function lookAtFirst(
  sql: Sql,
  { query, order, after, wanted, conditions }: Search,
  edge: Edge,
): Promise<number[]> {
  const { sql: where, values } = conditions(3)
  const [beyond, direction] = order === 'newest' ? ['<', 'desc'] : ['>', '']
  const text = `
    select c.id from (
       select c.id from cases c where ${PUBLISHED} and c.id ${after === undefined ? `${beyond}=` : beyond} $2::bigint
       order by c.id ${direction} ${limitTo(FIRST)}) as first
     join cases c on c.id = first.id
     where (select i.words @@ $1::tsquery from case_index i where i.case_id = c.id) and ${where.join(' and ')}
     order by c.id ${direction} ${limitTo(wanted)}`
  return keysFrom(sql, text, [query, after ?? edge, ...values], values.length === 0 ? wanted : undefined)
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
  const direction = order === 'newest' ? 'desc' : ''
  // The words first and apart: or a word that few have is looked for in every case, one after the other in the order.
  // Then case by case, in the order, each by its key, until there are enough: or all cases are read for a few hits.
  const text = `
    with hits as materialized (select case_id from case_index where words @@ $1::tsquery)
    select i.case_id as id from (
      select i.case_id from hits i ${bounds.length === 0 ? '' : `where ${bounds.join(' and ')}`} order by i.case_id ${direction}) as i
    cross join lateral (select from cases c where ${['c.id = i.case_id', ...where].join(' and ')} offset 0) as fits
    order by i.case_id ${direction} ${limitTo(wanted)}`
  return keysFrom(sql, text, all, values.length === 0 ? wanted : undefined)
}

// A search for words alone is always the same: planned once on each connection. A page asks for one more than it shows.
async function keysFrom(sql: Sql, text: string, values: unknown[], wordsAlone?: number): Promise<number[]> {
  const name = wordsAlone === undefined ? undefined : preparedName('search', text, wordsAlone - 1)
  const found = await rows<{ id: number }>(sql, text, values, name)
  return found.map(({ id }) => id)
}

function either(prefix: string, values: readonly (string | number)[]): string {
  // Nothing has this word.
  if (values.length === 0) return `'~'`
  return `(${values.map((value) => `'${prefix}${String(value).replaceAll("'", "''")}'`).join(' | ')})`
}
