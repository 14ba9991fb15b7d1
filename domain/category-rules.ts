import type { TermKind } from '../prisma/client.ts'
import type { Story } from './items.ts'

/** What decides which category a story of one source gets. */
export type CategoryRules = {
  /** What terms of the source mean, by `termKey`. */
  mapped: ReadonlyMap<string, string>
  /** Our own codes and labels, as terms. */
  ours: ReadonlyMap<string, string>
}

/** A story as far as its category goes; `ourService` is what the service that it names is called here. */
export type Sortable = Pick<Story, 'tags' | 'service'> & {
  ratings: readonly Pick<Story['ratings'][number], 'question'>[]
  ourService: string | null
}

/** What a story is in that nothing says more of. */
export const NO_CATEGORY = 'other'

/** A source's word as it is mapped: in lower case, on one line. */
export function termOf(words: string): string {
  return words.trim().replace(/\s+/gu, ' ').toLowerCase()
}

/** Where a term stands in `CategoryRules.mapped`. */
export function termKey(kind: TermKind, words: string): string {
  return `${kind} ${termOf(words)}`
}

/**
 * The category of a story: what the first of its tags means that is mapped, else a tag that is the very name of a
 * category of ours, else the first of its questions that is mapped, else its service. Nothing is guessed.
 */
export function categoryOf({ tags, ratings, service, ourService }: Sortable, rules: CategoryRules): string {
  const questions = ratings.map(({ question }) => question)
  const services = [service?.name, ourService].filter((name) => typeof name === 'string')
  return (
    firstMeaning('tag', tags, rules) ??
    firstOf(tags, (tag) => rules.ours.get(termOf(tag))) ??
    firstMeaning('question', questions, rules) ??
    firstMeaning('service', services, rules) ??
    NO_CATEGORY
  )
}

function firstMeaning(
  kind: TermKind,
  words: readonly string[],
  { mapped }: CategoryRules,
): string | undefined {
  return firstOf(words, (word) => mapped.get(termKey(kind, word)))
}

function firstOf(
  words: readonly string[],
  meaningOf: (word: string) => string | undefined,
): string | undefined {
  for (const word of words) {
    const meaning = meaningOf(word)
    if (meaning !== undefined) return meaning
  }
  return undefined
}
