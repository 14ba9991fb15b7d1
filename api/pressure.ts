import { getHeapStatistics } from 'node:v8'
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { DomainError } from '../domain/errors.ts'
import type { Db } from '../prisma/client.ts'
import type { Measure } from './measure.ts'

/** From where on requests are turned away; what is not there is not looked at. */
export type PressureLimits = {
  /** How late the event loop is on average, in milliseconds. */
  loopDelayMs?: number
  heapBytes?: number
  /** Memory of the whole process. */
  rssBytes?: number
  /** Requests that wait for a connection to the store. */
  waiting?: number
}

/** The limits as they are set; of the heap nine tenths of what Node allows itself if nothing is. */
export function pressureLimits({ loopDelayMs, waiting, heapMb, memoryMb }: PressureSetting): PressureLimits {
  const heapBytes = heapMb === undefined ? 0.9 * getHeapStatistics().heap_size_limit : heapMb * MEGABYTE
  return { loopDelayMs, waiting, heapBytes, ...(memoryMb !== undefined && { rssBytes: memoryMb * MEGABYTE }) }
}

type PressureSetting = {
  loopDelayMs: number
  waiting: number
  heapMb: number | undefined
  memoryMb: number | undefined
}

const MEGABYTE = 1024 * 1024
const SAMPLE_MS = 500
/** Whoever asks how the process is gets an answer as long as it has one. */
const PROBES = ['/livez', '/readyz', '/healthz']

/**
 * Turns requests away with `unavailable` and `Retry-After` while the process has more to do than it can: so those that it
 * has taken end in time, and nothing falls over.
 */
export async function addPressure(
  app: FastifyInstance,
  { db, limits, measure }: { db: Db; limits: PressureLimits; measure?: Measure | undefined },
): Promise<void> {
  const turnAway = (pressure: string): DomainError => {
    measure?.turnedAway(pressure)
    const detail = 'There is more to do than can be done just now.'
    return new DomainError('unavailable', { detail })
  }
  await app.register(underPressure, {
    sampleInterval: SAMPLE_MS,
    ...(limits.loopDelayMs !== undefined && { maxEventLoopDelay: limits.loopDelayMs }),
    ...(limits.heapBytes !== undefined && { maxHeapUsedBytes: limits.heapBytes }),
    ...(limits.rssBytes !== undefined && { maxRssBytes: limits.rssBytes }),
    pressureHandler: async (request, _reply, type) => {
      if (!isProbe(request)) throw turnAway(WORDS[type] ?? 'other')
    },
  })
  const { waiting } = limits
  if (waiting === undefined) return
  app.addHook('onRequest', (request, _reply, next) => {
    if (db.pool.waitingCount >= waiting && !isProbe(request)) next(turnAway('database'))
    else next()
  })
}

const WORDS: Readonly<Record<string, string>> = {
  [underPressure.TYPE_EVENT_LOOP_DELAY]: 'loop',
  [underPressure.TYPE_HEAP_USED_BYTES]: 'heap',
  [underPressure.TYPE_RSS_BYTES]: 'memory',
}

function isProbe({ routeOptions }: FastifyRequest): boolean {
  return PROBES.includes(routeOptions.url ?? '')
}
