import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../domain/callers.ts'
import { ownViewOf } from '../domain/cases.ts'
import { invalid } from '../domain/errors.ts'
import type { Contract, Operation } from './contract/contract.ts'
import type { AnyReply } from './contract/routes.ts'
import {
  type Cell,
  type Column,
  cellsOf,
  columnsOf,
  headingsOf,
  pageNames,
  pickedCellsOf,
  pickedColumns,
} from './csv-columns.ts'
import { DoorError } from './problems.ts'

/** A request for a list as a table. */
export type TableAsked = {
  operation: Operation
  caller: Caller
  now: Date
  /** Answers the same request with another query; what it shows is noted. */
  ask: (query: TableQuery) => Promise<AnyReply>
  /** Hears of what went wrong behind the first page, when no other answer can be given any more. */
  failed: (error: unknown) => void
}

type TableQuery = {
  format?: string
  view?: string
  fields?: readonly string[]
  include?: unknown
  limit?: number
  after?: string
}

/** Answers a request with the whole list as CSV. */
export type SendTable = (
  request: FastifyRequest,
  reply: FastifyReply,
  asked: TableAsked,
) => Promise<FastifyReply>

/** Tables that one caller may read at once: each goes on reading pages long after the request was counted. */
const AT_ONCE = 4
const RETRY_AFTER_SECONDS = 10

/**
 * Any list of the contract as CSV (RFC 4180): its pages are asked for one after the other, as the reader takes them, so
 * memory does not grow with the list. What goes wrong on the first page is answered; later it breaks the connection off,
 * so that nobody takes a part for the whole.
 */
export function createTables(app: FastifyInstance, contract: Contract): SendTable {
  const seats = new Set<Seat>()
  // A long table must not hold up the end of the process.
  app.addHook('preClose', async () => {
    for (const { table } of seats) table?.destroy(new Error('the service stops'))
  })

  return async (request, reply, asked) => {
    const { caller } = asked
    const seat = takeSeat(seats, caller.kind === 'client' ? String(caller.clientId) : request.ip)
    try {
      const table = await openTable(contract, request.query as TableQuery, asked)
      seat.table = table
      table.once('close', () => seats.delete(seat))
      reply
        .type('text/csv; charset=utf-8; header=present')
        .header('content-disposition', `attachment; filename="${fileName(asked)}"`)
      if (request.method !== 'HEAD') return reply.send(table)
      table.destroy()
      return reply.send(Readable.from([]))
    } catch (error) {
      seats.delete(seat)
      throw error
    }
  }
}

/** Whether a request asks for its list as a table. */
export function asksForTable({ query }: FastifyRequest): boolean {
  return (query as TableQuery).format === 'csv'
}

/** Writes one record of CSV: a text that a spreadsheet would take for a formula has an apostrophe before it. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

type Seat = { reader: string; table?: Readable }

function takeSeat(seats: Set<Seat>, reader: string): Seat {
  if ([...seats].filter((seat) => seat.reader === reader).length >= AT_ONCE) {
    const detail = `${AT_ONCE} tables at once are allowed; wait until one of yours has ended.`
    throw new DoorError('too_many_requests', { detail }, RETRY_AFTER_SECONDS)
  }
  const seat: Seat = { reader }
  seats.add(seat)
  return seat
}

async function openTable(contract: Contract, query: TableQuery, asked: TableAsked): Promise<Readable> {
  const { operation, ask, failed } = asked
  refuseInclude(contract, operation, query)
  const limit = greatestLimit(operation)
  const ofPage = limit === undefined ? query : { ...query, limit }
  const toLines = linesOf(columnsOf(contract, operation, viewOf(query, asked.caller)), query.fields)
  const first = await ask(ofPage)

  async function* pages(): AsyncGenerator<string> {
    try {
      yield `${BYTE_ORDER_MARK}${toLines.heading}`
      let page = pageIn(first)
      for (;;) {
        if (page.items.length > 0) yield page.items.map(toLines.line).join('')
        if (page.next === null) return
        page = pageIn(await ask({ ...ofPage, after: page.next }))
      }
    } catch (error) {
      failed(error)
      throw error
    }
  }
  return Readable.from(pages(), { objectMode: false })
}

function linesOf(
  columns: readonly Column[],
  fields: readonly string[] | undefined,
): { heading: string; line: (item: object) => string } {
  if (fields === undefined)
    return { heading: csvLine(headingsOf(columns)), line: (item) => csvLine(cellsOf(columns, item)) }
  const picked = pickedColumns(columns, fields)
  return { heading: csvLine(headingsOf(picked)), line: (item) => csvLine(pickedCellsOf(picked, item)) }
}

type Page = { items: readonly object[]; next: string | null }

function pageIn({ body }: AnyReply): Page {
  const { json } = body as { json?: string }
  return (json === undefined ? body : JSON.parse(json)) as Page
}

// What is said beside the items has no place in a table.
function refuseInclude(contract: Contract, operation: Operation, { include }: TableQuery): void {
  if (include === undefined || !pageNames(contract, operation).includes('included')) return
  throw invalid({
    in: 'query',
    pointer: '/include',
    code: 'not_in_csv',
    detail: 'A table has the items alone; leave include out, or read the list as JSON.',
  })
}

function greatestLimit({ parameters }: Operation): number | undefined {
  return parameters.find(({ name }) => name === 'limit')?.schema.maximum as number | undefined
}

// Only cases are shown in several views, and a list of them has the same for all.
function viewOf({ view }: TableQuery, caller: Caller): string {
  return view === 'mine' && caller.kind === 'client' ? ownViewOf(caller) : 'public'
}

// listRemovalRequests is removal-requests.
function fileName({ operation, now }: TableAsked): string {
  const noun = operation.id.replace(/^[a-z]+/, '').replaceAll(/(?<!^)[A-Z]/g, (letter) => `-${letter}`)
  return `${noun.toLowerCase()}-${now.toISOString().slice(0, 10)}.csv`
}

const BYTE_ORDER_MARK = '\uFEFF'

// OWASP, CSV Injection: also behind blanks and with the wide signs, which spreadsheets take for the same.
const FORMULA = /^[\s\u200B-\u200F\u2060]*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]|^[\t\r\n]/
const TO_QUOTE = /[",\r\n]|^\s|\s$|^$/

function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell !== 'string') return String(cell)
  const text = FORMULA.test(cell) ? `'${cell}` : cell
  return TO_QUOTE.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
