import { isUtf8 } from 'node:buffer'
import { setImmediate as turn } from 'node:timers/promises'
import { type CsvError, parse } from 'csv-parse'
import iconv from 'iconv-lite'

/** One record of a file, trimmed; an empty cell and the literal NULL of the first service's files are null. */
export type FileRecord = { line: number; cells: readonly (string | null)[] }

/** A file that nothing can be made of; the message says why, for the person who sent it. */
export class UnreadableFile extends Error {
  override readonly name = 'UnreadableFile'
}

/**
 * The records of a CSV file (RFC 4180) that have anything in them, each with the line it begins in, from 1. The text is UTF-8,
 * or Windows-1252 as the older files are; any line ends; a quote inside a cell is taken as it stands. Throws `UnreadableFile`
 * for what is no text, and for a quote that does not end.
 */
export async function recordsIn(bytes: Uint8Array): Promise<FileRecord[]> {
  // Line ends inside quotes would count twice.
  const text = textOf(bytes).replaceAll('\r\n', '\n')
  const records: FileRecord[] = []
  let last = 0
  const parser = parse({
    info: true,
    record_delimiter: ['\n', '\r'],
    relax_column_count: true,
    relax_quotes: true,
  })
  let failure: CsvError | undefined
  parser.on('error', (error: CsvError) => {
    failure = error
  })
  parser.on('data', ({ record, info }: { record: string[]; info: { lines: number } }) => {
    const cells = record.map(cellOf)
    if (cells.some((cell) => cell !== null)) records.push({ line: last + 1, cells })
    last = info.lines
  })
  // In pieces, so that whatever else the process does has its turns.
  for (let at = 0; at < text.length && failure === undefined; at += PIECE) {
    parser.write(text.slice(at, at + PIECE))
    await turn()
  }
  if (failure === undefined) {
    await new Promise<void>((resolve) => {
      parser.once('close', resolve)
      parser.end()
    })
  }
  if (failure !== undefined) throw unreadable(failure, last)
  return records
}

const PIECE = 65_536

function textOf(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no text has them, and other files do.
  if (/[\x00-\x08\x0e-\x1f]/.test(buffer.toString('latin1')))
    throw new UnreadableFile('This is no text: save the table as CSV (UTF-8), and send that.')
  return iconv.decode(buffer, isUtf8(buffer) ? 'utf-8' : 'windows-1252')
}

function cellOf(text: string): string | null {
  const trimmed = text.trim()
  return trimmed === '' || trimmed === 'NULL' ? null : trimmed
}

function unreadable({ code }: CsvError, last: number): UnreadableFile {
  const why =
    code === 'CSV_QUOTE_NOT_CLOSED' ? 'has a quotation mark that does not end' : 'is not written as CSV'
  return new UnreadableFile(`What begins in line ${last + 1} ${why}.`)
}
