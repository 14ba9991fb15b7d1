import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { readContract } from '../../api/contract/contract.ts'
import { applyLedger } from '../../domain/apply-ledger.ts'
import { openFileLedger } from '../../ledger/file-ledger.ts'
import { createLog } from '../../log.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { applyMigrations } from '../../prisma/engine.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { call, draft, ledgerFile, PUBLIC_URL, SERVICE } from '../api/harness.ts'
import { type Keys, prepare } from '../api/prepared.ts'
import { asAdministrator } from '../database.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '../..')
const [programs] = globSync('/usr/lib/postgresql/*/bin/pg_dump').map((file) => dirname(file))

t.test(
  'the steps of docs/deployment.md back a store up and restore it, without what was erased since',
  { skip: programs === undefined && 'there is no pg_dump on this machine' },
  async (t) => {
    const { server, env } = await startServer(t, programs as string)
    const keys = newVaultKey('backup')
    const ledger = ledgerFile(t)
    const url = server.replace(/\/postgres$/, '/care_connect')
    await asAdministrator(server, async (client) => {
      await client.query('create role care_connect login superuser')
      await client.query('create database care_connect owner care_connect')
    })
    await applyMigrations(url)
    const folder = mkdtempSync(join(tmpdir(), 'care-connect-backup-'))
    t.teardown(async () => rmSync(folder, { recursive: true, force: true }))
    const follow = (lines: readonly string[]) =>
      run('bash', ['-euc', lines.map(inClone).join('\n')], {
        cwd: folder,
        env: { ...env, DATABASE_URL: url, ENCRYPTION_KEYS: keys, ERASURE_LEDGER: ledger },
      })
    const [backup = [], restore = []] = stepsOf('Backup and restore')

    const before = await open({ url, keys, ledger })
    const callers = await prepare(before.db)
    const [kept, gone] = [await tell(before, callers), await tell(before, callers)]
    await follow(backup)
    const erased = await before.call({
      method: 'POST',
      url: '/v1/erasures',
      key: callers.administrator,
      headers: { 'acting-user': 'person-1' },
      body: { case: gone, reason: 'request' },
    })
    t.match(erased.body, { cases: 1 })
    await before.close()
    await asAdministrator(server, (client) => client.query('drop database care_connect'))

    const { stdout } = await follow(restore)
    t.match(stdout, /up to date|applied/)
    const after = await open({ url, keys, ledger })
    t.teardown(() => after.close())
    const read = (reference: string) =>
      after.call({ url: `/v1/cases/${reference}`, key: callers.case_handler })
    t.match((await read(kept)).body, { original: { text: 'We waited for hours. (Invented.)' } })
    t.match((await read(gone)).body, { publication: 'removed', decisionReason: 'erased', contact: null })
    t.notMatch((await read(gone)).text, /waited for hours/)
  },
)

/** The lines of each block of commands in a section of docs/deployment.md. */
function stepsOf(section: string): string[][] {
  const page = readFileSync(join(root, 'docs/deployment.md'), 'utf8')
  const [, after = ''] = page.split(`\n## ${section}\n`)
  const [text = ''] = after.split('\n## ')
  return [...text.matchAll(/^```\n([\s\S]*?)^```$/gm)].map(([, lines = '']) => lines.trim().split('\n'))
}

function inClone(line: string): string {
  return line.startsWith('npm ') ? `(cd '${root}' && ${line})` : line
}

type Opening = { url: string; keys: string; ledger: string }

async function open({ url, keys, ledger }: Opening) {
  const db = openDb({ url, vaultKeys: keys, max: 4, applicationName: 'backup' })
  const file = openFileLedger(ledger, db.vault)
  await applyLedger(db, file, new Date())
  const app = await createApp({
    contract: readContract(),
    db,
    publicUrl: PUBLIC_URL,
    logger: createLog('silent'),
    requestsPerMinute: 10_000,
    intakePerMinute: 10_000,
    service: SERVICE,
    dataVersion: false,
    ledger: file,
  })
  const close = async () => {
    await app.close()
    await closeDb(db)
  }
  return { db, close, call: (request: Parameters<typeof call>[1]) => call(app, request) }
}

async function tell({ call }: Awaited<ReturnType<typeof open>>, { integrator }: Keys): Promise<string> {
  const { body } = await call({ method: 'POST', url: '/v1/cases', key: integrator, body: draft() })
  return body.reference
}

async function startServer(t: Test, bin: string): Promise<{ server: string; env: NodeJS.ProcessEnv }> {
  const folder = mkdtempSync(join(tmpdir(), 'care-connect-postgres-'))
  const data = join(folder, 'data')
  mkdirSync(data)
  chmodSync(folder, 0o755)
  const as = await userOf(data)
  const creating = ['--auth=trust', '--username=postgres', '--encoding=UTF8', '--no-sync', '-D', data]
  await run(join(bin, 'initdb'), creating, { cwd: folder, ...as })
  const port = await freePort()
  const settings = [`port=${port}`, 'listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off']
  const args = ['-D', data, ...settings.flatMap((one) => ['-c', one])]
  const stdio: ['ignore', 'ignore', 'pipe'] = ['ignore', 'ignore', 'pipe']
  const child = spawn(join(bin, 'postgres'), args, { cwd: folder, stdio, ...as })
  t.teardown(async () => {
    await ended(child)
    rmSync(folder, { recursive: true, force: true })
  })
  await ready(child)
  const env = {
    ...process.env,
    PATH: [bin, join(root, 'node_modules/.bin'), process.env.PATH].join(delimiter),
    PGHOST: '127.0.0.1',
    PGPORT: String(port),
    PGUSER: 'postgres',
  }
  return { server: `postgresql://postgres@127.0.0.1:${port}/postgres`, env }
}

/** Root may not run PostgreSQL: whoever does instead, who owns `data` from then on. */
async function userOf(data: string): Promise<{ uid?: number; gid?: number }> {
  if (process.getuid?.() !== 0) return {}
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (flag) => Number((await run('id', [flag, 'postgres'])).stdout)),
  )
  await run('chown', ['postgres', data])
  return { uid, gid } as { uid: number; gid: number }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text
      if (said.includes('ready to accept connections')) resolve()
    })
    child.once('exit', () => reject(new Error(`PostgreSQL did not start:\n${said}`)))
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = once(child, 'exit')
  child.kill('SIGINT')
  await exit
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })
}
