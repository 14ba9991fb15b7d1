import { deepStrictEqual } from 'node:assert'
import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Db, row } from '../prisma/client.ts'
import type { LoadOrder, LoadReport, LoadRequest } from './load.ts'
import type { Which } from './serve.ts'
import { median } from './setting.ts'

export type Server = { port: number; pid: number; stop: () => void }

/** Starts a server of `serve.ts` in a process of its own. */
export async function startServer(which: Which, url: string): Promise<Server> {
  const child = fork(join(import.meta.dirname, 'serve.ts'), [which], {
    env: { ...process.env, BENCH_URL: url },
  })
  const { port } = await messageOf<{ port: number }>(child)
  return { port, pid: child.pid as number, stop: () => void child.kill() }
}

export type Load = { run: (order: LoadOrder) => Promise<LoadReport>; stop: () => void }

/** Starts the process that asks. */
export function startLoad(): Load {
  const child = fork(join(import.meta.dirname, 'load.ts'))
  return {
    async run(order) {
      const report = messageOf<LoadReport>(child)
      child.send(order)
      return report
    },
    stop: () => void child.kill(),
  }
}

/** What is measured beside each other: a server and what it is asked. */
export type Contender = {
  name: string
  server: Server
  requests: readonly LoadRequest[]
  /** What it answers; 200 if nothing is said. */
  status?: number
}

/** What one round found of each, by name. */
export type Round = Record<string, LoadReport>

export type Pace = { rounds: number; milliseconds: number; connections: number }

/**
 * Asks each in turn, in every round in another order; between two turns the store comes to rest. A round of warming up
 * is not counted. Throws when an answer has another status than it should.
 */
export async function compare(
  { load, db, pace }: { load: Load; db: Db; pace: Pace },
  contenders: readonly Contender[],
): Promise<Round[]> {
  const rounds: Round[] = []
  for (let number = -1; number < pace.rounds; number++) {
    const round: Round = {}
    for (const [n] of contenders.entries()) {
      const {
        name,
        server,
        requests,
        status = 200,
      } = contenders[(n + number + 1) % contenders.length] as Contender
      const from = Math.floor((requests.length * (number + 1)) / (pace.rounds + 1))
      const report = await load.run({
        port: server.port,
        requests,
        from,
        connections: pace.connections,
        milliseconds: pace.milliseconds,
      })
      expectStatus(name, report, status)
      round[name] = report
      await drained(db)
    }
    if (number >= 0) rounds.push(round)
  }
  return rounds
}

/** As `compare`, of work in this very process, one piece at a time; `work` gets the number of the piece. */
export async function compareHere(
  { db, pace }: { db: Db; pace: Pace },
  contenders: readonly { name: string; work: (piece: number) => Promise<unknown> }[],
): Promise<Round[]> {
  const rounds: Round[] = []
  for (let number = -1; number < pace.rounds; number++) {
    const round: Round = {}
    for (const [n] of contenders.entries()) {
      const { name, work } = contenders[(n + number + 1) % contenders.length] as (typeof contenders)[number]
      round[name] = await workFor(pace.milliseconds, work)
      await drained(db)
    }
    if (number >= 0) rounds.push(round)
  }
  return rounds
}

/** The same with one question at a time: what an answer takes where nobody else waits. */
export function alone<T extends { pace: Pace }>(bench: T): T {
  return { ...bench, pace: { ...bench.pace, connections: 1 } }
}

/** Throws when the contenders' first answers are not the same JSON: then they do not do the same work. */
export async function expectSame(contenders: readonly Contender[]): Promise<void> {
  const [first, ...others] = await Promise.all(
    contenders.map(async ({ name, server, requests: [request] }) => {
      const response = await ask(server, request)
      return { name, body: (await response.json()) as unknown }
    }),
  )
  for (const { name, body } of others) {
    deepStrictEqual(body, first?.body, `${name} answers something else than ${first?.name}`)
  }
}

/** A header of the answer to a request. */
export async function headerOf(server: Server, request: LoadRequest, name: string): Promise<string> {
  const value = (await ask(server, request)).headers.get(name)
  if (value === null) throw new Error(`there is no ${name} in the answer to ${request.path}`)
  return value
}

async function ask({ port }: Server, request: LoadRequest | undefined): Promise<Response> {
  const { path = '/', headers = {} } = request ?? {}
  return fetch(`http://127.0.0.1:${port}${path}`, { headers })
}

/** How many times the rate of `other` the rate of `one` is: the median over the rounds. */
export function rateRatio(rounds: readonly Round[], one: string, other: string): number {
  return median(rounds.map((round) => reportOf(round, one).rate / reportOf(round, other).rate))
}

/** The same of the latencies at a share of the answers: 0.5 for the median, 0.99 for the 99th percentile. */
export function latencyRatio(rounds: readonly Round[], one: string, other: string, share: number): number {
  return median(
    rounds.map(
      (round) => percentile(reportOf(round, one), share) / percentile(reportOf(round, other), share),
    ),
  )
}

/** The rate, the median and the 99th percentile over all rounds, as text. */
export function figuresOf(
  rounds: readonly Round[],
  name: string,
): [rate: string, middle: string, p99: string] {
  const reports = rounds.map((round) => reportOf(round, name))
  const latencies = reports.flatMap((report) => report.latencies).sort((a, b) => a - b)
  const all = { latencies }
  return [
    `${Math.round(median(reports.map(({ rate }) => rate))).toLocaleString('en-GB')}/s`,
    `${percentile(all, 0.5).toFixed(2)} ms`,
    `${percentile(all, 0.99).toFixed(2)} ms`,
  ]
}

async function workFor(milliseconds: number, work: (piece: number) => Promise<unknown>): Promise<LoadReport> {
  const latencies: number[] = []
  const started = performance.now()
  for (let now = started, piece = 0; now < started + milliseconds; now = performance.now()) {
    await work(piece++)
    latencies.push(performance.now() - now)
  }
  const rate = (latencies.length * 1_000) / (performance.now() - started)
  return { rate, latencies: latencies.sort((a, b) => a - b), statuses: {}, paths: {}, bytes: 0 }
}

function percentile({ latencies }: Pick<LoadReport, 'latencies'>, share: number): number {
  return latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))] ?? Number.NaN
}

function reportOf(round: Round, name: string): LoadReport {
  const report = round[name]
  if (report === undefined) throw new Error(`nothing was measured of ${name}`)
  return report
}

function expectStatus(name: string, { statuses, paths }: LoadReport, wanted: number): void {
  const other = Object.keys(statuses).find((status) => Number(status) !== wanted)
  if (other === undefined) return
  const path = paths[Number(other)]
  throw new Error(`${name} answered ${other} instead of ${wanted} to ${path}: the figures would mean nothing`)
}

/** Until no statement runs any more: what one has begun must not burden the next. */
export async function drained({ pool }: Db): Promise<void> {
  const busy = async () =>
    (
      await row<{ busy: boolean }>(
        pool,
        `select exists (select 1 from pg_stat_activity where state = 'active' and pid <> pg_backend_pid()
           and datname = current_database()) as busy`,
      )
    )?.busy
  while (await busy()) await sleep(20)
  await sleep(50)
}

function messageOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a process of the benchmark has ended'))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}
