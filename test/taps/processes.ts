import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

/** A program that is killed and started again, on the same port. */
export type Killable = { crash(): Promise<void>; stop(): Promise<void> }

/** Starts a TypeScript file of this folder as a process of its own; it is ready when it says something. */
export async function startProgram(file: string, env: NodeJS.ProcessEnv): Promise<Killable> {
  const start = () => ready(spawn(process.execPath, [join(import.meta.dirname, file)], spawning(env)))
  return killable(start)
}

/** Starts a Redis that keeps nothing: killed, it has forgotten everything. */
export async function startForgetfulRedis(port: number): Promise<Killable> {
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no']
  return killable(() => ready(spawn('redis-server', flags, spawning({}))))
}

async function killable(start: () => Promise<ChildProcess | undefined>): Promise<Killable> {
  // One that does not come up is started again, as whoever runs it would have it done.
  const startAtLast = async (): Promise<ChildProcess> => (await start()) ?? startAtLast()
  let child = await startAtLast()
  return {
    async crash() {
      await kill(child)
      child = await startAtLast()
    },
    stop: () => kill(child),
  }
}

function spawning(env: NodeJS.ProcessEnv) {
  return {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'],
  }
}

const UP_MS = 20_000

async function ready(child: ChildProcess): Promise<ChildProcess | undefined> {
  const { stdout } = child
  if (stdout === null) throw new Error('a program without an output')
  const limit = AbortSignal.timeout(UP_MS)
  const up = await Promise.race([
    once(stdout, 'data', { signal: limit }).then(
      () => true,
      () => false,
    ),
    once(child, 'exit').then(() => false),
  ])
  stdout.resume()
  if (!up) await kill(child)
  return up ? child : undefined
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}
