import { createBullBoard } from '@bull-board/api'
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter'
import { FastifyAdapter } from '@bull-board/fastify'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { noteOperationsAccess } from '../domain/accesses.ts'
import type { Db } from '../prisma/client.ts'
import type { Log } from '../workers/log.ts'
import type { WaitingQueue } from '../workers/queues.ts'
import { createIdentify } from './administrators.ts'

export type DashboardOptions = { db: Db; queues: readonly WaitingQueue[]; log: Log }

export const DASHBOARD = '/queues'

// What looks like a queue from here is one; on PostgreSQL its type says so otherwise than the board knows.
type BoardQueue = ConstructorParameters<typeof BullMQAdapter>[0]

/**
 * The queues to look at, for administrators alone, under `/queues`. Nothing can be changed there: what is to be done again
 * comes again by itself. Whoever opens it is noted in the access log first; what cannot be noted is not shown.
 */
export async function addDashboard(
  app: FastifyInstance,
  { db, queues, log }: DashboardOptions,
): Promise<void> {
  const identify = createIdentify(db)
  const board = new FastifyAdapter()
  board.setBasePath(DASHBOARD)
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue as BoardQueue, { readOnlyMode: true })),
    serverAdapter: board,
    options: { uiConfig: { boardTitle: 'Care Connect queues', miscLinks: [] } },
  })
  await app.register(async (own) => {
    own.addHook('onRequest', async (request, reply) => {
      const caller = await identify(request, reply)
      if (caller === undefined) return reply
      if (request.method !== 'GET' && request.method !== 'HEAD') return refuse(reply)
      if (!opensPage(request)) return undefined
      await noteOperationsAccess(db, caller, 'openQueues')
      log.info({ client: caller.clientId }, 'the queue dashboard was opened')
      return undefined
    })
    own.addHook('onSend', addSafety)
    await own.register(board.registerPlugin(), { prefix: DASHBOARD })
  })
}

// Its own data, and what it is made of, come after the page.
function opensPage({ url }: FastifyRequest): boolean {
  return !url.startsWith(`${DASHBOARD}/api/`) && !url.startsWith(`${DASHBOARD}/static/`)
}

function refuse(reply: FastifyReply): FastifyReply {
  return reply.code(405).header('allow', 'GET, HEAD').type('text/plain').send('To look at only.\n')
}

// The page would like fonts from elsewhere; it does without.
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

async function addSafety(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<unknown> {
  reply.headers({
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
  })
  if (!request.url.startsWith(`${DASHBOARD}/static/`)) reply.header('cache-control', 'no-store')
  return payload
}
