import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { createServer } from 'node:net'
import { basename, join } from 'node:path'
import pg from 'pg'
import { findPlace, type Place, testFolders } from './embedded-place.ts'
import { commandLine, type Lock, lockHolder, takeLock, waitUntil } from './process-lock.ts'

export type EmbeddedOptions = {
  /** The clone. Its data stay from start to start; those of `test` go when the server stops. */
  folder: string
  purpose: 'data' | 'test'
  database?: string
}

export type Embedded = {
  url: string
  dataFolder: string
  logFile: string
  /** True when the database was made by this start. */
  startedFresh: boolean
  /** True when the data lie elsewhere, because the unprivileged user cannot reach the clone. */
  outsideClone: boolean
  stop(): Promise<void>
}

type Cluster = Place & { data: string; log: string; password: string }

/** Starts a PostgreSQL of this clone's own on a free port of 127.0.0.1, or throws an error that says what to do. */
export async function startEmbedded(options: EmbeddedOptions): Promise<Embedded> {
  const { folder, purpose, database = 'care_connect' } = options
  if (purpose === 'test') await removeAbandonedTests()
  const place = findPlace(folder, purpose)
  const lock = takeLock(join(place.base, 'start.pid'), (pid) => alreadyRuns(folder, pid))
  try {
    const cluster = await openCluster(place, purpose)
    const { server, port } = await startServer(cluster, purpose)
    const stop = stopOnce(server, lock, purpose === 'test' ? place.base : undefined)
    const url = urlOf(port, cluster.password, database)
    const startedFresh = await createMissing(urlOf(port, cluster.password, 'postgres'), database).catch(
      async (error) => {
        await stop()
        throw error
      },
    )
    const { data: dataFolder, log: logFile, outsideClone } = cluster
    return { url, dataFolder, logFile, startedFresh, outsideClone, stop }
  } catch (error) {
    lock.release()
    if (purpose === 'test') rmSync(place.base, { recursive: true, force: true })
    throw error
  }
}

async function openCluster(place: Place, purpose: 'data' | 'test'): Promise<Cluster> {
  const data = join(place.base, 'postgres')
  const log = join(place.base, 'postgres.log')
  const passwordFile = join(place.base, 'postgres.password')
  if (existsSync(data)) {
    checkVersion(data, place.version)
    await stopLeftover(data)
  } else {
    const password = randomBytes(24).toString('base64url')
    rmSync(passwordFile, { force: true })
    writeFileSync(passwordFile, password, { mode: 0o600 })
    initialise(place, data, password, purpose)
  }
  return { ...place, data, log, password: readFileSync(passwordFile, 'utf8').trim() }
}

/** Makes the cluster beside its place and moves it there whole, so that an interrupted start leaves no half of one. */
function initialise(place: Place, data: string, password: string, purpose: 'data' | 'test'): void {
  const draft = `${data}.new`
  rmSync(draft, { recursive: true, force: true })
  mkdirSync(draft, { mode: 0o700 })
  // Only a file will do: initdb does not read a password from a pipe.
  const passwordFile = `${draft}.password`
  rmSync(passwordFile, { force: true })
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 })
  if (place.user) for (const path of [draft, passwordFile]) chownSync(path, place.user.uid, place.user.gid)
  const made = spawnSync(
    join(place.programs, 'initdb'),
    [
      `--pgdata=${draft}`,
      '--username=postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(purpose === 'test' ? ['--no-sync'] : []),
    ],
    { ...place.user, cwd: '/', env: environment(), encoding: 'utf8' },
  )
  rmSync(passwordFile, { force: true })
  if (made.status === 0) {
    renameSync(draft, data)
    return
  }
  const said = `${made.error?.message ?? ''}\n${made.stdout ?? ''}\n${made.stderr ?? ''}`
  throw new Error(`PostgreSQL could not make its data folder ${data}:\n${lastLines(said)}\n${advice}`)
}

async function startServer(cluster: Cluster, purpose: 'data' | 'test') {
  if (existsSync(cluster.log)) renameSync(cluster.log, `${cluster.log}.previous`)
  for (let attempt = 1; ; attempt++) {
    const port = await freePort()
    const server = launch(cluster, port, purpose)
    const state = () => (hasEnded(server) ? 'ended' : statusLine(cluster.data, server.pid))
    // Crash recovery may take its time: what answers "starting" is waited for.
    await waitUntil(() => state() === 'ready' || state() === 'ended', 120_000)
    if (state() === 'ready') return { server, port }
    await end(server)
    const said = readFileSync(cluster.log, 'utf8')
    // Another program may take the port between our look and the server's.
    if (attempt < 5 && said.includes('could not bind')) continue
    throw new Error(`PostgreSQL did not start (log: ${cluster.log}):\n${lastLines(said)}\n${advice}`)
  }
}

function launch(cluster: Cluster, port: number, purpose: 'data' | 'test'): ChildProcess {
  const log = openSync(cluster.log, 'a', 0o600)
  const values = { ...settings, ...(purpose === 'test' ? testSettings : {}), port: String(port) }
  const flags = Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  try {
    // Detached: Ctrl-C in the terminal is for the program that uses this server; that one stops it in its turn.
    const server = spawn(join(cluster.programs, 'postgres'), ['-D', cluster.data, ...flags], {
      ...cluster.user,
      cwd: '/',
      env: environment(),
      stdio: ['ignore', log, log],
      detached: true,
    })
    server.on('error', (error) => writeFileSync(cluster.log, `${error.message}\n`, { flag: 'a' }))
    server.unref()
    return server
  } finally {
    closeSync(log)
  }
}

const settings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '100',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // Statements and details of errors can hold what patients wrote: neither goes to the log.
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
}

const testSettings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  // Databases that live for seconds need no care.
  autovacuum: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_connections: '200',
}

/** A server outlives a parent that was killed: stops the one of this very data folder. */
async function stopLeftover(data: string): Promise<void> {
  const pidFile = join(data, 'postmaster.pid')
  if (!existsSync(pidFile)) return
  const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
  const runs = () => isServerOf(commandLine(pid), data)
  if (!runs()) {
    // PostgreSQL itself clears the file of a dead server, with a look for that server's children; what it
    // cannot tell is that the number now belongs to some other program.
    if (commandLine(pid) !== undefined || Number.isNaN(pid)) rmSync(pidFile, { force: true })
    return
  }
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    process.kill(pid, signal)
    if (await waitUntil(() => !runs(), 10_000)) return
  }
  throw new Error(
    `A PostgreSQL of an earlier start (process ${pid}) does not stop. Stop it with: kill -QUIT ${pid}`,
  )
}

function isServerOf(command: string[] | undefined, data: string): boolean {
  if (!command || basename(command[0] ?? '') !== 'postgres') return false
  return command[command.indexOf('-D') + 1] === data
}

/** Test servers whose runner was killed are stopped by the next one. */
async function removeAbandonedTests(): Promise<void> {
  for (const base of testFolders()) {
    const ours = statSync(base, { throwIfNoEntry: false })?.uid === process.getuid?.()
    if (!ours || !existsSync(join(base, 'start.pid')) || lockHolder(join(base, 'start.pid'))) continue
    await stopLeftover(join(base, 'postgres')).catch(() => {})
    rmSync(base, { recursive: true, force: true })
  }
}

function stopOnce(server: ChildProcess, lock: Lock, temporary: string | undefined): () => Promise<void> {
  const onExit = () => server.kill('SIGINT')
  process.once('exit', onExit)
  let stopping: Promise<void> | undefined
  return () => {
    stopping ??= end(server).finally(() => {
      process.removeListener('exit', onExit)
      lock.release()
      if (temporary) rmSync(temporary, { recursive: true, force: true })
    })
    return stopping
  }
}

async function end(server: ChildProcess): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded(server)) return
    server.kill(signal)
    await waitUntil(() => hasEnded(server), 10_000)
  }
}

function hasEnded(server: ChildProcess): boolean {
  return server.pid === undefined || server.exitCode !== null || server.signalCode !== null
}

/** The last word of `postmaster.pid` says how far the server is. */
function statusLine(data: string, pid: number | undefined): string | undefined {
  const file = join(data, 'postmaster.pid')
  if (!existsSync(file)) return undefined
  const lines = readFileSync(file, 'utf8').split('\n')
  return Number(lines[0]) === pid ? lines[7]?.trim() : undefined
}

async function createMissing(adminUrl: string, database: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [database])
    if (found.rowCount) return false
    await client.query(`create database ${pg.escapeIdentifier(database)}`)
    return true
  } finally {
    await client.end()
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}

function checkVersion(data: string, version: string): void {
  const made = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim()
  if (version.startsWith(`${made}.`)) return
  throw new Error(
    `The data in ${data} were written by PostgreSQL ${made}; this one is ${version}. ` +
      'Go back to the release that wrote them and export, or move the folder away to start empty.',
  )
}

function urlOf(port: number, password: string, database: string): string {
  return `postgresql://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`
}

function environment(): NodeJS.ProcessEnv {
  return { PATH: '/usr/bin:/bin', LC_ALL: 'C' }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-15).join('\n')
}

function alreadyRuns(folder: string, pid: number): Error {
  return new Error(
    `Care Connect already runs from ${folder} (process ${pid}) and its data can be open only once. ` +
      `Stop that one (Ctrl-C in its terminal, or: kill ${pid}), or start this one from another clone.`,
  )
}

const advice =
  'Check that the disk has space and the folder is writable, or set DATABASE_URL to a PostgreSQL of your own.'
