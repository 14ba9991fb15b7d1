import { setTimeout as sleep } from 'node:timers/promises'
import { createReader } from '../connectors/reader.ts'
import { noteDigests } from '../domain/feedback-digest.ts'
import { freeAllImports } from '../domain/import-runs.ts'
import { watchLog } from '../domain/log-watch.ts'
import { freeAllClaims } from '../domain/source-claims.ts'
import { createFetcher } from '../net/fetch.ts'
import { createWebhookSender } from '../net/send-webhook.ts'
import type { Db } from '../prisma/client.ts'
import { type Context, defaultPollSettings, type PollSettings } from './context.ts'
import { countFigures } from './count-figures.ts'
import { deliver } from './deliver.ts'
import { doRun } from './do-run.ts'
import { endPauses } from './end-pauses.ts'
import { fanOut } from './fan-out.ts'
import { keepHouse } from './housekeeping.ts'
import { importOrganisations, takeUpImports } from './import-organisations.ts'
import { startIndexing } from './keep-index.ts'
import { startPlacing } from './keep-log.ts'
import type { Log } from './log.ts'
import { startLoop } from './loop.ts'
import { type MailSettings, openMailer } from './mail/mailer.ts'
import type { Measure } from './measure.ts'
import { PING_MS, pingHub } from './ping-hub.ts'
import { pollDue } from './poll-due.ts'
import { pollSource } from './poll-source.ts'
import { probeSource } from './probe-source.ts'
import { noteNews } from './query-digests.ts'
import { openQueues, type QueueSettings, type Queues, type WaitingQueue } from './queues.ts'
import { releaseHolds } from './release-holds.ts'
import { startRetaining } from './retain.ts'
import { startSealing } from './seal-log.ts'
import { startSendingNow } from './send-now.ts'
import { sweepWebhooks } from './sweep-webhooks.ts'
import { takeUpRuns } from './take-up-runs.ts'
import { startTelling } from './tell.ts'
import { tellOverdue } from './tell-overdue.ts'
import type { WebhookContext } from './webhook-context.ts'

export type { Log } from './log.ts'
export type { MailSettings } from './mail/mailer.ts'
export type { QueueSettings } from './queues.ts'

export type WorkersOptions = {
  db: Db
  queue: QueueSettings
  log: Log
  /** Begins every address that goes out; without a slash at the end. */
  publicUrl?: string
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
  /** The WebSub hub that is told of changes of the feeds; needs `publicUrl`. */
  hub?: string
  /** Where messages go; nowhere when not set. */
  mail?: MailSettings
  /** How often what waits for another attempt is told, in milliseconds; what is new is told at once. */
  mailEveryMs?: number
  /** How long a message to be sent is its worker's own, in milliseconds; a minute and a half if nothing is said. */
  mailLeaseMs?: number
  /** No other process works on this store: what a killed one had claimed is free at once. */
  alone?: boolean
  polls?: Partial<PollSettings>
  now?: () => Date
  random?: () => number
  /** Takes the figures of what is done. */
  measure?: Measure
}

export type Workers = {
  /** What waits, to look at. */
  queues: readonly WaitingQueue[]
  /** Finishes what it holds; after `limitMs` milliseconds requests under way are given up, and what they fetched is due again. */
  stop(limitMs?: number): Promise<void>
}

/** Starts the workers of this process; rejects when the queue is not there. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const { db, queue, log, pollsAtOnce = 32, publicUrl = HERE } = options
  const { pollEveryMs = 5_000, runsEveryMs = 2_000, mailEveryMs = 5_000 } = options
  const giveUp = new AbortController()
  const context = contextOf(options, giveUp.signal)
  const mail = options.mail ?? { kind: 'none', from: '', onCall: null, nationalContact: null, notice: '' }
  const mailer = openMailer(mail, options)
  const queues = await openQueues(db, queue, log)
  if (options.alone) {
    await freeAllClaims(db, context.now())
    await freeAllImports(db)
    await queues.forget()
  }
  const every = {
    'poll-due': pollEveryMs,
    'take-up-runs': runsEveryMs,
    'keep-house': HOUSEKEEPING_MS,
    'release-holds': RELEASE_MS,
    'send-mail': mailEveryMs,
    'feedback-digest': DIGEST_MS,
    'query-digests': QUERY_DIGESTS_MS,
    'tell-overdue': OVERDUE_MS,
    'count-figures': FIGURES_MS,
    'end-pauses': PAUSES_MS,
  } as const
  const watch = watchLog(db)
  const webhooks = webhookContextOf(options, context)
  const telling = startTelling(
    { ...context, ...mail, mailer, publicUrl, leaseMs: options.mailLeaseMs },
    { watch, everyMs: WITHOUT_QUEUE_MS },
  )
  queues.work({
    jobs: {
      'poll-source': ({ sourceId }) => pollSource(context, sourceId),
      'probe-source': ({ sourceId }) => probeSource(context, sourceId),
      'do-run': ({ runId }) => doRun(context, runId),
      'import-organisations': ({ importId }) => importOrganisations(context, importId),
      'fan-out': ({ subscriptionId }) => fanOut(webhooks, subscriptionId, queues.addJob),
      deliver: ({ subscriptionId }) => deliver(webhooks, subscriptionId, queues.addJob),
    },
    ticks: {
      'poll-due': () => pollDue(context, queues.addJob),
      'take-up-runs': async () => {
        await takeUpRuns(context, queues.addJob)
        await takeUpImports(context, queues.addJob)
      },
      'keep-house': () => keepHouse(context),
      'release-holds': () => releaseHolds(context),
      'send-mail': async () => telling.wake(),
      'feedback-digest': async () => void (await noteDigests(db, context.now())),
      'query-digests': () => noteNews(context, telling.wake),
      'tell-overdue': () => tellOverdue(context),
      'count-figures': () => countFigures(context),
      'end-pauses': () => endPauses(context),
    },
    concurrency: pollsAtOnce,
    ended: options.measure?.jobEnded,
  })
  options.measure?.started(db, queues.all)
  await queues.scheduleTicks(every, 'all')
  const ticking = startLoop(() => queues.scheduleTicks(every, 'missing'), {
    everyMs: TICKS_MS,
    log,
    failed: 'it could not be seen whether the ticks are there',
  })
  const sendingNow = startSendingNow(webhooks)
  const sealing = startSealing(context)
  const placing = startPlacing(context, undefined, () => {
    sendingNow.wake()
    sealing.wake()
  })
  const indexing = startIndexing(context)
  const retaining = startRetaining(context)
  const sweeping = startLoop(() => sweepWebhooks(context, queues.addJob), {
    everyMs: SWEEP_MS,
    log,
    failed: 'it could not be seen which webhooks are to be sent',
  })
  const { hub } = options
  const pinging =
    hub &&
    startLoop(() => pingHub(webhooks, hub), {
      everyMs: PING_MS,
      log,
      failed: 'the hub could not be told of feeds',
    })
  const close = async () => {
    await webhooks.sender.close()
    await placing.stop()
    await sealing.stop()
    await indexing.stop()
    await watch.close()
    mailer?.close()
    await context.fetcher.close()
    await context.reader.close()
  }
  let stopped: Promise<void> | undefined
  return {
    queues: queues.all,
    stop(limitMs = 10_000) {
      const loops = [ticking, sendingNow, sweeping, telling, retaining, ...(pinging ? [pinging] : [])]
      const finish = () => Promise.all([...loops.map((loop) => loop.stop()), queues.finish()])
      stopped ??= stop({ queues, giveUp, log, finish, close }, limitMs)
      return stopped
    },
  }
}

function contextOf(options: WorkersOptions, signal: AbortSignal): Context {
  const { db, log, userAgent, allowPrivate, gapMs, now = () => new Date(), random = Math.random } = options
  const politeness = gapMs === undefined ? {} : { gapMs }
  const fetcher = createFetcher({ allowPrivate, userAgent, now, politeness })
  const settings = { ...defaultPollSettings, ...options.polls }
  return { db, fetcher, reader: createReader(), log, now, random, signal, settings, measure: options.measure }
}

function webhookContextOf(
  { userAgent, allowPrivate, publicUrl = HERE }: WorkersOptions,
  { db, log, now, random, signal, measure }: Context,
): WebhookContext {
  const sender = createWebhookSender({ allowPrivate, userAgent, now })
  return { db, log, now, random, signal, measure, sender, publicUrl }
}

// A queue that was emptied has forgotten its ticks too.
const TICKS_MS = 10_000
// Where the API is when nobody says otherwise.
const HERE = 'http://127.0.0.1:3000'
// While the queue is away, and its ticks with it, what waits is looked for all the same.
const WITHOUT_QUEUE_MS = 60_000
// What happens is sent at once; this is for what is to be tried again, and for what was left over.
const SWEEP_MS = 1_000
const HOUSEKEEPING_MS = 600_000
const RELEASE_MS = 60_000
const DIGEST_MS = 900_000
const QUERY_DIGESTS_MS = 60_000
const OVERDUE_MS = 60_000
const FIGURES_MS = 600_000
const PAUSES_MS = 60_000
const LAST_GRACE_MS = 2_000

type Running = {
  queues: Queues
  giveUp: AbortController
  log: Log
  finish: () => Promise<unknown>
  close: () => Promise<void>
}

// BullMQ waits for running jobs without limit, so it is raced.
async function stop({ queues, giveUp, log, finish, close }: Running, limitMs: number): Promise<void> {
  const finished = finish().then(() => true)
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
