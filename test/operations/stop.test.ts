import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { stopApi } from '../../api/stop.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { SERVICE } from '../api/harness.ts'
import { testDatabase } from '../database.ts'
import { organisations } from '../domain/ingest-store.ts'
import { serve } from '../net/servers.ts'
import { freePort } from '../redis.ts'
import { caseCount, polledSource, rss, runsOf, send, sourceRow, until } from '../workers/poll-setting.ts'

const root = join(import.meta.dirname, '../..')
const vaultKeys = newVaultKey('test')
const { url: databaseUrl } = await testDatabase(t)
const db = openDb({ url: databaseUrl, vaultKeys, max: 6, applicationName: 'test' })
t.teardown(() => closeDb(db))
await organisations(db)

t.test('the API finishes what it has taken, and says beforehand that it takes no more', async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const api = await startProcess(
    t,
    'api/server.ts',
    { PORT: String(port), DRAIN_SECONDS: '2' },
    'api listens',
  )
  t.equal((await fetch(`${url}/readyz`)).status, 200)
  const stream = await fetch(`${url}/v1/events/stream`)
  t.equal(stream.status, 200)
  const streamed = stream.text()

  const unlock = await lockCategories(db)
  const slow = fetch(`${url}/v1/categories`)
  await until('the request waits', () => someoneWaits(db))
  api.child.kill('SIGTERM')
  await until('it is not ready', async () => (await fetch(`${url}/readyz`)).status === 503)
  t.equal((await fetch(`${url}/livez`)).status, 200)
  t.equal((await fetch(`${url}/v1/service`)).status, 200, 'who had not heard yet is answered')
  await until('it listens no more', () => fetch(`${url}/livez`).then(noLonger, isRefused))
  await unlock()

  t.equal((await slow).status, 200, 'what was under way has its answer')
  t.type(await streamed, 'string', 'the stream has its end')
  t.equal(await api.exit, 0)
  t.match(api.output(), /"msg":"api stopped"/)
})

t.test('who is not finished in time loses the connection, and the API stops', async (t) => {
  const app = await createApp({
    db,
    publicUrl: 'https://api.test.example',
    logger: false,
    requestsPerMinute: 1_000,
    intakePerMinute: 1_000,
    service: SERVICE,
    dataVersion: false,
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const unlock = await lockCategories(db)
  const hanging = fetch(`${url}/v1/categories`).then(
    ({ status }) => status,
    () => 'cut off',
  )
  await until('the request waits', () => someoneWaits(db))
  await stopApi(app, { limitMs: 200 })
  t.equal(await hanging, 'cut off')
  await unlock()
})

t.test('a worker finishes the poll that it holds, and takes no other', async (t) => {
  const asked = Promise.withResolvers<void>()
  const answered = Promise.withResolvers<void>()
  const provider = await serve(t, async (_, response) => {
    asked.resolve()
    await answered.promise
    send(response, rss(['a', 'b']))
  })
  await polledSource(db, `${provider.url}/stories.rss`)
  await rows(db.pool, `update sources set next_check_at = now() where name = 'polled'`)
  const worker = await startProcess(
    t,
    'workers/main.ts',
    { ALLOW_PRIVATE: provider.authority, POLL_EVERY_SECONDS: '1', POLL_GAP_MS: '0' },
    'worker started',
  )
  await asked.promise
  worker.child.kill('SIGTERM')
  await polledSource(db, `${provider.url}/other.rss`, { name: 'other' })
  await rows(db.pool, `update sources set next_check_at = now() where name = 'other'`)
  answered.resolve()

  t.equal(await worker.exit, 0)
  t.match(worker.output(), /"msg":"worker stopped"/)
  t.notMatch(worker.output(), /stopped while jobs were running/)
  t.equal(await caseCount(db), 2, 'nothing of it is lost')
  t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'changed' }])
  const { claimed_until, next_check_at } = await sourceRow(db)
  t.equal(claimed_until, null, 'the lease was given back')
  t.ok(Date.parse(String(next_check_at)) > Date.now())
  t.same(await runsOf(db, 'other'), [])
})

async function startProcess(t: Test, entry: string, settings: NodeJS.ProcessEnv, ready: string) {
  const child = spawn(process.execPath, [entry], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      DATABASE_URL: databaseUrl,
      ENCRYPTION_KEYS: vaultKeys,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  t.teardown(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exit
  })
  await sayingSo(child, said, ready)
  return { child, exit, output: () => said.join('') }
}

async function sayingSo({ stdout, stderr }: ChildProcess, said: string[], ready: string): Promise<void> {
  for (const out of [stdout, stderr]) out?.setEncoding('utf8').on('data', (text: string) => said.push(text))
  await until(ready, async () => said.join('').includes(ready))
}

async function lockCategories(db: Db): Promise<() => Promise<void>> {
  const connection = await db.pool.connect()
  await connection.query('begin; lock table categories in access exclusive mode')
  return async () => {
    await connection.query('commit')
    connection.release()
  }
}

async function someoneWaits(db: Db): Promise<boolean> {
  const waiting = await rows(
    db.pool,
    `select 1 from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock' and query like '%categories%'`,
  )
  return waiting.length > 0
}

const noLonger = (): boolean => false
const isRefused = (): boolean => true
