// npm run bench:polls [-- <seconds> [redis|postgres]]: what 10,000 sources cost that are asked every 15 minutes and answer 304.
import { type ChildProcess, spawn } from 'node:child_process'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { noCursor, sealCursor } from '../domain/poll-cursors.ts'
import { sealAddress } from '../domain/source-rows.ts'
import { type Db, row, rows } from '../prisma/client.ts'
import { startRedis } from '../test/redis.ts'
import { hashOf } from '../workers/walk-start.ts'
import { cpuSeconds, cpuSecondsWithChildren, parentOf } from './processes.ts'
import { printTable, startSetting } from './setting.ts'

const SECONDS = Number(process.argv[2] ?? 120)
const QUEUE = process.argv[3] ?? 'redis'
const SOURCES = 10_000
const INTERVAL_MINUTES = 15
const HOSTS = 250
const WARM_UP_SECONDS = 15

const { servers, port } = await startProviders()
const setting = await startSetting()
const redis = QUEUE === 'redis' ? await startRedis() : { missing: 'not asked for' }
const redisUrl = 'url' in redis ? redis.url : undefined
let worker: ChildProcess | undefined
try {
  console.log(
    `${SOURCES} sources on ${HOSTS} hosts, the queue on ${redisUrl === undefined ? 'PostgreSQL' : 'Redis'}.`,
  )
  await register(setting.db)
  worker = startWorker()
  await sleep(WARM_UP_SECONDS * 1_000)
  await measure(setting.db, worker)
} finally {
  worker?.kill('SIGKILL')
  await setting.stop()
  if ('stop' in redis) await redis.stop()
  for (const server of servers) server.close().closeAllConnections()
}

/** Providers that have not changed since they were asked before. */
async function startProviders(): Promise<{ servers: Server[]; port: number }> {
  const servers: Server[] = []
  let port = 0
  for (let host = 1; host <= HOSTS; host++) {
    const server = createServer((request, response) =>
      response.writeHead(request.headers['if-none-match'] === '"v1"' ? 304 : 500, { etag: '"v1"' }).end(),
    )
    await new Promise<void>((resolve) => server.listen(port, hostOf(host), resolve))
    port = (server.address() as AddressInfo).port
    servers.push(server)
  }
  return { servers, port }
}

function hostOf(number: number): string {
  return `127.0.1.${number}`
}

/** As if each had been read once, at times that are spread over the interval. */
async function register({ pool, vault }: Db): Promise<void> {
  const names = Array.from({ length: SOURCES }, (_, number) => `source-${number}`)
  const addresses = names.map((name, number) => `http://${hostOf(1 + (number % HOSTS))}:${port}/${name}.rss`)
  const cursors = names.map((name, number) =>
    sealCursor(vault, name, {
      ...noCursor,
      completeFrom: new Date().toISOString(),
      asked: hashOf(addresses[number] as string),
    }),
  )
  await rows(
    pool,
    `insert into sources (name, title, connector, address_sealed, host, cursor_sealed, etag, state, organisation_scheme, interval_minutes,
       fresh_minutes, last_success_at, last_changed_at, next_check_at)
     select s.name, 'Invented', 'feed', s.address, s.host, s.cursor, '"v1"', 'active', s.name, $5, 1440, now(), now(),
       now() + make_interval(secs => s.number * $6::float8)
     from unnest($1::text[], $2::text[], $3::text[], $4::text[]) with ordinality as s(name, address, host, cursor, number)`,
    [
      names,
      names.map((name, number) => sealAddress(vault, name, addresses[number] as string)),
      addresses.map((address) => new URL(address).host),
      cursors,
      INTERVAL_MINUTES,
      (INTERVAL_MINUTES * 60) / SOURCES,
    ],
  )
  await pool.query('vacuum analyze')
}

function startWorker(): ChildProcess {
  const hosts = Array.from({ length: HOSTS }, (_, number) => `${hostOf(number + 1)}:${port}`)
  return spawn(process.execPath, [join(import.meta.dirname, 'poll-worker.ts')], {
    env: {
      ...process.env,
      BENCH_URL: setting.url,
      BENCH_KEYS: setting.keys,
      BENCH_ALLOW: hosts.join(','),
      ...(redisUrl !== undefined && { BENCH_REDIS: redisUrl }),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function measure({ pool }: Db, { pid }: ChildProcess): Promise<void> {
  const backend = await row<{ pid: number }>(pool, 'select pg_backend_pid() as pid')
  const postgres = parentOf((backend as { pid: number }).pid)
  const redisPid = redisUrl === undefined ? null : await pidOfRedis(redisUrl)
  const cpu = () => ({
    worker: cpuSeconds(pid as number),
    postgres: cpuSecondsWithChildren(postgres),
    redis: redisPid === null ? 0 : cpuSeconds(redisPid),
  })
  const before = { cpu: cpu(), polls: await pollCount(pool), at: performance.now() }
  await sleep(SECONDS * 1_000)
  const after = { cpu: cpu(), polls: await pollCount(pool), at: performance.now() }

  const seconds = (after.at - before.at) / 1_000
  const polls = after.polls.done - before.polls.done
  const share = (name: keyof typeof after.cpu) => (after.cpu[name] - before.cpu[name]) / seconds
  const total = share('worker') + share('postgres') + share('redis')
  const each = (part: number) => [
    percent(part),
    `${((part * seconds * 1_000) / Math.max(1, polls)).toFixed(1)} ms`,
  ]
  printTable(
    ['what', 'of one core', 'CPU per poll'],
    [
      ['worker', ...each(share('worker'))],
      ['PostgreSQL', ...each(share('postgres'))],
      ['Redis', ...each(share('redis'))],
      ['all', ...each(total)],
      ['at most', '25.0 %', ''],
    ],
  )
  const wanted = SOURCES / (INTERVAL_MINUTES * 60)
  console.log(
    `${(polls / seconds).toFixed(1)} polls a second in ${seconds.toFixed(0)} s (wanted ${wanted.toFixed(1)}), all but ${after.polls.others} answered 304, ${after.polls.late} are late.`,
  )
}

async function pollCount(pool: Db['pool']): Promise<{ done: number; others: number; late: number }> {
  const counted = await row<{ done: number; others: number; late: number }>(
    pool,
    `select count(*) filter (where state = 'succeeded') as done, count(*) filter (where outcome <> 'not-modified') as others,
       (select count(*) from sources where next_check_at < now() - interval '10 seconds') as late
     from runs`,
  )
  return counted as { done: number; others: number; late: number }
}

async function pidOfRedis(url: string): Promise<number> {
  const client = new Redis(url)
  const said = await client.info('server')
  client.disconnect()
  return Number(/process_id:(\d+)/.exec(said)?.[1])
}

function percent(part: number): string {
  return `${(part * 100).toFixed(1)} %`
}
