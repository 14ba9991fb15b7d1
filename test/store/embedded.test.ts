import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { type Embedded, startEmbedded } from '../../prisma/embedded.ts'

// One clone for the whole file: making a cluster is what takes the time. Each test leaves it stopped.
const clone = t.testdir()
chmodSync(clone, 0o755)
const start = () => startEmbedded({ folder: clone, purpose: 'data' })
const base = ({ dataFolder }: Embedded) => dirname(dataFolder)
let last: Embedded

t.teardown(() => {
  if (last?.outsideClone) rmSync(base(last), { recursive: true, force: true })
})

t.test('the first start makes a database that only the password opens', async (t) => {
  last = await start()
  t.equal(last.startedFresh, true)
  t.equal(statSync(join(base(last), 'postgres.password')).mode & 0o777, 0o600)
  t.equal(statSync(last.dataFolder).mode & 0o777, 0o700)
  t.equal(await ask(last.url, 'show listen_addresses'), '127.0.0.1')
  t.equal(await ask(last.url, `select lower('ÄÉ')`), 'äé')
  const wrong = new URL(last.url)
  wrong.password = 'guessed'
  await t.rejects(ask(wrong.href, 'select 1'), { code: '28P01' })
  await ask(last.url, 'create table kept as select 42 as answer')
  await last.stop()
  await t.rejects(ask(last.url, 'select 1'), { code: 'ECONNREFUSED' })
})

t.test('a later start finds what was stored, well within a second', async (t) => {
  const before = performance.now()
  last = await start()
  t.comment(`${Math.round(performance.now() - before)} ms`)
  t.equal(last.startedFresh, false)
  t.equal(await ask(last.url, 'select answer from kept'), 42)
  await last.stop()
})

t.test('a second start of the same clone is refused while the first lives', async (t) => {
  last = await start()
  await t.rejects(start(), { message: new RegExp(`already runs .*process ${process.pid}`) })
  t.equal(await ask(last.url, 'select answer from kept'), 42)
  await last.stop()
})

t.test('a server whose parent was killed is stopped by the next start, and its data are kept', async (t) => {
  const url = await startAndKill(clone)
  t.equal(await ask(url, 'select answer from kept'), 42, 'it lives on')
  last = await start()
  await t.rejects(ask(url, 'select 1'), { code: 'ECONNREFUSED' })
  t.equal(await ask(last.url, 'select answer from kept'), 42)
  await last.stop()
})

t.test('a lock and a server file whose numbers now belong to other processes do not matter', async (t) => {
  writeFileSync(join(base(last), 'start.pid'), `${process.pid} 1\n`)
  writeFileSync(join(last.dataFolder, 'postmaster.pid'), `${process.pid}\n${last.dataFolder}\n`)
  last = await start()
  t.equal(await ask(last.url, 'select answer from kept'), 42)
  await last.stop()
})

t.test('a server that cannot start says why and what to do', async (t) => {
  const configuration = join(last.dataFolder, 'postgresql.auto.conf')
  const good = readFileSync(configuration)
  writeFileSync(configuration, 'shared_buffers = many\n')
  await t.rejects(start(), { message: /did not start[\s\S]*shared_buffers[\s\S]*DATABASE_URL/ })
  writeFileSync(configuration, good)
})

t.test('data of another major version are left alone', async (t) => {
  const version = join(last.dataFolder, 'PG_VERSION')
  const right = readFileSync(version)
  writeFileSync(version, '17\n')
  await t.rejects(start(), { message: /written by PostgreSQL 17/ })
  writeFileSync(version, right)
  last = await start()
  t.equal(await ask(last.url, 'select answer from kept'), 42)
  await last.stop()
})

t.test('the log names no statement and no value', async (t) => {
  last = await start()
  await t.rejects(ask(last.url, `select 'the patient said' from nowhere`))
  await t.rejects(ask(last.url, `do $$ begin raise exception 'x' using detail = 'the patient said'; end $$`))
  await last.stop()
  t.notMatch(readFileSync(last.logFile, 'utf8'), 'the patient said')
})

t.test('a test server leaves nothing behind', async (t) => {
  const server = await startEmbedded({ folder: clone, purpose: 'test' })
  t.equal(await ask(server.url, 'show fsync'), 'off')
  await Promise.all([server.stop(), server.stop()])
  t.notOk(existsSync(base(server)))
})

async function ask(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<unknown[]>({ text: sql, rowMode: 'array' })
    return rows[0]?.[0]
  } finally {
    await client.end()
  }
}

/** Starts the clone's server from another process, which then ends as by `kill -9`; gives the server's address. */
async function startAndKill(folder: string): Promise<string> {
  const embedded = new URL('../../prisma/embedded.ts', import.meta.url).href
  const script = `
    import { startEmbedded } from ${JSON.stringify(embedded)}
    const { url } = await startEmbedded({ folder: ${JSON.stringify(folder)}, purpose: 'data' })
    process.stdout.write(url, () => process.kill(process.pid, 'SIGKILL'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let url = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    url += text
  })
  await once(child, 'close')
  return url
}
