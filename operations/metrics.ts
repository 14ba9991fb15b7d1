import { Counter, collectDefaultMetrics, Histogram, Registry } from 'prom-client'
import type { Measure as ApiMeasure } from '../api/measure.ts'
import type { Db } from '../prisma/client.ts'
import type { Measure as WorkerMeasure } from '../workers/measure.ts'
import { gauge, type MetricsRegistry, PREFIX } from './gauge.ts'
import { addLog, addQueues, addWork } from './store-metrics.ts'

/** The figures of one process, and who gives them. */
export type Metrics = {
  /** All of them, in the text of OpenMetrics 1.0. */
  text(): Promise<string>
  mediaType: string
  api: ApiMeasure
  worker: WorkerMeasure
  /** The connections of this process to the store. */
  watchPool(db: Db): void
}

// From what is kept ready to what a person notices; few, because each operation has them all.
const REQUEST_SECONDS = [0.005, 0.025, 0.1, 0.5, 2.5, 10]
const JOB_SECONDS = [0.01, 0.1, 1, 10, 60, 600]
// What has more values than this is no code.
const MOST_VALUES = 60

/** Begins the figures of a process. Every label has values from a list in the code, or at most some dozens of codes. */
export function createMetrics(): Metrics {
  const registry: MetricsRegistry = new Registry()
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE)
  collectDefaultMetrics({ register: registry })
  return {
    text: () => registry.metrics(),
    mediaType: registry.contentType,
    api: apiMeasure(registry),
    worker: workerMeasure(registry),
    watchPool({ pool }) {
      gauge(registry, 'database_connections', 'Connections to the store', ['state'], (made) => {
        made.set({ state: 'busy' }, pool.totalCount - pool.idleCount)
        made.set({ state: 'idle' }, pool.idleCount)
      })
      gauge(registry, 'database_waiting', 'Who waits for a connection', [], (made) => {
        made.set(pool.waitingCount)
      })
    },
  }
}

function apiMeasure(registry: MetricsRegistry): ApiMeasure {
  const registers = [registry]
  const requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Requests by operation and class of status',
    labelNames: ['operation', 'status'],
    registers,
  })
  const seconds = new Histogram({
    name: `${PREFIX}request_duration_seconds`,
    help: 'Time to the end of the answer',
    labelNames: ['operation'],
    buckets: REQUEST_SECONDS,
    registers,
  })
  const versioned = new Counter({
    name: `${PREFIX}versioned_answers_total`,
    help: 'Answers that depend on the version of the data alone',
    labelNames: ['how'],
    registers,
  })
  const turnedAway = new Counter({
    name: `${PREFIX}turned_away_total`,
    help: 'Requests that got a 503 before anything else fell over',
    labelNames: ['pressure'],
    registers,
  })
  return {
    answered(operation, status, took) {
      const name = operation ?? 'none'
      requests.inc({ operation: name, status: `${Math.floor(status / 100)}xx` })
      seconds.observe({ operation: name }, took)
    },
    versioned: (how) => versioned.inc({ how }),
    turnedAway: (pressure) => turnedAway.inc({ pressure }),
    gauge(name, read) {
      gauge(registry, name, GAUGES[name], [], (made) => made.set(read()))
    },
  }
}

const GAUGES = {
  streams: 'Listeners to server-sent events',
  cache_bytes: 'Bytes of answers that are kept for the version of the data',
} as const

function workerMeasure(registry: MetricsRegistry): WorkerMeasure {
  const registers = [registry]
  const counters = {
    poll: outcomes(registry, 'polls_total', 'Polls of sources by outcome'),
    delivery: outcomes(registry, 'deliveries_total', 'Attempts to deliver a webhook by outcome'),
    notification: outcomes(registry, 'notifications_total', 'Attempts to tell somebody by outcome'),
  }
  const jobs = new Counter({
    name: `${PREFIX}jobs_total`,
    help: 'Jobs that have ended',
    labelNames: ['queue', 'job', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: `${PREFIX}job_duration_seconds`,
    help: 'Time that a job took',
    labelNames: ['queue', 'job'],
    buckets: JOB_SECONDS,
    registers,
  })
  return {
    counted: (what, outcome) => counters[what](outcome),
    jobEnded(queue, job, outcome, took) {
      jobs.inc({ queue, job, outcome })
      seconds.observe({ queue, job }, took)
    },
    started(db, queues) {
      addQueues(registry, queues)
      addLog(registry, db)
      addWork(registry, db)
    },
  }
}

function outcomes(registry: MetricsRegistry, name: string, help: string): (outcome: string) => void {
  const counter = new Counter({
    name: `${PREFIX}${name}`,
    help,
    labelNames: ['outcome'],
    registers: [registry],
  })
  const seen = new Set<string>()
  return (outcome) => {
    const isCode = /^[a-z][a-z0-9_-]{0,40}$/.test(outcome)
    const known = isCode && (seen.has(outcome) || seen.size < MOST_VALUES)
    if (known) seen.add(outcome)
    counter.inc({ outcome: known ? outcome : 'other' })
  }
}
