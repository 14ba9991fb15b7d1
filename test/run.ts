import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, globSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, delimiter, dirname, join, relative, resolve } from 'node:path'
import { closeDb, openDb } from '../prisma/client.ts'
import { startEmbedded } from '../prisma/embedded.ts'
import { applyMigrations } from '../prisma/engine.ts'
import { newVaultKey } from '../prisma/vault.ts'
import { prepare } from './api/prepared.ts'
import {
  asAdministrator,
  createDatabase,
  databaseUrl,
  dropDatabase,
  keysVariable,
  preparedVariable,
  serverVariable,
  templateVariable,
} from './database.ts'
import { startRedis } from './redis.ts'
import { type FileReport, runFiles } from './run-files.ts'

type Cleanup = () => Promise<void>

const root = join(import.meta.dirname, '..')
const jobs = 2
/** Tests that share a process with others of their folder, some files in each: all but those that look at all of it. */
const shared = /^test\/(api|domain|net)\/[\w-]+\.test\.ts$/
const alone =
  /\/(csv|digests|event-stream|event-streams-many|forms|imports|limits|pressure|rate-limit|permissions|walks)\.test\.ts$/
const mostTogether = 6
const interrupted = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => interrupted.abort(signal))
}
process.exitCode = await main(process.argv.slice(2))

async function main(args: string[]): Promise<number> {
  const files = chooseFiles(args)
  const cleanups: Cleanup[] = []
  const notes: string[] = []
  try {
    const env = {
      ...(await prepareStore(cleanups)),
      ...(await prepareRedis(cleanups, notes)),
      ...findChromium(notes),
      ...findGdal(notes),
      ...findOpenMetrics(notes),
    }
    const reports = await runAll(files, { ...childEnvironment(), ...env })
    return summarise(reports, notes)
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    return 1
  } finally {
    for (const cleanup of cleanups.reverse()) {
      await cleanup().catch((error) => console.error(`While stopping: ${error.message}`))
    }
  }
}

function chooseFiles(args: string[]): string[] {
  const patterns = args.length > 0 ? args : ['test/**/*.test.ts']
  const cwd = args.length > 0 ? process.cwd() : root
  return [...new Set(globSync(patterns, { cwd }).map((file) => relative(root, resolve(cwd, file))))].sort()
}

/** Two migrated databases on one server, of which each test file clones one. */
async function prepareStore(cleanups: Cleanup[]): Promise<NodeJS.ProcessEnv> {
  const template = `care_test_${randomBytes(4).toString('hex')}`
  let server = process.env.TEST_DATABASE_URL
  if (server) {
    const given = server
    cleanups.push(() => dropAll(given, template))
  } else {
    const embedded = await startEmbedded({ folder: root, purpose: 'test', database: 'administration' })
    cleanups.push(embedded.stop)
    server = embedded.url
  }
  await asAdministrator(server, (client) => createDatabase(client, template))
  await applyMigrations(databaseUrl(server, template))
  const prepared = `${template}_prepared`
  await asAdministrator(server, (client) => client.query(`create database ${prepared} template ${template}`))
  const db = openDb({
    url: databaseUrl(server, prepared),
    vaultKeys: newVaultKey('prepared'),
    max: 2,
    applicationName: 'test',
  })
  const keys = await prepare(db)
  await closeDb(db)
  return {
    [serverVariable]: server,
    [templateVariable]: template,
    [preparedVariable]: prepared,
    [keysVariable]: JSON.stringify(keys),
  }
}

async function dropAll(server: string, template: string): Promise<void> {
  await asAdministrator(server, async (client) => {
    const sql = 'select datname from pg_database where starts_with(datname, $1)'
    const { rows } = await client.query<{ datname: string }>(sql, [template])
    for (const { datname } of rows) await dropDatabase(client, datname)
  })
}

async function prepareRedis(cleanups: Cleanup[], notes: string[]): Promise<NodeJS.ProcessEnv> {
  if (process.env.REDIS_URL) return { CARE_TEST_REDIS: process.env.REDIS_URL }
  const redis = await startRedis()
  if ('missing' in redis) {
    notes.push(`Tests with Redis were skipped: ${redis.missing}. Install redis-server, or set REDIS_URL.`)
    return {}
  }
  cleanups.push(redis.stop)
  return { CARE_TEST_REDIS: redis.url }
}

function findChromium(notes: string[]): NodeJS.ProcessEnv {
  const found = onPath('chromium')
  if (found !== undefined) return { CARE_TEST_CHROMIUM: found }
  notes.push('Tests with a browser were skipped: there is no chromium on the PATH. Install chromium.')
  return {}
}

function findGdal(notes: string[]): NodeJS.ProcessEnv {
  const found = onPath('ogrinfo')
  if (found !== undefined) return { CARE_TEST_GDAL: found }
  notes.push('Tests with GDAL were skipped: there is no ogrinfo on the PATH. Install gdal-bin.')
  return {}
}

/** Debian's own Python, for the parser of python3-prometheus-client. */
function findOpenMetrics(notes: string[]): NodeJS.ProcessEnv {
  const python = '/usr/bin/python3'
  const { status } = spawnSync(python, ['-c', 'import prometheus_client.openmetrics.parser'])
  if (status === 0) return { CARE_TEST_OPENMETRICS: python }
  notes.push('Metrics were not read by a foreign parser: there is none. Install python3-prometheus-client.')
  return {}
}

function onPath(program: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter)
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file))
}

/** What the tester has set for the service itself is not for tests. */
function childEnvironment(): NodeJS.ProcessEnv {
  const { DATABASE_URL: _database, REDIS_URL: _redis, ...env } = process.env
  // All files load the same modules: what the first one has compiled the others find.
  return { NODE_COMPILE_CACHE: join(tmpdir(), 'care-connect-compile-cache'), ...env }
}

async function runAll(files: string[], env: NodeJS.ProcessEnv): Promise<FileReport[]> {
  const reports: FileReport[] = []
  const waiting = inProcesses(files)
  const work = async () => {
    for (let some = waiting.shift(); some && !interrupted.signal.aborted; some = waiting.shift()) {
      const report = await runFiles(
        some.map((file) => resolve(root, file)),
        env,
        interrupted.signal,
      )
      if (interrupted.signal.aborted) return
      const file = some.length === 1 ? (some[0] as string) : nameOfSome(some)
      reports.push({ ...report, file })
      print({ ...report, file })
    }
  }
  await Promise.all(Array.from({ length: jobs }, work))
  return reports
}

/**
 * The files by process. Loading the service takes longer than many a test, so that some files share one; each has its own
 * database and app all the same. The longest, which are alone, begin first.
 */
function inProcesses(files: readonly string[]): string[][] {
  const isShared = (file: string) => shared.test(file) && !alone.test(file)
  const folders = Map.groupBy(files.filter(isShared), (file) => dirname(file))
  const groups = [...folders.values()].flatMap((inside) =>
    Array.from({ length: Math.ceil(inside.length / mostTogether) }, (_, n) =>
      inside.slice(n * mostTogether, (n + 1) * mostTogether),
    ),
  )
  return [...files.filter((file) => !isShared(file)).map((file) => [file]), ...groups]
}

function nameOfSome(files: readonly string[]): string {
  const names = files.map((file) => basename(file, '.test.ts'))
  return `${dirname(files[0] as string)}/{${names.join(',')}}.test.ts`
}

function print({ file, milliseconds, passed, failed, failures, skipped, output }: FileReport): void {
  const counts = [
    `${passed} passed`,
    failed && `${failed} failed`,
    skipped.length && `${skipped.length} skipped`,
  ]
  console.log(
    `${failures.length ? 'FAIL' : 'ok  '} ${file}  ${counts.filter(Boolean).join(', ')}  ${seconds(milliseconds)}`,
  )
  for (const { name, detail } of failures) console.log(indent(`\n✗ ${name}\n${indent(detail)}`))
  if (failures.length && output.trim()) console.log(indent(`\nIt wrote:\n${indent(output.trimEnd())}`))
  if (failures.length) console.log()
}

function summarise(reports: FileReport[], notes: string[]): number {
  const folders = Map.groupBy(reports, ({ file }) => dirname(file))
  console.log('\nTime by folder')
  for (const [folder, inside] of folders) {
    console.log(
      `  ${folder}  ${seconds(sum(inside, ({ milliseconds }) => milliseconds))}, ${inside.length} processes`,
    )
  }
  const skipped = reports.flatMap((report) => report.skipped.map((skip) => ({ ...skip, file: report.file })))
  if (skipped.length) console.log('\nSkipped')
  for (const { file, name, reason } of skipped) console.log(`  ${file}: ${name} (${reason})`)
  for (const note of notes) console.log(`\n${note}`)
  if (interrupted.signal.aborted)
    console.log(`\nStopped by ${interrupted.signal.reason}: not every file has run.`)
  const passed = sum(reports, (report) => report.passed)
  const failed = sum(reports, (report) => report.failed)
  if (passed + failed === 0) console.log('\nNo test ran.')
  console.log(`\n${passed} passed, ${failed} failed, ${skipped.length} skipped`)
  return interrupted.signal.aborted ? 130 : failed > 0 || passed === 0 ? 1 : 0
}

function sum(reports: FileReport[], of: (report: FileReport) => number): number {
  return reports.reduce((total, report) => total + of(report), 0)
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '    ')
}
