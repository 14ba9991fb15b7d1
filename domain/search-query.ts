import { type Db, row } from '../prisma/client.ts'
import { invalid } from './errors.ts'

/** What is looked for. */
export type SearchQuery = {
  /** A text search query. */
  words: string
  /** It only says what a text must not have: no index leads to those that have not. */
  onlyWithout: boolean
}

/** The words as a text search query; throws `validation_failed` at `/q` when nothing in it can be looked for. */
export async function searchQuery(db: Db, words: string): Promise<SearchQuery> {
  const found = await row<SearchQuery>(
    db.pool,
    `select q::text as words, querytree(q) = 'T' as "onlyWithout" from websearch_to_tsquery('care_words', $1) as q`,
    [words],
    'search-query',
  )
  if (found !== undefined && found.words !== '') return found
  throw invalid({
    in: 'query',
    pointer: '/q',
    code: 'no_words',
    detail: 'It has no word to look for: words like "the" and signs are in every text.',
  })
}
