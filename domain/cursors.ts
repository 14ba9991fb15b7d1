import { type DomainError, invalid } from './errors.ts'

/** A page of a list: as many as asked for, and where the next one begins. */
export type Page<T> = { items: T[]; next: string | null }

/** An opaque cursor over the values of the last row. */
export function writeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url')
}

/** The values of a cursor; throws `validation_failed` at `/after` when it is none of ours. */
export function readCursor<T extends readonly ('number' | 'string')[]>(
  cursor: string | undefined,
  types: T,
): { [K in keyof T]: T[K] extends 'number' ? number : string } | undefined {
  if (cursor === undefined) return undefined
  const values = parse(cursor)
  const fits =
    Array.isArray(values) &&
    values.length === types.length &&
    values.every(
      (value, n) =>
        typeof value === types[n] &&
        (typeof value === 'string' ? isStorable(value) : Number.isSafeInteger(value)),
    )
  if (!fits) throw unknownCursor()
  return values as { [K in keyof T]: T[K] extends 'number' ? number : string }
}

/** The error for a cursor that is none of ours. */
export function unknownCursor(): DomainError {
  return invalid({
    in: 'query',
    pointer: '/after',
    code: 'unknown_cursor',
    detail: 'Take the next of the page before, unchanged.',
  })
}

/** Makes a page of one row more than asked for. */
export function pageOf<T>(
  found: readonly T[],
  limit: number,
  cursorOf: (last: T) => readonly (string | number)[],
): Page<T> {
  const items = found.slice(0, limit)
  const last = items.at(-1)
  return { items, next: found.length > limit && last !== undefined ? writeCursor(cursorOf(last)) : null }
}

// PostgreSQL has no U+0000 in a text, and UTF-8 no half characters.
function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function parse(cursor: string): unknown {
  try {
    return JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}
