import type { DocumentFailure } from '../domain/items.ts'
import { storable } from './decode.ts'
import { xmlLimits } from './xml-reader.ts'

export type JsonObject = Record<string, unknown>

/** Parses any JSON, or says why there is none; too deep is refused before any recursion, too many before any is made. */
export function parseJsonValue(text: string): { value: unknown } | DocumentFailure {
  const { deepest, values } = measure(text)
  if (deepest > xmlLimits.depth) {
    return { failure: 'too-deep', detail: `more than ${xmlLimits.depth} values inside each other` }
  }
  if (values > MOST_VALUES) return { failure: 'too-large', detail: `more than ${MOST_VALUES} values` }
  try {
    return { value: JSON.parse(text) }
  } catch {
    return { failure: 'malformed', detail: 'the JSON is broken or cut off' }
  }
}

/** Parses a JSON object, or says why there is none. */
export function parseJson(text: string): { value: JsonObject } | DocumentFailure {
  const parsed = parseJsonValue(text)
  if ('failure' in parsed) return parsed
  const { value } = parsed
  return isObject(value) ? { value } : { failure: 'not-a-feed', detail: 'JSON, but no object' }
}

/** Whether a value is an object with names. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Names from settings and documents meet here: own properties only, so `constructor` finds nothing.

/** What an object holds under its own name, or undefined. */
export function valueIn(object: JsonObject, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

/** The text under a name, or an empty one. */
export function stringIn(object: JsonObject, name: string): string {
  const value = valueIn(object, name)
  return typeof value === 'string' ? storable(value) : ''
}

/** The object under a name, or an empty one. */
export function objectIn(object: JsonObject, name: string): JsonObject {
  const value = valueIn(object, name)
  return isObject(value) ? value : {}
}

/** The list under a name, or an empty one. */
export function listIn(object: JsonObject, name: string): unknown[] {
  const value = valueIn(object, name)
  return Array.isArray(value) ? value : []
}

// JSON.parse makes them all at one go, and a thread that runs out of memory in it takes the process along.
const MOST_VALUES = 2_000_000

/** How deep the values lie inside each other, and how many there are, near enough. */
function measure(text: string): { deepest: number; values: number } {
  let depth = 0
  let deepest = 0
  let values = 1
  let inString = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inString) {
      if (code === backslash) at++
      else if (code === quote) inString = false
    } else if (code === quote) inString = true
    else if (code === comma) values++
    else if (code === 0x7b || code === 0x5b) {
      values++
      deepest = Math.max(deepest, ++depth)
    } else if (code === 0x7d || code === 0x5d) depth--
  }
  return { deepest, values }
}

const comma = 0x2c
const quote = 0x22
const backslash = 0x5c
