import type { Deletion, Entry, Item } from '../domain/items.ts'
import { storable } from './decode.ts'
import { datedAs, personName } from './feed-entry.ts'
import { isObject, type JsonObject, objectIn, parseJson, stringIn, valueIn } from './json.ts'
import { withoutKey } from './links.ts'
import { oneLine, titleText } from './text.ts'
import { xmlLimits } from './xml-reader.ts'

/** What one object of a document is, or why it is nothing. */
export type ObjectReader = (object: JsonObject) => Judged

export type Judged = { item: Item } | { problem: string; externalId: string | null }

/** One value of a document, with what it belongs to, as text that can be read again alone; no key is left in it. */
export function rawOf(value: unknown, parent: string | null = null): string {
  const marked = isObject(value) && parent !== null ? { ...value, [ownExtension]: { parent } } : value
  return JSON.stringify(marked, (_name, inner: unknown) =>
    typeof inner === 'string' ? storable(withoutKey(inner)) : inner,
  )
}

/** The entry that a raw text holds. */
export function entryOfRaw(raw: string, place: string, read: ObjectReader): Entry {
  if (raw.length > largestStory) {
    return { raw, problem: `more than ${largestStory} characters`, place, externalId: null }
  }
  const parsed = parseJson(raw)
  if ('failure' in parsed) return { raw, problem: 'not an object', place, externalId: null }
  const judged = read(parsed.value)
  return 'item' in judged ? { raw, item: judged.item } : { raw, place, ...judged }
}

/** What an object belongs to, when it stood inside of it. */
export function parentOf(object: JsonObject): string | null {
  return stringIn(objectIn(object, ownExtension), 'parent') || null
}

/** An id as text: a whole number or a text; null for none. A number too long to be exact is none. */
export function idIn(object: JsonObject, ...names: string[]): string | null {
  for (const name of names) {
    const value = valueIn(object, name)
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
    const text = oneLine(stringIn(object, name))
    if (text !== '') return text
  }
  return null
}

/**
 * Whether what an object holds may be shown. Taken back, withheld and restricted are the same here; a word that
 * nobody knows is not taken for consent.
 */
export function publicationOf(object: JsonObject): 'public' | 'gone' | 'unknown' {
  if (goneFlags.some((name) => isSet(valueIn(object, name)))) return 'gone'
  const words = ['status', 'visibility']
    .map((name) => valueIn(object, name))
    .filter((value) => value !== undefined && value !== null && value !== '')
    .map((value) => (typeof value === 'string' ? value.trim().toLowerCase() : ''))
  if (words.some((word) => goneWords.has(word))) return 'gone'
  return words.every((word) => publicWords.has(word)) ? 'public' : 'unknown'
}

/** The tombstone of an object. */
export function deletionOf(object: JsonObject, externalId: string, dates: string[]): Deletion {
  const warnings: string[] = []
  return { type: 'deletion', externalId, updatedAt: dateIn(object, 'updated', dates, warnings), warnings }
}

/** The first of these fields that is there, as a time; what was odd is noted under `label`. */
export function dateIn(
  object: JsonObject,
  label: string,
  names: string[],
  warnings: string[],
): string | null {
  const value = names.map((name) => valueIn(object, name)).find((one) => one !== undefined && one !== null)
  if (value === undefined || typeof value === 'string') {
    return datedAs(label, value === undefined ? null : storable(value), warnings)
  }
  warnings.push(`${label}: not a date`)
  return null
}

/** A text within the limit; what is no text, and what was cut, is noted. */
export function textIn(object: JsonObject, name: string, warnings: string[]): string {
  const value = valueIn(object, name)
  if (value !== undefined && value !== null && typeof value !== 'string') warnings.push(`${name}: not a text`)
  const text = stringIn(object, name)
  if (text.length <= xmlLimits.text) return text
  warnings.push(`${name}: cut at ${xmlLimits.text} characters`)
  return storable(text.slice(0, xmlLimits.text))
}

/** The first of these fields that holds a person's name; an e-mail address is none. */
export function authorIn(object: JsonObject, ...names: string[]): string | null {
  for (const name of names) {
    const written = stringIn(object, name) || stringIn(objectIn(object, name), 'name')
    const author = personName(titleText(written))
    if (author !== null && !author.includes('@')) return author
  }
  return null
}

const ownExtension = '_care_connect'

/** Four times the longest text that is kept. */
const largestStory = 1024 * 1024

const goneFlags = [
  'restricted',
  'isRestricted',
  'withheld',
  'isWithheld',
  'removed',
  'isRemoved',
  'deleted',
  'isDeleted',
]
const goneWords = new Set(
  'restricted withheld removed deleted withdrawn unpublished hidden private rejected'.split(' '),
)
const publicWords = new Set(['public', 'published', 'live', 'visible'])

function isSet(flag: unknown): boolean {
  return Boolean(flag) && flag !== 'false'
}
