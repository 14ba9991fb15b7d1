// npm run bench:log [-- --quick]: from just before a COMMIT to whoever follows the change log, beside a bare LISTEN/NOTIFY of the
// same line; and what it costs to be listened to. Everything in processes of their own, on a store that waits for its disk.
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { placeEvents } from '../domain/change-log.ts'
import { createClient } from '../domain/clients.ts'
import { applyMigrations } from '../prisma/engine.ts'
import { makeCases } from '../test/api/made-cases.ts'
import { asAdministrator, createDatabase, databaseUrl, dropDatabase } from '../test/database.ts'
import { type Server, startServer } from './compare.ts'
import type { ReadReport, Way } from './log-reader.ts'
import type { WriteOrder, WriteReport } from './log-writer.ts'
import { memoryOf } from './processes.ts'
import { median, printTable } from './setting.ts'
import { BENCH_KEYS, openBenchDb, openStore } from './store.ts'
import { HEAD, plainRow, type Row } from './target-rows.ts'

const QUICK = process.argv.includes('--quick')
const ROUNDS = QUICK ? 2 : 5
const MILLISECONDS = QUICK ? 2_000 : 5_000
const LISTENERS = QUICK ? 2_500 : 10_000
const MODERATE = 50
const PATIENCE_MS = 60_000
const MOST = 3

const store = await openStore()
const name = `care_bench_log_${process.pid}`
const url = databaseUrl(store.server, name)
// Undone in turn, the last first.
const undo: (() => unknown)[] = [() => store.stop()]
try {
  await asAdministrator(store.server, (client) => createDatabase(client, name))
  undo.push(() => asAdministrator(store.server, (client) => dropDatabase(client, name)))
  await applyMigrations(url)
  const key = await fill()
  await bench(key)
} finally {
  for (const step of undo.reverse()) await step()
}

async function fill(): Promise<string> {
  const db = openBenchDb(url, 2)
  await db.prisma.organisation.create({
    data: { code: 'T01', name: 'Example Trust', kind: 'trust', latitude: 51.5, longitude: -0.12 },
  })
  await makeCases(
    db,
    Array.from({ length: 64 }, (_, n) => ({
      organisation: 'T01',
      kind: 'concern',
      category: 'delays',
      status: 'open',
      publication: 'published',
      privacy: 'anonymous',
      language: null,
      title: null,
      text: 'They waited for hours. (Invented.)',
      response: null,
      reportedAt: new Date(Date.UTC(2026, 0, 1, 0, n)),
    })),
  )
  await placeEvents(db)
  const { key } = await createClient(db, { name: 'bench', role: 'supplier' })
  await db.prisma.$disconnect()
  await db.pool.end()
  return key
}

async function bench(key: string): Promise<void> {
  const receiver = await startReader('webhook')
  start('poll-worker.ts', [], { BENCH_KEYS, BENCH_ALLOW: `127.0.0.1:${receiver.port}` })
  const server = await startServer('ours', url)
  undo.push(() => server.stop())
  const writer = start('log-writer.ts')
  await once(writer, 'message')
  const [bare, stream] = [await startReader('bare'), await startReader('stream', server)]
  const rows: Row[] = []
  rows.push(...(await compared({ bare, stream }, writer, MODERATE)))
  rows.push(...(await compared({ bare, stream }, writer, 0)))
  const pages = await startReader('pages', server)
  rows.push(...(await compared({ bare, pages }, writer, MODERATE)))
  pages.child.kill()
  if (await subscribe(server, key, receiver)) {
    rows.push(...(await compared({ bare, webhook: receiver }, writer, MODERATE)))
    rows.push(...(await compared({ bare, webhook: receiver }, writer, 0)))
  }
  console.log(
    `\n${new Date().toISOString().slice(0, 10)}; median and 99th of the time from just before COMMIT\n`,
  )
  printTable(HEAD, [...rows, await memoryRow(server)])
}

type Reader = { child: ChildProcess; port?: number }

async function startReader(way: Way, server?: Server): Promise<Reader> {
  const child = start('log-reader.ts', [way], { BENCH_PORT: String(server?.port ?? '') })
  const [{ port }] = (await once(child, 'message')) as [{ port?: number }]
  return { child, ...(port !== undefined && { port }) }
}

function start(file: string, args: string[] = [], env: Record<string, string> = {}): ChildProcess {
  const child = fork(join(import.meta.dirname, file), args, {
    env: { ...process.env, BENCH_URL: url, ...env },
  })
  undo.push(() => child.kill())
  return child
}

async function subscribe({ port }: Server, key: string, receiver: Reader): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/subscriptions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ url: `http://127.0.0.1:${receiver.port}/` }),
  })
  if (!answer.ok) console.error(`no webhooks: ${answer.status} ${await answer.text()}`)
  return answer.ok
}

type Readers = { bare: Reader } & Partial<Record<Way, Reader>>

async function compared(readers: Readers, writer: ChildProcess, perSecond: number): Promise<Row[]> {
  const [[, bare], [way, reader]] = Object.entries(readers) as [[string, Reader], [Way, Reader]]
  const rounds: Array<{ rate: number; bare: number[]; ours: number[]; seconds: number }> = []
  for (let round = -1; round < ROUNDS; round++) {
    // What was said before is nobody's.
    await reportOf<ReadReport>(bare.child, {})
    await reportOf<ReadReport>(reader.child, {})
    const order: WriteOrder = { milliseconds: round < 0 ? 1_000 : MILLISECONDS, perSecond }
    const written = await reportOf<WriteReport>(writer, order)
    const count = written.committed.length
    const [one, other] = [await heardBy(bare.child, count), await heardBy(reader.child, count)]
    if (round < 0) continue
    const first = Math.min(...written.committed.map(([, , at]) => at))
    rounds.push({
      rate: count / written.seconds,
      bare: delays(written, one),
      ours: delays(written, other),
      seconds: (Math.max(...other.map(([, at]) => at)) - first) / 1_000,
    })
  }
  const ratio = median(rounds.map((round) => median(round.ours) / median(round.bare)))
  const rate = Math.round(median(rounds.map((round) => round.ours.length / round.seconds)))
  const pace = perSecond === 0 ? 'at full speed' : `at ${perSecond}/s`
  const target = way === 'stream' && perSecond > 0
  return [
    [
      `${way}, ${pace}: ${rate.toLocaleString('en-GB')} events/s`,
      figures(rounds.flatMap(({ ours }) => ours)),
      `bare: ${figures(rounds.flatMap((round) => round.bare))}`,
      `${ratio.toFixed(2)} ×`,
      target ? `≤ ${MOST} ×` : '',
      target ? (ratio <= MOST ? 'yes' : 'NO') : '',
    ],
  ]
}

function figures(delays: readonly number[]): string {
  const sorted = delays.toSorted((a, b) => a - b)
  const at = (share: number) => (sorted[Math.floor(sorted.length * share)] as number).toFixed(1)
  return `${at(0.5)} ms, ${at(0.99)} ms`
}

/** Each case's changes come in their order: the nth that was heard of is the nth that was made. */
function delays({ committed }: WriteReport, heard: ReadReport['heard']): number[] {
  const made = new Map<string, Array<[version: number, at: number]>>()
  for (const [reference, version, at] of committed) {
    const of = made.get(reference) ?? []
    made.set(reference, of)
    of.push([version, at])
  }
  for (const of of made.values()) of.sort(([a], [b]) => a - b)
  const next = new Map<string, number>()
  return heard.map(([reference, at]) => {
    const n = next.get(reference) ?? 0
    next.set(reference, n + 1)
    const change = made.get(reference)?.[n]
    if (change === undefined) throw new Error('more was heard of than was done')
    return at - change[1]
  })
}

async function heardBy(child: ChildProcess, count: number): Promise<ReadReport['heard']> {
  const heard: ReadReport['heard'] = []
  for (const deadline = Date.now() + PATIENCE_MS; heard.length < count; ) {
    heard.push(...(await reportOf<ReadReport>(child, {})).heard)
    if (Date.now() > deadline) throw new Error(`${heard.length} of ${count} were heard of`)
    if (heard.length < count) await sleep(20)
  }
  return heard
}

async function reportOf<T>(child: ChildProcess, order: object): Promise<T> {
  const report = once(child, 'message')
  child.send(order)
  return (await report)[0] as T
}

async function memoryRow(server: Server): Promise<Row> {
  const sockets: Socket[] = []
  const open = (): Promise<void> =>
    new Promise((resolve, reject) => {
      const socket = connect(server.port, '127.0.0.1', () =>
        socket.write('GET /v1/events/stream HTTP/1.1\r\nHost: bench\r\n\r\n'),
      )
      sockets.push(socket)
      socket.once('data', () => resolve()).once('error', reject)
    })
  const openMany = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 50) await Promise.all(Array.from({ length: 50 }, open))
  }
  await openMany(500)
  const before = memoryOf(server.pid).now
  await openMany(LISTENERS - 500 - 1)
  const each = (memoryOf(server.pid).now - before) / (LISTENERS - 501)
  for (const socket of sockets) socket.destroy()
  const what = `memory of each of ${LISTENERS.toLocaleString('en-GB')} who listen`
  return plainRow(what, `${(each / 1_000).toFixed(1)} kB`, '< 30 kB', each < 30_000)
}
