import { readdirSync, readFileSync } from 'node:fs'

/** The processor time that a process has used, in seconds, as Linux counts it. */
export function cpuSeconds(pid: number): number {
  const { user, system } = statOf(pid)
  return (user + system) / TICKS_PER_SECOND
}

/** The same with its children, those that have ended too. */
export function cpuSecondsWithChildren(pid: number): number {
  const { user, system, childUser, childSystem } = statOf(pid)
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => tryStatOf(Number(name)))
    .filter((stat) => stat?.parent === pid)
  const living = children.reduce((sum, stat) => sum + (stat?.user ?? 0) + (stat?.system ?? 0), 0)
  return (user + system + childUser + childSystem + living) / TICKS_PER_SECOND
}

/** The process that has started this one. */
export function parentOf(pid: number): number {
  return statOf(pid).parent
}

/** The memory that a process holds, in bytes, and the most it has held. */
export function memoryOf(pid: number): { now: number; most: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const kilobytes = (name: string) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(text)?.[1])
  return { now: kilobytes('VmRSS') * 1_024, most: kilobytes('VmHWM') * 1_024 }
}

// USER_HZ, which is 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100

type Stat = { parent: number; user: number; system: number; childUser: number; childSystem: number }

function statOf(pid: number): Stat {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name before it may hold anything, also a bracket.
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const [, parent = 0] = fields
  const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15)
  return { parent, user, system, childUser, childSystem }
}

/** A process may end while it is looked at. */
function tryStatOf(pid: number): Stat | null {
  try {
    return statOf(pid)
  } catch {
    return null
  }
}
