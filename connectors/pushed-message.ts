import { isUtf8 } from 'node:buffer'
import type { Entry } from '../domain/items.ts'
import { isObject, parseJson, valueIn } from './json.ts'
import { pushedEntryAt } from './pushed-item.ts'
import type { ProblemsOf } from './pushed-lines.ts'

/** Why a message cannot be read, where, and what would be right. */
export type MessageProblem = { pointer: string; code: string; detail: string }

/** Items in one message at most. */
export const MOST_IN_MESSAGE = 500

/** The entries of a webhook's body: its `data` is one item, or has several as `items`. */
export function messageEntries(body: Uint8Array, problemsOf: ProblemsOf): Entry[] | MessageProblem {
  const parsed = isUtf8(body) ? parseJson(Buffer.from(body).toString('utf8')) : NO_JSON
  if ('failure' in parsed) {
    return { pointer: '', code: 'wrong_format', detail: `Must be a JSON object in UTF-8: ${parsed.detail}.` }
  }
  const data = valueIn(parsed.value, 'data')
  if (!isObject(data)) {
    const code = data === undefined ? 'missing' : 'wrong_type'
    return { pointer: '/data', code, detail: 'Must be an item, or an object with items.' }
  }
  const items = valueIn(data, 'items')
  if (items === undefined) return [pushedEntryAt(data, 'data', problemsOf(data))]
  return Array.isArray(items) ? itemEntries(items, problemsOf) : { ...ITEMS, code: 'wrong_type' }
}

const NO_JSON = { failure: 'malformed', detail: 'it is not UTF-8' } as const
const ITEMS = { pointer: '/data/items', detail: `Must be a list of 1 to ${MOST_IN_MESSAGE} items.` }

function itemEntries(items: readonly unknown[], problemsOf: ProblemsOf): Entry[] | MessageProblem {
  if (items.length === 0) return { ...ITEMS, code: 'too_few' }
  if (items.length > MOST_IN_MESSAGE) return { ...ITEMS, code: 'too_many' }
  return items.map((item, n) => pushedEntryAt(item, `data/items/${n}`, problemsOf(item)))
}
