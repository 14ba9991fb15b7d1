import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { Parser, type Result } from 'tap-parser'

export type Failure = { name: string; detail: string }
export type FileReport = {
  file: string
  milliseconds: number
  passed: number
  failed: number
  failures: Failure[]
  skipped: { name: string; reason: string }[]
  /** What the file wrote besides its results. */
  output: string
}

const together = join(import.meta.dirname, 'together.ts')

/** A test that gives no result for so long is ended. */
const testTimeout = 60_000
const fileTimeout = 15 * 60
/** A file whose tests are done has so long to end by itself. */
const endTimeout = 10_000

/** Runs test files, one after the other in a process of their own, and reads the results; `signal` ends it early. */
export async function runFiles(
  files: readonly string[],
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<FileReport> {
  const started = performance.now()
  const report: FileReport = {
    file: files.join(', '),
    milliseconds: 0,
    passed: 0,
    failed: 0,
    failures: [],
    skipped: [],
    output: '',
  }
  // A group of its own, so that what a test starts ends with it.
  const child = spawn(process.execPath, files.length === 1 ? [...files] : [together, ...files], {
    env: { ...env, TAP: '1', TAP_TIMEOUT: String(fileTimeout) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  const stop = () => killGroup(child, 'SIGKILL')
  signal.addEventListener('abort', stop, { once: true })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    report.output += text
  })
  const ended = readResults(child, report)
  const [code, by] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    child.once('exit', (...how) => resolve(how)),
  )
  killGroup(child, 'SIGKILL')
  signal.removeEventListener('abort', stop)
  await ended
  report.milliseconds = performance.now() - started
  noteEnd(report, code, by)
  return report
}

function readResults(child: ChildProcess, report: FileReport): Promise<void> {
  const parser = new Parser()
  let timer = setTimeout(() => child.kill('SIGALRM'), testTimeout)
  const restart = (milliseconds: number, late: () => void) => {
    clearTimeout(timer)
    timer = setTimeout(late, milliseconds)
  }
  child.once('exit', () => clearTimeout(timer))
  const listen = (test: Parser) => {
    test.on('child', listen)
    test.on('extra', (text: string) => {
      report.output += text
    })
    test.on('assert', (result: Result) => {
      if (!child.killed) restart(testTimeout, () => child.kill('SIGALRM'))
      note(report, test, result)
    })
  }
  listen(parser)
  child.stdout?.pipe(parser)
  return new Promise((resolve) => {
    parser.once('complete', (final) => {
      if (final.plan.skipAll && final.plan.skipReason !== 'no tests found') {
        report.skipped.push({ name: 'the whole file', reason: final.plan.skipReason })
      }
      if (child.exitCode === null && child.signalCode === null) {
        restart(endTimeout, () => {
          report.failures.push({
            name: 'after the tests',
            detail: 'The file did not end: something is still open.',
          })
          killGroup(child, 'SIGKILL')
        })
      }
      resolve()
    })
  })
}

/** Counts the tests of a file; of what lies inside a test, what failed and what was skipped. */
function note(report: FileReport, test: Parser, result: Result): void {
  const name = [test.fullname, result.name].filter(Boolean).join(' > ')
  if (result.skip)
    report.skipped.push({ name, reason: result.skip === true ? 'no reason given' : result.skip })
  else if (result.todo) report.skipped.push({ name, reason: `to do: ${result.todo}` })
  else if (result.ok) report.passed += test.level === 0 ? 1 : 0
  else noteFailure(report, test, result, name)
}

function noteFailure(report: FileReport, test: Parser, result: Result, name: string): void {
  if (test.level === 0) report.failed++
  // A test that holds a failed one fails too, and has nothing of its own to say.
  if (report.failures.some((failure) => failure.name.startsWith(`${name} > `))) return
  report.failures.push({ name, detail: describe(result.diag) })
}

function noteEnd(report: FileReport, code: number | null, by: NodeJS.Signals | null): void {
  // A process that exits inside a test says so there, and no more at the level that is counted.
  if (report.failures.length > 0) report.failed ||= 1
  if (report.failed > 0) return
  if (code !== 0) {
    fail(report, 'the file', `It ended with ${by ?? `exit code ${code}`}.`)
  } else if (report.passed + report.skipped.length === 0) {
    fail(report, 'the file', 'It has no tests.')
  }
}

function fail(report: FileReport, name: string, detail: string): void {
  report.failed++
  report.failures.push({ name, detail })
}

function describe(diag: unknown): string {
  if (typeof diag !== 'object' || diag === null) return ''
  const { diff, stack, at, source: _source, ...rest } = diag as Record<string, unknown>
  const place = at as { fileName?: string; lineNumber?: number } | undefined
  return [
    ...Object.entries(rest).map(
      ([key, value]) => `${key}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
    ),
    diff,
    stack ?? (place && `at ${place.fileName}:${place.lineNumber}`),
  ]
    .filter((part) => typeof part === 'string')
    .join('\n')
    .trimEnd()
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  try {
    if (child.pid) process.kill(-child.pid, signal)
  } catch {
    // It is gone already.
  }
}
