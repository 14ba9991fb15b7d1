import { isUtf8 } from 'node:buffer'
import type { Entry } from '../domain/items.ts'
import { isObject, parseJsonValue } from './json.ts'
import { pushedEntryAt } from './pushed-item.ts'

/** What the contract has against an item, in words; nothing when it is one. */
export type ProblemsOf = (item: unknown) => readonly string[]

/**
 * The entries of a batch that has one JSON object a line (NDJSON), empty lines left out; a line that is none is an entry
 * with its problem. Null when there are more than `most`.
 */
export function lineEntries(bytes: Uint8Array, most: number, problemsOf: ProblemsOf): Entry[] | null {
  const entries: Entry[] = []
  for (const { line, number } of filledLines(bytes)) {
    if (entries.length === most) return null
    entries.push(lineEntry(line, `line ${number}`, problemsOf))
  }
  return entries
}

const LINE_FEED = 0x0a
const BYTE_ORDER_MARK = [0xef, 0xbb, 0xbf]

function* filledLines(bytes: Uint8Array): Generator<{ line: Buffer; number: number }> {
  const whole = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const hasMark = BYTE_ORDER_MARK.every((byte, n) => whole[n] === byte)
  let number = 0
  for (let from = hasMark ? BYTE_ORDER_MARK.length : 0; from < whole.length; ) {
    const end = whole.indexOf(LINE_FEED, from)
    const line = whole.subarray(from, end === -1 ? whole.length : end)
    number += 1
    if (line.some((byte) => !isBlank(byte))) yield { line, number }
    from += line.length + 1
  }
}

// The blanks of JSON (RFC 8259), a carriage return among them.
function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}

function lineEntry(line: Buffer, place: string, problemsOf: ProblemsOf): Entry {
  const text = line.toString('utf8').trim()
  const none = (problem: string): Entry => ({ raw: text, problem, place, externalId: null })
  if (!isUtf8(line)) return none('not UTF-8')
  const parsed = parseJsonValue(text)
  if ('failure' in parsed) return none(parsed.detail)
  if (!isObject(parsed.value)) return none('JSON, but no object')
  return pushedEntryAt(parsed.value, place, problemsOf(parsed.value))
}
