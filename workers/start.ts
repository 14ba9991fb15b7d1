import { setTimeout as sleep } from 'node:timers/promises'
import { createReader } from '../connectors/reader.ts'
import { noteDigests } from '../domain/feedback-digest.ts'
import { countOverdue } from '../domain/organisation-figures.ts'
import { freeAllClaims } from '../domain/source-claims.ts'
import { createFetcher } from '../net/fetch.ts'
import type { Db } from '../prisma/client.ts'
import { type Context, defaultPollSettings, type PollSettings } from './context.ts'
import { doRun } from './do-run.ts'
import { keepHouse } from './housekeeping.ts'
import { startIndexing } from './keep-index.ts'
import type { Log } from './log.ts'
import { type MailSettings, openMailer } from './mail/mailer.ts'
import { pollDue } from './poll-due.ts'
import { pollSource } from './poll-source.ts'
import { probeSource } from './probe-source.ts'
import { openQueues, type QueueSettings, type Queues } from './queues.ts'
import { releaseHolds } from './release-holds.ts'
import { sendMail } from './send-mail.ts'
import { takeUpRuns } from './take-up-runs.ts'

export type { Log } from './log.ts'
export type { MailSettings } from './mail/mailer.ts'
export type { QueueSettings } from './queues.ts'

export type WorkersOptions = {
  db: Db
  queue: QueueSettings
  log: Log
  /** Names the service and where to ask about it: `care-connect/1.0 (+https://…)`. */
  userAgent: string
  /** Exact `host:port` pairs that may be private. */
  allowPrivate: readonly string[]
  /** Least time between two requests to one host, in milliseconds. */
  gapMs?: number
  /** How often due sources are looked for, in milliseconds. */
  pollEveryMs?: number
  /** How often runs that somebody has asked for are looked for, in milliseconds. */
  runsEveryMs?: number
  /** Sources polled by this process at a time. */
  pollsAtOnce?: number
  /** Where messages go; nowhere when not set. */
  mail?: MailSettings
  /** How often what waits to be told is told, in milliseconds. */
  mailEveryMs?: number
  /** No other process works on this store: what a killed one had claimed is free at once. */
  alone?: boolean
  polls?: Partial<PollSettings>
  now?: () => Date
  random?: () => number
}

export type Workers = {
  /** Finishes what it holds; after `limitMs` milliseconds requests under way are given up, and what they fetched is due again. */
  stop(limitMs?: number): Promise<void>
}

/** Starts the workers of this process; rejects when the queue is not there. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { db, queue, log, pollsAtOnce = 32 } = options
  const { pollEveryMs = 5_000, runsEveryMs = 2_000, mailEveryMs = 5_000 } = options
  const giveUp = new AbortController()
  const context = contextOf(options, giveUp.signal)
  const mail = options.mail ?? { kind: 'none', from: '', onCall: null, notice: '' }
  const mailer = openMailer(mail)
  const queues = await openQueues(db, queue, log)
  if (options.alone) {
    await freeAllClaims(db, context.now())
    await queues.forget()
  }
  queues.work({
    jobs: {
      'poll-source': ({ sourceId }) => pollSource(context, sourceId),
      'probe-source': ({ sourceId }) => probeSource(context, sourceId),
      'do-run': ({ runId }) => doRun(context, runId),
    },
    ticks: {
      'poll-due': () => pollDue(context, queues.addJob),
      'take-up-runs': () => takeUpRuns(context, queues.addJob),
      'keep-house': () => keepHouse(context),
      'release-holds': () => releaseHolds(context),
      'send-mail': onceAtATime(() => sendMail({ ...context, ...mail, mailer })),
      'feedback-digest': async () => void (await noteDigests(db, context.now())),
      'count-overdue': async () => void (await countOverdue(db, context.now())),
    },
    concurrency: pollsAtOnce,
  })
  await queues.scheduleTicks({
    'poll-due': pollEveryMs,
    'take-up-runs': runsEveryMs,
    'keep-house': HOUSEKEEPING_MS,
    'release-holds': RELEASE_MS,
    'send-mail': mailEveryMs,
    'feedback-digest': DIGEST_MS,
    'count-overdue': OVERDUE_MS,
  })
  const indexing = startIndexing(context)
  const close = async () => {
    await indexing.stop()
    mailer?.close()
    await context.fetcher.close()
    await context.reader.close()
  }
  let stopped: Promise<void> | undefined
  return {
    stop(limitMs = 10_000) {
      stopped ??= stop({ queues, giveUp, log, close }, limitMs)
      return stopped
    },
  }
}

function contextOf(options: WorkersOptions, signal: AbortSignal): Context {
  const { db, log, userAgent, allowPrivate, gapMs, now = () => new Date(), random = Math.random } = options
  const politeness = gapMs === undefined ? {} : { gapMs }
  const fetcher = createFetcher({ allowPrivate, userAgent, now, politeness })
  const settings = { ...defaultPollSettings, ...options.polls }
  return { db, fetcher, reader: createReader(), log, now, random, signal, settings }
}

/** The work, unless it still runs in this process. */
function onceAtATime(work: () => Promise<void>): () => Promise<void> {
  let running = false
  return async () => {
    if (running) return
    running = true
    try {
      await work()
    } finally {
      running = false
    }
  }
}

const HOUSEKEEPING_MS = 600_000
const RELEASE_MS = 60_000
const DIGEST_MS = 900_000
const OVERDUE_MS = 60_000
const LAST_GRACE_MS = 2_000

type Running = { queues: Queues; giveUp: AbortController; log: Log; close: () => Promise<void> }

// BullMQ waits for running jobs without limit, so it is raced.
async function stop({ queues, giveUp, log, close }: Running, limitMs: number): Promise<void> {
  const finished = queues.finish().then(() => true)
  const late = (milliseconds: number) => sleep(milliseconds, false, { ref: false })
  if (!(await Promise.race([finished, late(limitMs)]))) {
    giveUp.abort()
    if (!(await Promise.race([finished, late(LAST_GRACE_MS)]))) {
      log.warn({}, 'stopped while jobs were running; their leases end by themselves')
    }
  }
  await queues.close()
  await close()
}
