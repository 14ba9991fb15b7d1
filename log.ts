import { Writable } from 'node:stream'
import { type Logger, pino } from 'pino'

/** Structured logs as lines of JSON. What is logged is ids and counts; errors lose whatever may quote data. */
export function createLog(level: string, destination?: Writable): Logger {
  const options = {
    level,
    base: null,
    timestamp: timeField,
    serializers: { err: errorFields },
  }
  return destination === undefined ? pino(options) : pino(options, destination)
}

// As pino writes it; of many lines in one millisecond, written once.
let fieldOf = { time: 0, text: '' }
function timeField(): string {
  const time = Date.now()
  if (fieldOf.time !== time) fieldOf = { time, text: `,"time":"${new Date(time).toISOString()}"` }
  return fieldOf.text
}

/** The same lines for a person at a terminal: the time, what happened, and its fields. */
export function terminalLines(out: NodeJS.WritableStream): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').trimEnd().split('\n')) out.write(`${terminalLine(line)}\n`)
      done()
    },
  })
}

// A message of PostgreSQL or of a parser may quote a row or a text: only its kind, its code and where it happened are kept.
function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { name: typeof error }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  const at = (error.stack ?? '')
    .split('\n')
    .filter((line) => line.startsWith('    at '))
    .slice(0, 8)
    .map((line) => line.trim())
  return {
    name: error.name,
    code,
    at,
    ...(error.cause instanceof Error && { cause: errorFields(error.cause) }),
  }
}

function terminalLine(line: string): string {
  const { time, level, msg, ...fields } = JSON.parse(line) as Record<string, unknown>
  const told = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined)
  const mark = Number(level) >= 50 ? 'ERROR ' : Number(level) >= 40 ? 'warning ' : ''
  const text = told
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')
  return `${String(time).slice(11, 19)}  ${mark}${msg}  ${text}`
}
