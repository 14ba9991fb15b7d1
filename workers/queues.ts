import {
  type BackendClasses,
  createPostgresBackend,
  createRedisBackend,
  type IQueueBackend,
  type JobsOptions,
  runMigrations,
  withBackend,
} from 'bullmq'
import { Redis } from 'ioredis'
import type { Db } from '../prisma/client.ts'
import type { Log } from './log.ts'

/** Where jobs wait: in the schema `bullmq` of the service's own PostgreSQL, or in Redis, under a prefix. */
export type QueueSettings = {
  /** How long a job stays with a worker that gives no sign of life, in milliseconds; half a minute if nothing is said. */
  lockMs?: number
} & ({ kind: 'postgres'; url: string; max: number } | { kind: 'redis'; url: string; prefix?: string })

/** What is done once, and of what. */
export type Jobs = {
  'poll-source': { sourceId: number }
  'probe-source': { sourceId: number }
  'do-run': { runId: number }
  'import-organisations': { importId: number }
  'fan-out': { subscriptionId: number }
  deliver: { subscriptionId: number }
}
export type JobName = keyof Jobs
export type AddJob = <N extends JobName>(name: N, job: Jobs[N]) => Promise<void>

/** What is done again and again. */
export type Tick =
  | 'poll-due'
  | 'take-up-runs'
  | 'keep-house'
  | 'release-holds'
  | 'send-mail'
  | 'feedback-digest'
  | 'query-digests'
  | 'tell-overdue'
  | 'count-figures'
  | 'end-pauses'

export type JobHandlers = { readonly [N in JobName]: (job: Jobs[N]) => Promise<void> }
export type TickHandlers = Readonly<Record<Tick, () => Promise<void>>>

/** One queue, as who watches it sees it. */
export type WaitingQueue = {
  readonly name: string
  getJobCounts(...states: WaitingState[]): Promise<Record<string, number>>
}
export type WaitingState = 'waiting' | 'active' | 'delayed' | 'prioritized' | 'failed'

/** Hears of each job that has ended, and after how many seconds. */
export type JobEnded = (queue: string, job: string, outcome: 'done' | 'failed', seconds: number) => void

/** The queues of one process. What they hold is a wake-up only: PostgreSQL knows what is to be done. */
export type Queues = {
  /** Adds a job, unless the same one is there already; of webhooks another waits while one runs. */
  addJob: AddJob
  /** Forgets all jobs, also those that a killed process still seems to hold; only for who works alone. */
  forget(): Promise<void>
  /**
   * Has each tick come every so many milliseconds, once however many processes ask for it; or only those that a queue which
   * was emptied has forgotten.
   */
  scheduleTicks(every: Readonly<Record<Tick, number>>, which: 'all' | 'missing'): Promise<void>
  work(handlers: {
    jobs: JobHandlers
    ticks: TickHandlers
    concurrency: number
    ended?: JobEnded | undefined
  }): void
  /** To look at; not to work with. */
  all: readonly WaitingQueue[]
  /** Takes no more jobs and waits for those that run. */
  finish(): Promise<void>
  /** Ends the connections of who adds; to be called last. */
  close(): Promise<void>
}

/** Opens the queues; with PostgreSQL it makes or updates their schema first. */
export async function openQueues(db: Db, settings: QueueSettings, log: Log): Promise<Queues> {
  return settings.kind === 'postgres' ? onPostgres(db, settings, log) : onRedis(settings, log)
}

// Runs that somebody asked for may take hours: they wait for each other, and no source's poll waits for them.
const QUEUE_OF = {
  'poll-source': 'sources',
  'probe-source': 'sources',
  'do-run': 'runs',
  'import-organisations': 'runs',
  'fan-out': 'webhooks',
  deliver: 'webhooks',
} as const satisfies Record<JobName, string>
const RUNS_AT_ONCE = 4
// Most of their time they wait for other people's servers: slow ones must not hold up the others.
const WEBHOOKS_AT_ONCE = 100
const TICKS = 'ticks'
const SCHEMA = 'bullmq'

// A job that has ended, well or not, stands in nobody's way: what failed is due again by PostgreSQL.
const FORGET = { removeOnComplete: true, removeOnFail: true } satisfies JobsOptions

type Connections<C> = {
  producer: C
  consumer: C
  prefix?: string
  lockMs: number | undefined
  disconnect: () => void
}

async function onPostgres(
  db: Db,
  { url, max, lockMs }: Extract<QueueSettings, { kind: 'postgres' }>,
  log: Log,
): Promise<Queues> {
  const client = await db.pool.connect()
  try {
    await runMigrations(client, SCHEMA)
  } finally {
    client.release()
  }
  const connection = { connectionString: url, max, schema: SCHEMA }
  return queuesOn(
    withBackend(createPostgresBackend),
    { producer: connection, consumer: connection, lockMs, disconnect: () => undefined },
    log,
  )
}

async function onRedis(
  { url, prefix = 'care-connect', lockMs }: Extract<QueueSettings, { kind: 'redis' }>,
  log: Log,
): Promise<Queues> {
  // Adding fails fast, as the tick that adds comes again; a worker waits for its Redis as long as it takes.
  const producer = new Redis(url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
  })
  const consumer = new Redis(url, { maxRetriesPerRequest: null })
  for (const redis of [producer, consumer]) {
    redis.on('error', (err: Error) => log.warn({ err }, 'Redis does not answer'))
  }
  const disconnect = () => {
    producer.disconnect()
    consumer.disconnect()
  }
  try {
    await producer.connect()
  } catch (cause) {
    disconnect()
    throw new Error('Redis does not answer: is REDIS_URL right, and is it running?', { cause })
  }
  return queuesOn(withBackend(createRedisBackend), { producer, consumer, prefix, lockMs, disconnect }, log)
}

async function queuesOn<B extends IQueueBackend, C>(
  { Queue, Worker }: BackendClasses<B, C>,
  { producer, consumer, prefix = 'bull', lockMs = 30_000, disconnect }: Connections<C>,
  log: Log,
): Promise<Queues> {
  const note = (queue: string) => (err: Error) => log.warn({ queue, err }, 'the queue had an error')
  const open = { connection: producer, prefix, defaultJobOptions: FORGET }
  const take = { connection: consumer, prefix, lockDuration: lockMs, stalledInterval: lockMs }
  const sources = new Queue<Jobs[JobName], void, JobName>('sources', open)
  const runs = new Queue<Jobs[JobName], void, JobName>('runs', open)
  const webhooks = new Queue<Jobs[JobName], void, JobName>('webhooks', open)
  const queueOf = { sources, runs, webhooks }
  const ticks = new Queue<null, void, Tick>(TICKS, open)
  const all = [sources, runs, webhooks, ticks]
  for (const queue of all) queue.on('error', note(queue.name))
  await Promise.all(all.map((queue) => queue.waitUntilReady()))
  const workers: { close(): Promise<void> }[] = []

  return {
    async addJob(name, job) {
      const jobId = [name, ...Object.values(job)].join('-')
      const queue = QUEUE_OF[name]
      // What happens while a subscription is worked for may have come too late for the job that runs: one more waits.
      const once = queue === 'webhooks' ? { deduplication: { id: jobId, keepLastIfActive: true } } : { jobId }
      await queueOf[queue].add(name, job, once)
    },
    async forget() {
      await Promise.all(all.map((queue) => queue.obliterate({ force: true })))
    },
    async scheduleTicks(every, which) {
      const there = which === 'all' ? [] : (await ticks.getJobSchedulers()).map(({ key }) => key)
      for (const [tick, milliseconds] of Object.entries(every) as [Tick, number][]) {
        if (there.includes(tick)) continue
        await ticks.upsertJobScheduler(
          tick,
          { every: milliseconds },
          { name: tick, data: null, opts: FORGET },
        )
      }
    },
    all,
    work({ jobs: doJob, ticks: doTick, concurrency, ended }) {
      const does = doJob as Readonly<Record<JobName, (job: Jobs[JobName]) => Promise<void>>>
      const atOnce = { sources: concurrency, runs: RUNS_AT_ONCE, webhooks: WEBHOOKS_AT_ONCE }
      for (const queue of [sources, runs, webhooks]) {
        const worker = new Worker<Jobs[JobName], void, JobName>(
          queue.name,
          ({ name, data }) => timed(queue.name, name, () => does[name](data), ended),
          { ...take, concurrency: atOnce[queue.name as keyof typeof atOnce] },
        )
        worker.on('error', note(queue.name))
        worker.on('failed', (job, err) => log.warn({ job: job?.name, ...job?.data, err }, 'a job failed'))
        workers.push(worker)
      }
      // One each, so that a tick that takes its time holds up none of the others.
      const onTicks = new Worker<null, void, Tick>(
        TICKS,
        ({ name }) => timed(TICKS, name, doTick[name], ended),
        {
          ...take,
          concurrency: Object.keys(doTick).length,
        },
      )
      onTicks.on('error', note(TICKS))
      onTicks.on('failed', (job, err) => log.warn({ job: job?.name, err }, 'a tick failed'))
      workers.push(onTicks)
    },
    async finish() {
      await Promise.all(workers.map((worker) => worker.close()))
    },
    async close() {
      await Promise.all(all.map((queue) => queue.close()))
      disconnect()
    },
  }
}

async function timed(
  queue: string,
  job: string,
  work: () => Promise<void>,
  ended: JobEnded | undefined,
): Promise<void> {
  const began = performance.now()
  const end = (outcome: 'done' | 'failed') =>
    ended?.(queue, job, outcome, (performance.now() - began) / 1_000)
  try {
    await work()
  } catch (error) {
    end('failed')
    throw error
  }
  end('done')
}
