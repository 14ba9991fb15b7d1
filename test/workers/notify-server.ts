import { createHmac, randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type LocalServer, serve, type Teardown } from '../net/servers.ts'

const SERVICE = '26785a09-ab16-4eb0-8407-a37497a57506'
const SECRET = '3d844edf-8d35-48ac-975b-e847b4f122b0'

/** The key of the invented service of `notifyServer`, as GOV.UK Notify shows such ones. */
export const API_KEY = `invented-${SERVICE}-${SECRET}`

/** A message that it has taken. */
export type Taken = {
  id: string
  reference: string
  status: string
  email: string
  wire: Record<string, unknown>
}

export type NotifyServer = LocalServer & {
  taken: Taken[]
  /** How often it was asked what became of a reference. */
  asked: number
  /** What it says to a message instead of taking it. */
  refuse: (email: string) => { status: number; message: string; headers?: Record<string, string> } | undefined
  /** It takes the message and hangs up. */
  hangsUp: boolean
}

/** A stand-in for GOV.UK Notify: as much of its API, version 2, as sends e-mails and finds them by reference. */
export async function notifyServer(t: Teardown): Promise<NotifyServer> {
  const server: NotifyServer = {
    ...({} as LocalServer),
    taken: [],
    asked: 0,
    refuse: () => undefined,
    hangsUp: false,
  }
  const here = await serve(t, (request, response) => void answer(server, request, response))
  return Object.assign(server, here)
}

async function answer(
  server: NotifyServer,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const say = (status: number, body: object, headers: Record<string, string> = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  const refused = (status: number, error: string, message: string, headers = {}) =>
    say(status, { status_code: status, errors: [{ error, message }] }, headers)

  if (!isOurs(request.headers.authorization))
    return void refused(403, 'AuthError', 'Invalid token: signature')
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://here.invalid')
  if (request.method === 'GET' && pathname === '/v2/notifications') {
    server.asked += 1
    const found = server.taken
      .filter(({ reference }) => reference === searchParams.get('reference'))
      .reverse()
    return void say(200, {
      notifications: found.map(({ id, reference, status }) => ({ id, reference, status })),
      links: {},
    })
  }
  const wire = JSON.parse(await textOf(request))
  const no = server.refuse(wire.email_address)
  if (no !== undefined) return void refused(no.status, 'BadRequestError', no.message, no.headers)
  const one = {
    id: randomUUID(),
    reference: wire.reference,
    status: 'created',
    email: wire.email_address,
    wire,
  }
  server.taken.push(one)
  if (server.hangsUp) return void request.socket.destroy()
  say(201, { id: one.id, reference: one.reference, content: {}, uri: '', template: {} })
}

// RFC 7519: signed with the service's secret, and not older than half a minute.
function isOurs(authorization = ''): boolean {
  const [, head = '', claims = '', signature] =
    /^Bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/.exec(authorization) ?? []
  const read = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString())
  if (signature === undefined || read(head).alg !== 'HS256') return false
  const { iss, iat } = read(claims)
  const right = createHmac('sha256', SECRET).update(`${head}.${claims}`).digest('base64url')
  return iss === SERVICE && Math.abs(Date.now() / 1000 - iat) < 30 && signature === right
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
