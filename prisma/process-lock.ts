import { execFileSync } from 'node:child_process'
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

export type Lock = { release(): void }

/** Takes the lock file for this process, or throws `heldBy(pid)` when a living process holds it. */
export function takeLock(file: string, heldBy: (pid: number) => Error): Lock {
  const mine = `${process.pid} ${startTime(process.pid) ?? ''}\n`
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, mine, { mode: 0o644 })
  try {
    // A link appears whole or not at all, so nobody reads a half-written lock.
    while (!tryLink(draft, file)) {
      const holder = lockHolder(file)
      if (holder !== undefined) throw heldBy(holder)
      removeStale(file)
    }
  } finally {
    rmSync(draft, { force: true })
  }
  return {
    release() {
      if (readOr(file) === mine) rmSync(file, { force: true })
    },
  }
}

/** The pid of the living process that holds the lock file, or undefined. */
export function lockHolder(file: string): number | undefined {
  const [pid, ...started] = (readOr(file) ?? '').trim().split(' ')
  const held = pid ? startTime(Number(pid)) : undefined
  return held !== undefined && held === started.join(' ') ? Number(pid) : undefined
}

/** The command line of a living process, or undefined when there is none. */
export function commandLine(pid: number): string[] | undefined {
  if (process.platform === 'linux') return readOr(`/proc/${pid}/cmdline`)?.split('\0').slice(0, -1)
  return ps(pid, 'command')?.split(' ')
}

/** Waits until `done()` is true; false when that takes longer than `milliseconds`. */
export async function waitUntil(done: () => boolean, milliseconds: number): Promise<boolean> {
  const end = Date.now() + milliseconds
  while (!done()) {
    if (Date.now() > end) return false
    await sleep(10)
  }
  return true
}

/** What tells a process from a later one with the same pid: when it started, or undefined when it is gone. */
function startTime(pid: number): string | undefined {
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  if (process.platform !== 'linux') return ps(pid, 'lstart')
  const stat = readOr(`/proc/${pid}/stat`)
  // The second field is the command in brackets and may itself hold spaces and brackets.
  const fields = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
  return fields && fields[0] !== 'Z' ? fields[19] : undefined
}

/** Two processes may find the same stale lock: only what is still stale after it was moved away is removed. */
function removeStale(file: string): void {
  const aside = `${file}.stale.${process.pid}`
  try {
    renameSync(file, aside)
  } catch {
    return
  }
  if (lockHolder(aside) !== undefined) tryLink(aside, file)
  rmSync(aside, { force: true })
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function ps(pid: number, field: string): string | undefined {
  try {
    const output = execFileSync('ps', ['-o', `${field}=`, '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      env: { ...process.env, LC_ALL: 'C' },
    })
    return output.trim() || undefined
  } catch {
    return undefined
  }
}

function readOr(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
