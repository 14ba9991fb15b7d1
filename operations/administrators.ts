import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ClientCaller } from '../domain/callers.ts'
import { findClient, looksLikeKey } from '../domain/clients.ts'
import type { Db } from '../prisma/client.ts'

/** Whom a request is from; undefined once it has been answered with 401. */
export type Identify = (request: FastifyRequest, reply: FastifyReply) => Promise<ClientCaller | undefined>

const REMEMBER_MS = 1_000

/**
 * Lets administrators in by HTTP Basic (RFC 7617): the password is a secret key of a client of that role, compared in
 * constant time, and the user name says which person acts. A key is looked up at most once a second.
 */
export function createIdentify(db: Db): Identify {
  let last: { key: string; until: number; client: ReturnType<typeof findClient> } | undefined

  const clientFor = (key: string): ReturnType<typeof findClient> => {
    if (last !== undefined && last.key === key && last.until > Date.now()) return last.client
    const client = findClient(db, key)
    last = { key, until: Date.now() + REMEMBER_MS, client }
    client.catch(() => {
      last = undefined
    })
    return client
  }

  return async (request, reply) => {
    const { actingUser, key } = credentialsIn(request.headers.authorization)
    const client = actingUser !== '' && looksLikeKey(key) ? await clientFor(key) : null
    if (client !== null && client.role === 'administrator' && !client.publishable) {
      const { origins: _, ...caller } = client
      return { ...caller, actingUser }
    }
    await reply
      .code(401)
      .header('www-authenticate', 'Basic realm="care-connect operations", charset="UTF-8"')
      .type('text/plain; charset=utf-8')
      .send('For administrators: your name, and a secret key of a client of that role as the password.\n')
    return undefined
  }
}

const MOST_CHARACTERS = 200

function credentialsIn(authorization: string | undefined): { actingUser: string; key: string } {
  const [, encoded = ''] = /^Basic +([A-Za-z0-9+/]+={0,2})$/i.exec(authorization?.trim() ?? '') ?? []
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const end = text.indexOf(':')
  const actingUser = text.slice(0, Math.max(0, end)).trim()
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a name that the store could not keep, or a log not show.
  const isName = actingUser.length <= MOST_CHARACTERS && !/[\u0000-\u001f\u007f]/.test(actingUser)
  return { actingUser: isName ? actingUser : '', key: text.slice(end + 1) }
}
