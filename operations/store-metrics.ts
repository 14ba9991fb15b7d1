import { readLogMarks } from '../domain/log-marks.ts'
import { knownWorkHealth, type WorkAge } from '../domain/work-health.ts'
import type { Db } from '../prisma/client.ts'
import type { WaitingQueue, WaitingState } from '../workers/queues.ts'
import { gauge, type MetricsRegistry } from './gauge.ts'

const STATES: readonly WaitingState[] = ['waiting', 'active', 'delayed', 'prioritized', 'failed']

/** How many jobs each queue has in each state. */
export function addQueues(registry: MetricsRegistry, queues: readonly WaitingQueue[]): void {
  gauge(registry, 'queue_jobs', 'Jobs on a queue', ['queue', 'state'], async (made) => {
    for (const queue of queues) {
      const counts = await queue.getJobCounts(...STATES)
      for (const state of STATES) made.set({ queue: queue.name, state }, counts[state] ?? 0)
    }
  })
}

/** Where the change log stands, and how far each tap is behind it. */
export function addLog(registry: MetricsRegistry, db: Db): void {
  gauge(registry, 'log_position', 'The last position of the change log', [], async (made) =>
    made.set((await readLogMarks(db)).placed),
  )
  gauge(registry, 'log_behind', 'Events of the log that a tap has not read', ['tap'], async (made) => {
    const { placed, taps } = await readLogMarks(db)
    made.reset()
    for (const { tap, at } of taps) made.set({ tap }, Math.max(0, placed - at))
  })
}

/** The ages that `/healthz` tells. */
export function addWork(registry: MetricsRegistry, db: Db): void {
  const each = (name: string, help: string, read: (age: WorkAge) => number) =>
    gauge(registry, name, help, ['kind'], async (made) => {
      const { work } = await knownWorkHealth(db, new Date())
      for (const age of work) made.set({ kind: age.kind }, read(age))
    })
  each('work_waiting', 'Work that is due, counted up to 1,000', ({ waiting }) => waiting)
  each('work_oldest_seconds', 'Since when the oldest of it is due', ({ oldestSeconds }) => oldestSeconds ?? 0)
  each('work_deadline_seconds', 'By when it has to be done', ({ deadlineSeconds }) => deadlineSeconds)
}
