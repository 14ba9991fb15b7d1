import type { Db } from '../prisma/client.ts'
import { isDense, isFiltered, keysInBox } from './area-keys.ts'
import { type BoundingBox, boundsOf } from './areas.ts'
import { conditionsOf, PUBLISHED, type ResolvedFilter, wordsOfEach } from './case-filter.ts'
import { indexedQuery, searchCases } from './case-search.ts'
import { readCursor } from './cursors.ts'
import { type Conditions, joined, limitTo } from './sql-conditions.ts'
import { edgeOf, type Order } from './stages.ts'

export type CaseOrder = Order

/** Which of the published cases of a filter. */
export type KeysWanted = {
  order?: CaseOrder | undefined
  /** The cursor of the page before. */
  after?: string | undefined
  /** At most so many. */
  wanted: number
  /** Only cases that stand somewhere. */
  placed?: boolean | undefined
}

/** SQL that selects keys as `id`, in any order; `values` are its parameters from the second on: the first is the caller's. */
export type Keys = {
  text: string
  values: unknown[]
  /** Worth preparing: a shape that is asked for often. */
  usual: boolean
}

/**
 * The first published cases of a filter in an order, as SQL that is as fast on the last page as on the first. Filter and
 * area choose its shape: words, and areas with few cases, are looked up at once; some organisations go by their index;
 * and all else walks along the keys. Throws `validation_failed` for a cursor that is none.
 */
export async function keysOf(db: Db, resolved: ResolvedFilter, keys: KeysWanted): Promise<Keys> {
  const { order = 'newest', after, wanted, placed = false } = keys
  const cursor = readCursor(after, ['number'])?.[0]
  const query = indexedQuery(resolved)
  const conditionsAt = (first: number): Conditions => {
    const { sql, values } = joined(
      first,
      (from) => conditionsOf(resolved, from),
      // What the index of words has found is not asked again.
      (from) => (query === undefined ? wordsOfEach(resolved, from) : NONE),
    )
    return { sql: [PUBLISHED, ...(placed ? ['c.latitude is not null'] : []), ...sql], values }
  }
  const bounds = boundsOf(resolved.filter)
  const sparse = query === undefined && bounds && !(await isDense(db, bounds, resolved.filter, wanted))
  if (query !== undefined || sparse) {
    const edge = await edgeOf(db.pool, order, cursor)
    const looked = { order, after: cursor, wanted, conditions: conditionsAt }
    const found =
      edge === undefined
        ? []
        : query !== undefined
          ? await searchCases(db.pool, { ...looked, query, of: lookedFor(resolved) }, edge)
          : await keysInBox(db.pool, { ...looked, bounds: bounds as BoundingBox }, edge)
    return { text: 'select id from unnest($2::bigint[]) as found(id)', values: [found], usual: true }
  }

  const { sql: where, values } = conditionsAt(2)
  const add = (value: unknown): string => `$${values.push(value) + 1}`
  // Of a filter PostgreSQL has to know the values, or it plans for none in particular.
  const usual = !isFiltered(resolved.filter)
  const from = `${add(cursor ?? (order === 'newest' ? AFTER_ALL : BEFORE_ALL))}::bigint`
  where.push(`c.id ${order === 'newest' ? '<' : '>'} ${from}`)
  const more = limitTo(wanted)
  const direction = order === 'newest' ? 'desc' : 'asc'

  const walk = (conditions: readonly string[]) =>
    `select c.id from cases c where ${conditions.join(' and ')} order by c.id ${direction} ${more}`
  const { organisationIds } = resolved
  if (organisationIds && organisationIds.length > 1 && organisationIds.length <= MOST_MERGED) {
    // The first of each organisation, and of these the first: each is a short walk along an index.
    const each = where.map((one) =>
      one.startsWith('c.organisation_id = any') ? 'c.organisation_id = o.id' : one,
    )
    const list = where.find((one) => one.startsWith('c.organisation_id = any'))?.match(/\$\d+/)?.[0]
    const text = `select first.id from unnest(${list}::int[]) as o(id) cross join lateral (${walk(each)}) as first
      order by first.id ${direction} ${more}`
    return { text, values, usual }
  }
  return { text: walk(where), values, usual }
}

function lookedFor({ filter, organisationIds, words }: ResolvedFilter): 'one word' | 'words' | 'few' {
  const { kind, category, language } = filter
  if ([organisationIds, kind, category, language].some((one) => one !== undefined)) return 'few'
  return words !== undefined && /^'[^']+'$/.test(words) ? 'one word' : 'words'
}

const NONE: Conditions = { sql: [], values: [] }

// Keys are below 2^53 (see the migration).
const AFTER_ALL = 2 ** 53 - 1
const BEFORE_ALL = -1
const MOST_MERGED = 64
