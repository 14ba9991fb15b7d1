import { parse } from 'csv-parse/sync'
import type { Test } from 'tap'
import type { Answer } from './harness.ts'

export type Table = { headings: string[]; rows: Record<string, string>[] }

/** The table of an answer, read as strictly as RFC 4180 has it; says that it is one. */
export function tableIn(t: Test, { status, headers, bytes, text }: Answer): Table {
  t.equal(status, 200, text)
  t.equal(headers['content-type'], 'text/csv; charset=utf-8; header=present')
  t.match(headers['content-disposition'], /^attachment; filename="[a-z-]+-\d{4}-\d\d-\d\d\.csv"$/)
  t.same([...bytes.subarray(0, 3)], [0xef, 0xbb, 0xbf], 'it begins with a byte order mark')
  t.ok(bytes.includes('\r\n', bytes.length - 2), 'it ends with a line end')
  return tableOf(bytes)
}

/** The rows of a table by their headings. */
export function tableOf(bytes: Buffer): Table {
  const [headings = [], ...records] = parse(bytes, { bom: true, recordDelimiter: '\r\n' }) as string[][]
  const rows = records.map((cells) => Object.fromEntries(headings.map((name, n) => [name, held(cells[n])])))
  return { headings, rows }
}

// A list of nothing is empty or `[]`, as what would be in it is plain or not; the item cannot say that.
function held(cell: string | undefined): string {
  return cell === undefined || cell === '[]' ? '' : cell
}

/** What an item of a list must be in a table with these headings. */
export function rowOf(item: unknown, headings: readonly string[]): Record<string, string> {
  return Object.fromEntries(headings.map((heading) => [heading, cellOf(at(item, heading.split('.')))]))
}

/** Every place in an item that holds something, as a heading has it. */
export function placesIn(item: unknown, prefix = ''): string[] {
  return Object.entries(item as object).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? placesIn(value, `${prefix}${name}.`)
      : value === null || value === undefined
        ? []
        : [`${prefix}${name}`],
  )
}

function at(value: unknown, [name, ...rest]: string[]): unknown {
  if (name === undefined || typeof value !== 'object' || value === null) return value
  return at((value as Record<string, unknown>)[name], rest)
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : listed(value as unknown[])
  const [first = ''] = text.trimStart()
  return '=+-@＝＋－＠'.includes(first || ' ') || /^[\t\r\n]/.test(text) ? `'${text}` : text
}

function listed(values: unknown[]): string {
  const plain = values.every((value) => typeof value !== 'object')
  return plain ? values.join('; ') : JSON.stringify(values)
}
