import { type Db, row } from '../prisma/client.ts'
import { invalid } from './errors.ts'

/** The words as a text search query; throws `validation_failed` at `/q` when nothing in it can be looked for. */
export async function searchQuery(db: Db, words: string): Promise<string> {
  const found = await row<{ query: string }>(
    db.pool,
    `select websearch_to_tsquery('care_words', $1)::text as query`,
    [words],
    'search-query',
  )
  if (found !== undefined && found.query !== '') return found.query
  throw invalid({
    in: 'query',
    pointer: '/q',
    code: 'no_words',
    detail: 'It has no word to look for: words like "the" and signs are in every text.',
  })
}
