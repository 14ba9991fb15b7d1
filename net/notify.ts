import { createHmac } from 'node:crypto'
import { Agent, type Dispatcher, request } from 'undici'
import { guardedConnector, type Lookup } from './address-guard.ts'
import { readBody } from './body.ts'
import { explainFailure, type FailureReason } from './fetch-failure.ts'
import { header } from './fetch-result.ts'

export type NotifyOptions = {
  /** Begins every address of the service, like `https://api.notifications.service.gov.uk`. */
  url: string
  /** `<name>-<service>-<secret>`, as GOV.UK Notify shows it once. */
  apiKey: string
  /** Exact `host:port` pairs that may be private. */
  allowPrivate: readonly string[]
  userAgent: string
  now?: () => Date
  lookup?: Lookup
}

export type NotifyEmail = {
  to: string
  template: string
  personalisation: Readonly<Record<string, string>>
  /** What we call it; GOV.UK Notify does not mind the same one twice. */
  reference: string
  /** The key of an address for answers, as the service's settings there have it. */
  replyTo: string | null
  /** An https address to which a POST ends such mails (RFC 8058). */
  unsubscribeUrl: string | null
}

/** GOV.UK Notify's API, version 2; what it refuses, and what does not come through, is a `NotifyError`. */
export type NotifyService = {
  /** Sends an e-mail; resolves to what GOV.UK Notify calls it, or null when it took it and did not say. */
  sendEmail(email: NotifyEmail, signal: AbortSignal): Promise<string | null>
  /** What GOV.UK Notify calls the e-mail of this reference that it has sent or is about to; undefined when there is none. */
  findEmail(reference: string, signal: AbortSignal): Promise<string | undefined>
  close(): Promise<void>
}

/** Why nothing was sent, as a code that says nothing of anybody; `permanent` when it is this recipient's address. */
export class NotifyError extends Error {
  override name = 'NotifyError'
  readonly problem: string
  readonly permanent: boolean
  constructor(problem: string, permanent = false) {
    super(problem)
    this.problem = problem
    this.permanent = permanent
  }
}

const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}'

/** The two halves of an API key that count, or null when it is none. */
export function readNotifyKey(key: string): { service: string; secret: string } | null {
  const [, service, secret] = new RegExp(`^.+-(${UUID})-(${UUID})$`, 'i').exec(key) ?? []
  return service === undefined || secret === undefined ? null : { service, secret }
}

/** Opens GOV.UK Notify; nothing connects before the first mail. Throws at a key that is none. */
export function openNotify(options: NotifyOptions): NotifyService {
  const { allowPrivate, lookup } = options
  const key = readNotifyKey(options.apiKey)
  if (key === null) throw new Error('the API key of GOV.UK Notify is not <name>-<service>-<secret>')
  const guard = { allowPrivate, connectMs: CONNECT_MS, ...(lookup && { lookup }) }
  const agent = new Agent({ connect: guardedConnector(guard), allowH2: false })
  const ask = askWith(agent, key, options)
  return {
    async sendEmail(email, signal) {
      const answer = await ask('/v2/notifications/email', signal, wireOf(email))
      if (answer.status !== 201) throw refusalOf(answer)
      return typeof answer.body?.id === 'string' ? answer.body.id : null
    },
    async findEmail(reference, signal) {
      const query = new URLSearchParams({ template_type: 'email', reference })
      const answer = await ask(`/v2/notifications?${query}`, signal)
      if (answer.status !== 200) throw refusalOf(answer)
      const found = answer.body?.notifications
      if (!Array.isArray(found)) throw new NotifyError('notify_unreadable')
      const alive = found.find((one) => one?.reference === reference && !GIVEN_UP.includes(one?.status))
      return typeof alive?.id === 'string' ? alive.id : undefined
    },
    close: () => agent.close(),
  }
}

type Ask = (path: string, signal: AbortSignal, body?: object) => Promise<Answer>

// Follows no redirect: people's addresses go where they are meant to go.
function askWith(
  dispatcher: Agent,
  key: { service: string; secret: string },
  { url, userAgent, now = () => new Date() }: NotifyOptions,
): Ask {
  return async (path, signal, body) => {
    const headers = {
      accept: 'application/json',
      authorization: `Bearer ${tokenOf(key, now())}`,
      'user-agent': userAgent,
      ...(body && { 'content-type': 'application/json' }),
    }
    const timeouts = { headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS }
    const sent = body && ({ method: 'POST', body: JSON.stringify(body) } as const)
    try {
      return await read(await request(`${url}${path}`, { dispatcher, headers, ...sent, ...timeouts, signal }))
    } catch (error) {
      throw new NotifyError(`notify_${reasonOf(error, signal).replaceAll('-', '_')}`)
    }
  }
}

const CONNECT_MS = 5_000
const SILENCE_MS = 15_000
const MOST_BYTES = 2_000_000

// Those that will never arrive: whoever wants them to sends them anew.
const GIVEN_UP = ['permanent-failure', 'temporary-failure', 'technical-failure']

type Answer = { status: number; body: Record<string, unknown> | null }

async function read({ statusCode, headers, body }: Dispatcher.ResponseData): Promise<Answer> {
  const limits = { wireBytes: MOST_BYTES, decodedBytes: MOST_BYTES }
  const { bytes } = await readBody(body, header(headers, 'content-encoding') ?? '', limits)
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    const isObject = typeof parsed === 'object' && parsed !== null
    return { status: statusCode, body: isObject ? (parsed as Record<string, unknown>) : null }
  } catch {
    return { status: statusCode, body: null }
  }
}

function reasonOf(error: unknown, { aborted, reason }: AbortSignal): FailureReason {
  if (!aborted) return explainFailure(error).reason
  return reason?.name === 'TimeoutError' ? 'timeout' : 'aborted'
}

/**
 * What it refuses the address for is permanent. Everything else is about us (the key, the template, a trial service, a
 * limit) or about Notify, and may be mended.
 */
function refusalOf({ status, body }: Answer): NotifyError {
  const errors = Array.isArray(body?.errors) ? body.errors : []
  const ofAddress = errors.some((one) => /^email_address\b/.test(String(one?.message)))
  return new NotifyError(`notify_${status}`, status === 400 && ofAddress)
}

function wireOf({ to, template, personalisation, reference, replyTo, unsubscribeUrl }: NotifyEmail): object {
  return {
    email_address: to,
    template_id: template,
    personalisation,
    reference,
    ...(replyTo !== null && { email_reply_to_id: replyTo }),
    ...(unsubscribeUrl !== null && { one_click_unsubscribe_url: unsubscribeUrl }),
  }
}

// RFC 7519 with HS256; Notify takes it for half a minute.
function tokenOf({ service, secret }: { service: string; secret: string }, now: Date): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const issued = { iss: service, iat: Math.floor(now.getTime() / 1000) }
  const signed = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(issued)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
