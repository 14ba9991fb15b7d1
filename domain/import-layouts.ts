import type { Cells } from './import-cells.ts'
import { readRow } from './import-cells.ts'
import { ownLayout } from './import-layout-own.ts'
import { firstServiceLayouts } from './import-layouts-first-service.ts'
import { nationalLayouts } from './import-layouts-national.ts'
import type { FileRow, ImportLayout, Wanted } from './import-rows.ts'
import { type FileRecord, UnreadableFile } from './import-text.ts'

/**
 * Whose files they are. What is in an administrator's own ones is meant: what cannot be is refused. The national ones are about
 * everybody, in capitals: what is not registered here is left alone.
 */
export type Family = 'own' | 'first_service' | 'national'

/** The columns of a file, and what a row of it wants. */
export type LayoutOf = {
  family: Family
  /** A header names them; without one they stand in this order. */
  header: boolean
  required: readonly string[]
  optional: readonly string[]
  codeColumn: string
  wantedIn: (cells: Cells) => Wanted
}

const layouts: Readonly<Record<ImportLayout, LayoutOf>> = {
  own: ownLayout,
  ...firstServiceLayouts,
  ...nationalLayouts,
}

/** The names of all layouts. */
export const layoutNames = Object.keys(layouts) as ImportLayout[]

/** Whose files have this layout. */
export function familyOf(layout: ImportLayout): Family {
  return layouts[layout].family
}

/** The rows of a file in this layout; throws `UnreadableFile` in words that name what is missing. */
export function rowsOf(layout: ImportLayout, records: readonly FileRecord[]): FileRow[] {
  const { header, codeColumn, wantedIn, ...columns } = layouts[layout]
  const [first, ...others] = records
  if (first === undefined) throw new UnreadableFile('The file is empty.')
  const at = header ? namedColumns(layout, columns, first) : countedColumns(layout, columns, records)
  const rows = header || isHeader(first) ? others : records
  return rows.map((record) => readRow(record, at, codeColumn, wantedIn))
}

type Columns = Pick<LayoutOf, 'required' | 'optional'>

function namedColumns(
  layout: ImportLayout,
  { required, optional }: Columns,
  { line, cells }: FileRecord,
): Map<string, number> {
  const names = cells.map((cell) => cell ?? '')
  const missing = required.filter((name) => !names.includes(name))
  if (missing.length > 0)
    throw new UnreadableFile(
      `Line ${line} must name the columns of the layout "${layout}"; it does not name ${quoted(missing)}.`,
    )
  const unknown = names.filter((name) => name !== '' && !required.includes(name) && !optional.includes(name))
  if (unknown.length > 0 && layout === 'own')
    throw new UnreadableFile(
      `Line ${line} names columns that are not known: ${quoted(unknown.slice(0, 5).map(shortened))}; known are ${quoted([...required, ...optional])}.`,
    )
  const twice = names.find((name, n) => name !== '' && names.indexOf(name) !== n)
  if (twice !== undefined)
    throw new UnreadableFile(`Line ${line} names the column "${shortened(twice)}" twice.`)
  return new Map(names.map((name, n) => [name === '' ? `(column ${n + 1})` : name, n]))
}

function countedColumns(
  layout: ImportLayout,
  { required, optional }: Columns,
  records: readonly FileRecord[],
): Map<string, number> {
  const widest = Math.max(...records.slice(0, SAMPLE).map(({ cells }) => cells.length))
  const all = [...required, ...optional]
  if (widest < required.length || widest > all.length)
    throw new UnreadableFile(
      `The layout "${layout}" has ${all.length} columns without a header, and this file has ${widest}: it is another one.`,
    )
  return new Map(all.map((name, n) => [name, n]))
}

// The same files are also given out with one.
function isHeader({ cells: [first] }: FileRecord): boolean {
  return first !== null && first !== undefined && /\bcode\b/i.test(first)
}

const SAMPLE = 10

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(', ')
}
