import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../domain/callers.ts'
import { DoorError } from './problems.ts'

/** Counts a request against all limits that it is under; throws `too_many_requests` at the first that is reached. */
export type Spend = (
  request: FastifyRequest,
  reply: FastifyReply,
  asked: { operationId: string; caller: Caller | undefined },
) => Promise<void>

/** As many readers of one page as a publishable key is for at once. */
const READERS = 10

/** What anybody can send in without a secret key. */
const INTAKE: readonly string[] = ['createCase', 'createImage', 'createPreview', 'createReport']

/** Whoever shows its token sends as many as there were mails, from few addresses. */
const CALLBACK = 'receiveNotifyReceipt'

/**
 * The limits: by key, and by address for who has none; by both for a publishable key, which stands in a page that many
 * read; and a tighter one by address for what is sent in without a secret key.
 */
export function createLimits(
  app: FastifyInstance,
  { requestsPerMinute, intakePerMinute }: { requestsPerMinute: number; intakePerMinute: number },
): Spend {
  const keys = new WeakMap<FastifyRequest, string>()
  const limitOf = (max: number) =>
    app.createRateLimit({ max, timeWindow: '1 minute', keyGenerator: (request) => keys.get(request) ?? '' })
  const limits = {
    each: limitOf(requestsPerMinute),
    key: limitOf(requestsPerMinute * READERS),
    intake: limitOf(intakePerMinute),
  }
  return async (request, reply, { operationId, caller }) => {
    const spent: Spent[] = []
    for (const [limit, key] of countedBy(request, operationId, caller)) {
      keys.set(request, key)
      const one = await limits[limit](request)
      if (one.isAllowed) continue
      spent.push(one)
      if (one.isExceeded) break
    }
    const [tightest] = spent.sort(
      (a, b) => Number(b.isExceeded) - Number(a.isExceeded) || a.remaining - b.remaining,
    )
    if (tightest === undefined) return
    reply.headers({
      'ratelimit-limit': tightest.max,
      'ratelimit-remaining': tightest.remaining,
      'ratelimit-reset': tightest.ttlInSeconds,
    })
    if (!tightest.isExceeded) return
    const detail = `${tightest.max} a minute are allowed; wait.`
    throw new DoorError('too_many_requests', { detail }, tightest.ttlInSeconds)
  }
}

type Spent = { max: number; remaining: number; ttlInSeconds: number; isExceeded: boolean }

function countedBy(
  { ip }: FastifyRequest,
  operationId: string,
  caller: Caller | undefined,
): Array<['each' | 'key' | 'intake', key: string]> {
  if (operationId === CALLBACK && caller !== undefined) return [['key', CALLBACK]]
  const client = caller?.kind === 'client' ? caller : undefined
  const intake: Array<['intake', string]> =
    INTAKE.includes(operationId) && (client === undefined || client.publishable)
      ? [['intake', `intake ${ip}`]]
      : []
  if (client === undefined) return [...intake, ['each', ip]]
  if (!client.publishable) return [['each', String(client.clientId)]]
  return [...intake, ['each', `${client.clientId} ${ip}`], ['key', `key ${client.clientId}`]]
}
