import { between, type Chance, oneOf, zipf } from './chance.ts'

/** So many words are in use; some more stand in hardly any text. */
export const VOCABULARY = 100_000
const HARDLY_ANY = 20_000_000
// As in English: the tenth word stands in a third of the texts, the thousandth in one of three hundred.
const POWER = 1.1

const CONSONANTS = 'bdfgklmnprstvz'
const VOWELS = 'aeiou'
const SYLLABLES = CONSONANTS.length * VOWELS.length
const OF_THREE = SYLLABLES ** 3
// Without a divisor of `OF_THREE`, so that each rank has a word of its own.
const SCATTER = 104_729

// Every other word or so is one that no search looks for.
const SMALL_WORDS =
  'the the the the and and to to of of a a in in was was it that for we with on had were they at my but not'.split(
    ' ',
  )

/** The invented word of a rank: the lower the rank, the commoner the word. No two are alike, none is English. */
export function invented(rank: number): string {
  let rest = rank < OF_THREE ? (rank * SCATTER) % OF_THREE : rank
  let word = ''
  for (let n = 0; n < 3 || rest > 0; n++) {
    const syllable = rest % SYLLABLES
    word += CONSONANTS.charAt(syllable % CONSONANTS.length)
    word += VOWELS.charAt(Math.floor(syllable / CONSONANTS.length))
    rest = Math.floor(rest / SYLLABLES)
  }
  // Nothing that stemming would cut off: otherwise some words would become one.
  return `${word}q`
}

/** A title of a few words, which says that it is invented. */
export function titleOf(chance: Chance): string {
  return `${sentence(chance, between(chance, 3, 8))} (invented)`
}

/** A text of some sixty words, now and then of three hundred, which says that it is invented. */
export function textOf(chance: Chance): string {
  return prose(chance, chance() < 0.03 ? between(chance, 250, 350) : between(chance, 20, 90))
}

/** An answer to one. */
export function answerOf(chance: Chance): string {
  return prose(chance, between(chance, 15, 60))
}

function prose(chance: Chance, words: number): string {
  const sentences: string[] = []
  for (let left = words; left > 0; ) {
    const length = Math.min(left, between(chance, 6, 18))
    sentences.push(`${sentence(chance, length)}.`)
    left -= length
  }
  return `${sentences.join(' ')} (Invented.)`
}

function sentence(chance: Chance, length: number): string {
  const words: string[] = []
  for (let n = 0; n < length; n++) words.push(chance() < 0.4 ? oneOf(chance, SMALL_WORDS) : wordFrom(chance))
  const text = words.join(' ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const KNOWN = Array.from({ length: VOCABULARY }, (_, rank) => invented(rank))

function wordFrom(chance: Chance): string {
  // Names and mistypings: one text in ten has a word that is nearly its own.
  if (chance() < 1 / 350) return invented(VOCABULARY + Math.floor(chance() * HARDLY_ANY))
  return KNOWN[zipf(chance, VOCABULARY, POWER)] as string
}
