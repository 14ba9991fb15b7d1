import type { OrganisationKind, Sector } from '../prisma/client.ts'
import { type FileRow, RowLeft, type RowProblemCode, type Wanted } from './import-rows.ts'
import type { FileRecord } from './import-text.ts'
import { canonicalCode } from './organisations.ts'

/** The cells of a record by the names of their columns. What is wrong in one is thrown as a `RowLeft`. */
export type Cells = {
  /** Whether the file has the column at all. */
  has(column: string): boolean
  raw(column: string): string | null
  text(column: string, longest: number): string | null
  code(column: string): string | null
  /** Codes with bars between them, each once. */
  codes(column: string): string[]
  day(column: string): string | null
  number(column: string, least: number, most: number): number | null
  /** Both halves of a position, or neither. */
  position(latitude: string, longitude: string): { latitude: number | null; longitude: number | null }
  email(column: string): string | null
  website(column: string): string | null
  postcode(column: string): string | null
  oneOf<T extends string>(column: string, values: readonly T[]): T | null
}

export const KINDS: readonly OrganisationKind[] = [
  ...(['trust', 'site', 'gp_practice', 'gp_branch', 'local_authority', 'commissioner'] as const),
]
export const SECTORS: readonly Sector[] = ['acute', 'community', 'mental_health']

/** Reads a row by what its layout makes of its cells; without a code in its column the row is skipped. */
export function readRow(
  { line, cells: values }: FileRecord,
  columns: ReadonlyMap<string, number>,
  codeColumn: string,
  wantedIn: (cells: Cells) => Wanted,
): FileRow {
  const cells = cellsOf(values, columns)
  const written = cells.raw(codeColumn)
  const code = written === null ? null : canonicalCode(written).slice(0, LONGEST_CODE)
  try {
    if (written === null) throw new RowLeft('skipped', 'no_code', `The column "${codeColumn}" is empty.`)
    cells.code(codeColumn)
    const stray = values.findIndex((value, n) => n >= columns.size && value !== null)
    if (stray >= 0)
      throw refused('too_many_cells', `It has ${stray + 1} cells, and the file ${columns.size} columns.`)
    return { line, code, wanted: wantedIn(cells) }
  } catch (error) {
    if (!(error instanceof RowLeft)) throw error
    const { left, problem, message } = error
    return { line, code, left, problem, detail: message }
  }
}

/** The parts of an address in one line; null without any. */
export function oneLine(parts: readonly (string | null)[]): string | null {
  const whole = parts.filter((part) => part !== null).join(', ')
  if (whole.length > 500) throw refused('wrong_value', 'The address has more than 500 signs.')
  return whole === '' ? null : whole
}

const LONGEST_CODE = 20
const CODE = /^[A-Z0-9]{1,20}$/
// As the contract has them: `NewOrganisation`.
const EMAIL = /^[^@\s<>,;]+@[A-Za-z0-9.-]+$/
const WEBSITE = /^https?:\/\/[!-~]+$/

function cellsOf(values: FileRecord['cells'], columns: ReadonlyMap<string, number>): Cells {
  const raw = (column: string) => values[columns.get(column) ?? -1] ?? null
  // No cell of an address of a person may come back: details name columns, and of values codes and numbers only.
  const read = <T>(column: string, reading: (text: string) => T | null, right: string): T | null => {
    const text = raw(column)
    if (text === null) return null
    const value = reading(text)
    if (value === null) throw refused('wrong_value', `The column "${column}" ${right}.`)
    return value
  }
  const fitting = (column: string, pattern: RegExp, longest: number, right: string) =>
    read(column, (text) => (text.length <= longest && pattern.test(text) ? text : null), right)
  const number = (column: string, least: number, most: number) =>
    read(column, (text) => numberIn(text, least, most), `must have a number from ${least} to ${most}`)
  const code = (text: string) => (CODE.test(canonicalCode(text)) ? canonicalCode(text) : null)
  const codeIsRight = 'must have a code of 1 to 20 letters and digits'
  return {
    has: (column) => columns.has(column),
    raw,
    text: (column, longest) =>
      read(column, (text) => plainText(text, longest), `must have at most ${longest} signs`),
    code: (column) => read(column, code, codeIsRight),
    codes: (column) =>
      read(
        column,
        (text) => {
          const codes = text
            .split('|')
            .filter((one) => one.trim() !== '')
            .map(code)
          return codes.includes(null) ? null : [...new Set(codes as string[])]
        },
        'must have codes with | between them',
      ) ?? [],
    day: (column) => read(column, dayIn, 'must have a day, like 2026-04-01 or 20260401'),
    number,
    position: (north, east) => positionIn(number(north, -90, 90), number(east, -180, 180), [north, east]),
    email: (column) => fitting(column, EMAIL, 254, 'must have one e-mail address'),
    website: (column) =>
      fitting(column, WEBSITE, 500, 'must have an address that begins with http:// or https://'),
    postcode: (column) => read(column, postcodeIn, 'must have a postcode'),
    oneOf: (column, options) =>
      read(
        column,
        (text) => options.find((one) => one === text) ?? null,
        `must have one of ${options.join(', ')}`,
      ),
  }
}

function refused(problem: RowProblemCode, detail: string): RowLeft {
  return new RowLeft('refused', problem, detail)
}

function plainText(text: string, longest: number): string | null {
  const plain = text.replaceAll(/\s+/g, ' ')
  return plain.length <= longest ? plain : null
}

/** A day in one of the ways in which the national files write it, as 2026-04-01; null for none that there is. */
export function dayIn(text: string): string | null {
  const [, year, month, day] = /^(\d{4})-?(\d\d)-?(\d\d)(?:[T ][\d:.]+Z?)?$/.exec(text) ?? []
  const [, ofMonth, ofYear, inYear] = /^(\d\d)\/(\d\d)\/(\d{4})$/.exec(text) ?? []
  const written = year === undefined ? `${inYear}-${ofYear}-${ofMonth}` : `${year}-${month}-${day}`
  const at = new Date(`${written}T00:00:00Z`)
  return Number.isNaN(at.getTime()) || at.toISOString().slice(0, 10) !== written ? null : written
}

function numberIn(text: string, least: number, most: number): number | null {
  const number = /^[+-]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  return number >= least && number <= most ? number : null
}

function positionIn(
  latitude: number | null,
  longitude: number | null,
  [north, east]: [string, string],
): { latitude: number | null; longitude: number | null } {
  if ((latitude === null) !== (longitude === null))
    throw refused(
      'missing',
      `The column "${latitude === null ? north : east}" is empty, and the other half is not.`,
    )
  return { latitude, longitude }
}

// Of the form of BS 7666 alone: ZZ99 3VZ, with which the NHS says that there is none, has letters that no real one has.
function postcodeIn(text: string): string | null {
  const compact = text.replaceAll(/\s/g, '').toUpperCase()
  const [, outward, inward] = /^([A-Z]{1,2}[0-9][0-9A-Z]?|GIR)([0-9][A-Z]{2})$/.exec(compact) ?? []
  return outward === undefined ? null : `${outward} ${inward}`
}
