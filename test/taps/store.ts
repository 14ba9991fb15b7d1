import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { type Embedded, startEmbedded } from '../../prisma/embedded.ts'
import { applyMigrations } from '../../prisma/engine.ts'

/** A PostgreSQL of the test's own that can be killed like one that crashes, and started again with its data. */
export type KillableStore = {
  url: string
  /** Kills it, and starts it again on the same port. */
  crash(): Promise<void>
  stop(): Promise<void>
}

/** Starts one and migrates it. What is committed survives its death, as it does in production. */
export async function startKillableStore(folder: string): Promise<KillableStore> {
  const embedded = await startEmbedded({ folder, purpose: 'test', database: 'taps' })
  await onServer(embedded.url, (client) => client.query('alter database taps set synchronous_commit = on'))
  await applyMigrations(embedded.url)
  let own: ChildProcess | undefined
  return {
    url: embedded.url,
    async crash() {
      const { pid, command } = running(embedded)
      process.kill(pid, 'SIGKILL')
      await gone(embedded, pid)
      own = await startAgain(embedded, command)
    },
    async stop() {
      if (own !== undefined) {
        own.kill('SIGQUIT')
        if (own.exitCode === null && own.signalCode === null) await once(own, 'exit')
      }
      await embedded.stop()
    },
  }
}

function running({ dataFolder }: Embedded): { pid: number; command: string[] } {
  const pid = Number.parseInt(readFileSync(join(dataFolder, 'postmaster.pid'), 'utf8'), 10)
  const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1)
  return { pid, command }
}

// Its children notice that it is gone, and go too; before that nobody may take over its data.
async function gone({ dataFolder }: Embedded, pid: number): Promise<void> {
  const children = () => {
    try {
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8') !== ''
    } catch {
      return false
    }
  }
  while (children()) await new Promise(setImmediate)
  statSync(dataFolder)
}

async function startAgain(embedded: Embedded, [program = '', ...flags]: string[]): Promise<ChildProcess> {
  const { uid, gid } = statSync(embedded.dataFolder)
  for (;;) {
    const server = spawn(program, flags, { uid, gid, cwd: '/', stdio: 'ignore', env: { LC_ALL: 'C' } })
    const ended = once(server, 'exit').then(() => 'ended' as const)
    for (;;) {
      const ready = await onServer(embedded.url, (client) => client.query('select 1')).then(
        () => 'ready' as const,
        () => 'not yet' as const,
      )
      if (ready === 'ready') return server
      // The shared memory of the one that was killed may still be in use for a moment.
      if ((await Promise.race([ended, new Promise((go) => setTimeout(go, 50, 'on'))])) === 'ended') break
    }
  }
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
