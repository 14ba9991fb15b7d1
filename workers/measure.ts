import type { Db } from '../prisma/client.ts'
import type { WaitingQueue } from './queues.ts'

/** What a worker does again and again, and counts by how it ended. */
export type Counted = 'poll' | 'delivery' | 'notification'

/** Takes the figures of a worker; what it makes of them is not the worker's business. Outcomes are codes, never ids. */
export type Measure = {
  counted(what: Counted, outcome: string): void
  jobEnded(queue: string, job: string, outcome: 'done' | 'failed', seconds: number): void
  /** Whom to ask how much waits, while the worker runs. */
  started(db: Db, queues: readonly WaitingQueue[]): void
}
