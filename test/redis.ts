import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TestRedis = { url: string; stop(): Promise<void> } | { missing: string }

/** Starts a Redis that keeps nothing on a free port of 127.0.0.1, or says why there is none. */
export async function startRedis(): Promise<TestRedis> {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'care-connect-redis-'))
  const clean = () => rmSync(folder, { recursive: true, force: true })
  const server = spawn(
    'redis-server',
    ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder],
    { stdio: ['ignore', 'pipe', 'ignore'], detached: true },
  )
  process.once('exit', () => server.kill('SIGKILL'))
  const ended = new Promise<string>((resolve) => {
    server.once('error', (error) => resolve(`redis-server cannot be started: ${error.message}`))
    server.once('exit', (code) => resolve(`redis-server ended with exit code ${code}`))
  })
  const ready = new Promise<'ready'>((resolve) => {
    server.stdout.setEncoding('utf8').on('data', (text: string) => {
      if (text.includes('Ready to accept connections')) resolve('ready')
    })
  })
  const outcome = await Promise.race([ready, ended])
  if (outcome !== 'ready') {
    clean()
    return { missing: outcome }
  }
  const stop = async () => {
    server.kill('SIGTERM')
    await ended
    clean()
  }
  return { url: `redis://127.0.0.1:${port}`, stop }
}

/** A port of 127.0.0.1 that nobody has at this moment, for who must name it before listening. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().on('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })
}
