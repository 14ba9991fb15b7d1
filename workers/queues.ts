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
export type QueueSettings =
  | { kind: 'postgres'; url: string; max: number }
  | { kind: 'redis'; url: string; prefix?: string }

/** What is done with one source. */
export type SourceJobName = 'poll-source' | 'probe-source'
export type SourceJob = { sourceId: number }

/** What is done again and again. */
export type Tick = 'poll-due' | 'keep-house' | 'release-holds' | 'send-mail' | 'feedback-digest'

export type SourceHandlers = Readonly<Record<SourceJobName, (job: SourceJob) => Promise<void>>>
export type TickHandlers = Readonly<Record<Tick, () => Promise<void>>>

/** The queues of one process. What they hold is a wake-up only: PostgreSQL knows what is to be done. */
export type Queues = {
  /** Adds a job, unless the same one is there already. */
  addSourceJob(name: SourceJobName, job: SourceJob): Promise<void>
  /** Forgets all jobs, also those that a killed process still seems to hold; only for who works alone. */
  forget(): Promise<void>
  /** Has each tick come every so many milliseconds, once however many processes ask for it. */
  scheduleTicks(every: Readonly<Record<Tick, number>>): Promise<void>
  work(handlers: { sources: SourceHandlers; ticks: TickHandlers; concurrency: number }): void
  /** Takes no more jobs and waits for those that run. */
  finish(): Promise<void>
  /** Ends the connections of who adds; to be called last. */
  close(): Promise<void>
}

/** Opens the queues; with PostgreSQL it makes or updates their schema first. */
export async function openQueues(db: Db, settings: QueueSettings, log: Log): Promise<Queues> {
  return settings.kind === 'postgres' ? onPostgres(db, settings, log) : onRedis(settings, log)
}

const SOURCES = 'sources'
const TICKS = 'ticks'
const SCHEMA = 'bullmq'

// A job that has ended, well or not, stands in nobody's way: what failed is due again by PostgreSQL.
const FORGET = { removeOnComplete: true, removeOnFail: true } satisfies JobsOptions

type Connections<C> = { producer: C; consumer: C; prefix?: string; disconnect: () => void }

async function onPostgres(db: Db, { url, max }: { url: string; max: number }, log: Log): Promise<Queues> {
  const client = await db.pool.connect()
  try {
    await runMigrations(client, SCHEMA)
  } finally {
    client.release()
  }
  const connection = { connectionString: url, max, schema: SCHEMA }
  return queuesOn(
    withBackend(createPostgresBackend),
    { producer: connection, consumer: connection, disconnect: () => undefined },
    log,
  )
}

async function onRedis(
  { url, prefix = 'care-connect' }: { url: string; prefix?: string },
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
  return queuesOn(withBackend(createRedisBackend), { producer, consumer, prefix, disconnect }, log)
}

async function queuesOn<B extends IQueueBackend, C>(
  { Queue, Worker }: BackendClasses<B, C>,
  { producer, consumer, prefix = 'bull', disconnect }: Connections<C>,
  log: Log,
): Promise<Queues> {
  const note = (queue: string) => (err: Error) => log.warn({ queue, err }, 'the queue had an error')
  const open = { connection: producer, prefix, defaultJobOptions: FORGET }
  const take = { connection: consumer, prefix }
  const sources = new Queue<SourceJob, void, SourceJobName>(SOURCES, open)
  const ticks = new Queue<null, void, Tick>(TICKS, open)
  sources.on('error', note(SOURCES))
  ticks.on('error', note(TICKS))
  await Promise.all([sources.waitUntilReady(), ticks.waitUntilReady()])
  const workers: { close(): Promise<void> }[] = []

  return {
    async addSourceJob(name, job) {
      await sources.add(name, job, { jobId: `${name}-${job.sourceId}` })
    },
    async forget() {
      await Promise.all([sources.obliterate({ force: true }), ticks.obliterate({ force: true })])
    },
    async scheduleTicks(every) {
      for (const [tick, milliseconds] of Object.entries(every) as [Tick, number][]) {
        await ticks.upsertJobScheduler(
          tick,
          { every: milliseconds },
          { name: tick, data: null, opts: FORGET },
        )
      }
    },
    work({ sources: doJob, ticks: doTick, concurrency }) {
      const onSources = new Worker<SourceJob, void, SourceJobName>(
        SOURCES,
        ({ name, data }) => doJob[name](data),
        { ...take, concurrency },
      )
      // One each, so that a tick that takes its time holds up none of the others.
      const onTicks = new Worker<null, void, Tick>(TICKS, ({ name }) => doTick[name](), {
        ...take,
        concurrency: Object.keys(doTick).length,
      })
      onSources.on('error', note(SOURCES))
      onTicks.on('error', note(TICKS))
      onSources.on('failed', (job, err) => log.warn({ job: job?.name, ...job?.data, err }, 'a job failed'))
      onTicks.on('failed', (job, err) => log.warn({ job: job?.name, err }, 'a tick failed'))
      workers.push(onSources, onTicks)
    },
    async finish() {
      await Promise.all(workers.map((worker) => worker.close()))
    },
    async close() {
      await Promise.all([sources.close(), ticks.close()])
      disconnect()
    },
  }
}
