import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import { DomainError } from '../domain/errors.ts'

export type StopOptions = {
  /** How long it still takes requests while `/readyz` says that it will not, in milliseconds. */
  drainMs?: number
  /** How long requests under way may take after that. */
  limitMs?: number
}

const stopping = new WeakSet<FastifyInstance>()
const LIMIT_MS = 10_000

/** `/readyz` says 503 from the moment that the process begins to stop, so that a proxy sends its requests elsewhere. */
export function addReadiness(app: FastifyInstance): void {
  app.addHook('onRequest', ({ routeOptions }, _reply, next) => {
    if (stopping.has(app) && routeOptions.url === '/readyz')
      next(new DomainError('unavailable', { detail: 'This process is stopping.' }))
    else next()
  })
}

/**
 * Stops the API: is no longer ready, takes no more, ends the streams, finishes the requests under way. Those that are not
 * finished after `limitMs` lose their connections.
 */
export async function stopApi(
  app: FastifyInstance,
  { drainMs = 0, limitMs = LIMIT_MS }: StopOptions = {},
): Promise<void> {
  stopping.add(app)
  if (drainMs > 0) await sleep(drainMs)
  const cut = setTimeout(() => app.server.closeAllConnections(), limitMs)
  await app.close()
  clearTimeout(cut)
}
