import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { type Caller, type ClientCaller, staffRoles } from '../domain/callers.ts'
import { findClient, type KnownClient, looksLikeKey } from '../domain/clients.ts'
import type { Db } from '../prisma/client.ts'
import type { Operation, SchemeName } from './contract/contract.ts'
import { DoorError } from './problems.ts'

/** Finds out who asks, before anything of what they sent is read; throws 401 and 403 problems. */
export type Authenticate = (operation: Operation, request: FastifyRequest) => Promise<Caller>

const REMEMBER_MS = 1_000
const REMEMBER_MOST = 10_000

/**
 * Authentication by the contract's security rules. A key is looked up at most once a second, so a revoked one works no
 * longer than that. `notifyToken` is what GOV.UK Notify shows; without it nobody calls back.
 */
export function createAuthenticate(
  db: Db,
  { clock = Date.now, notifyToken }: { clock?: () => number; notifyToken?: string } = {},
): Authenticate {
  const remembered = new Map<string, { until: number; client: Promise<KnownClient | null> }>()

  const clientFor = (key: string): Promise<KnownClient | null> => {
    const known = remembered.get(key)
    if (known !== undefined && known.until > clock()) return known.client
    if (remembered.size >= REMEMBER_MOST) remembered.clear()
    const client = findClient(db, key)
    remembered.set(key, { until: clock() + REMEMBER_MS, client })
    client.catch(() => remembered.delete(key))
    return client
  }

  return async (operation, request) => {
    const receipt = receiptOf(operation, request)
    if (receipt !== undefined) return { kind: 'reporter', receipt }
    if (operation.security.some((choice) => choice.notifyToken !== undefined)) {
      checkToken(keyOf(request), notifyToken)
      return { kind: 'public' }
    }
    const open = operation.security.some((choice) => Object.keys(choice).length === 0)
    // Where no key opens anything none is looked at, and none stands in for a receipt or a signature.
    if (!keyOpens(operation)) {
      if (open || isSigned(operation)) return { kind: 'public' }
      throw new DoorError('key_missing', { detail: "Send the case's receipt as Case-Receipt." })
    }
    const key = keyOf(request)
    if (key === undefined) {
      if (open) return { kind: 'public' }
      throw new DoorError('key_missing', { detail: 'Send Authorization: Bearer <key>.' })
    }
    const client = looksLikeKey(key) ? await clientFor(key) : null
    if (client === null) throw new DoorError('key_invalid', { detail: 'It is unknown, expired or revoked.' })
    checkScopes(operation, client)
    checkOrigin(client, request.headers.origin)
    return withActingUser(client, request.headers['acting-user'])
  }
}

/** The problem of a staff tool's write that does not say who acts, or undefined. */
export function actingUserMissing(operation: Operation, caller: Caller): boolean {
  if (operation.method === 'get' || caller.kind !== 'client') return false
  return staffRoles.includes(caller.role) && caller.actingUser === null
}

// Where a receipt opens the operation, it says who asks, whatever else was sent.
function receiptOf(operation: Operation, { headers }: FastifyRequest): string | undefined {
  const receipt = headers['case-receipt']
  const opens = operation.security.some((choice) => choice.caseReceipt !== undefined)
  return opens && typeof receipt === 'string' ? receipt : undefined
}

// Who signs is known when the whole message is there, so the domain decides.
function isSigned({ security }: Operation): boolean {
  return security.some((choice) => choice.webhookSignature !== undefined)
}

function keyOpens({ security }: Operation): boolean {
  return security.some((choice) => choice.secretKey !== undefined || choice.publishableKey !== undefined)
}

// RFC 6750, section 2.1. Anything else in the header is no key, not an error of ours.
function keyOf(request: FastifyRequest): string | undefined {
  const { authorization } = request.headers
  if (authorization === undefined) return undefined
  return /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1] ?? ''
}

function checkToken(shown: string | undefined, token: string | undefined): void {
  if (shown === undefined)
    throw new DoorError('key_missing', { detail: 'Send Authorization: Bearer <token>.' })
  const digest = (text: string) => createHash('sha256').update(text).digest()
  if (token !== undefined && timingSafeEqual(digest(shown), digest(token))) return
  throw new DoorError('key_invalid', { detail: 'It is not the token that calls back.' })
}

function checkScopes(operation: Operation, client: ClientCaller): void {
  const scheme: SchemeName = client.publishable ? 'publishableKey' : 'secretKey'
  const fits = operation.security.some((choice) =>
    choice[scheme]?.every((scope) => (client.scopes as readonly string[]).includes(scope)),
  )
  if (fits) return
  const needed = operation.security.flatMap((choice) => choice[scheme] ?? [])
  throw new DoorError('scope_missing', {
    detail:
      needed.length > 0
        ? `It needs the scope ${needed.join(', ')}.`
        : 'A publishable key can only create cases.',
  })
}

function checkOrigin(client: KnownClient, origin: string | undefined): void {
  if (!client.publishable || (origin !== undefined && client.origins.includes(origin))) return
  throw new DoorError('origin_not_allowed', {
    detail: 'A publishable key works from the origins that were registered for it.',
  })
}

function withActingUser(
  { origins: _, ...client }: KnownClient,
  header: string | string[] | undefined,
): ClientCaller {
  return { ...client, actingUser: typeof header === 'string' && header.trim() !== '' ? header.trim() : null }
}
