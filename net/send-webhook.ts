import { Agent, type Dispatcher, request as send } from 'undici'
import { guardedConnector, type Lookup, urlProblem } from './address-guard.ts'
import { explainFailure } from './fetch-failure.ts'
import { header } from './fetch-result.ts'
import { parseRetryAfter } from './http-headers.ts'

export type WebhookSenderOptions = {
  /** Exact `host:port` pairs that may be private. */
  allowPrivate: readonly string[]
  /** Names the service and where to ask about it: `care-connect/1.0 (+https://…)`. */
  userAgent: string
  lookup?: Lookup
  /** For connecting, and from the start to the end of the answer, in milliseconds. */
  connectMs?: number
  totalMs?: number
  now?: () => Date
}

export type WebhookRequest = {
  url: string
  headers: Readonly<Record<string, string>>
  body: Uint8Array
  signal?: AbortSignal
}

/** What became of it: `problem` is a code, null when the answer was 2xx. */
export type WebhookResult = {
  status: number | null
  problem: WebhookProblem | null
  /** The beginning of the answer, as text. */
  answer: string | null
  /** As a 429 or 503 asked for. */
  retryAfterSeconds: number | null
}

export type WebhookProblem =
  | 'redirect'
  | 'gone'
  | 'http_status'
  | 'forbidden_address'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'timeout'
  | 'aborted'
  | 'protocol'

export type WebhookSender = {
  /** Sends once; whatever goes wrong is a value, and nothing is thrown. */
  send(request: WebhookRequest): Promise<WebhookResult>
  close(): Promise<void>
}

const CONNECT_MS = 5_000
const TOTAL_MS = 15_000
const READ_BYTES = 65_536
const KEPT_CHARACTERS = 500

/** Sends webhooks to other people's servers: bounded in time and size, without redirects, to public addresses only. */
export function createWebhookSender(options: WebhookSenderOptions): WebhookSender {
  const { connectMs = CONNECT_MS, totalMs = TOTAL_MS, now = () => new Date() } = options
  const connect = guardedConnector({ ...options, connectMs })
  const agent = new Agent({ connect, allowH2: false, headersTimeout: totalMs, bodyTimeout: totalMs })
  return {
    async send(request) {
      const late = AbortSignal.timeout(totalMs)
      const signal = request.signal === undefined ? late : AbortSignal.any([request.signal, late])
      try {
        const problem = urlProblem(new URL(request.url), options.allowPrivate)
        if (problem !== null) return failed('forbidden_address')
        const headers = { ...request.headers, 'user-agent': options.userAgent }
        const { url, body } = request
        const response = await send(url, { dispatcher: agent, method: 'POST', headers, body, signal })
        return await read(response, now())
      } catch (error) {
        if (late.aborted) return failed('timeout')
        if (request.signal?.aborted) return failed('aborted')
        return failed(problemOf(error))
      }
    },
    close: () => agent.destroy(),
  }
}

async function read(response: Dispatcher.ResponseData, now: Date): Promise<WebhookResult> {
  const { statusCode: status, headers } = response
  const asks = status === 429 || status === 503
  return {
    status,
    problem: problemWith(status),
    answer: await beginningOf(response.body),
    retryAfterSeconds: asks ? parseRetryAfter(header(headers, 'retry-after'), now) : null,
  }
}

function problemWith(status: number): WebhookProblem | null {
  if (status >= 200 && status < 300) return null
  if (status >= 300 && status < 400) return 'redirect'
  return status === 410 ? 'gone' : 'http_status'
}

// The status has come: what becomes of the rest of the answer changes nothing.
async function beginningOf(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      length += chunk.length
      if (length >= READ_BYTES) break
    }
  } catch {
    // What there is of it is kept.
  }
  body.on('error', () => undefined).destroy()
  return [...Buffer.concat(chunks).toString('utf8')].slice(0, KEPT_CHARACTERS).join('')
}

function problemOf(error: unknown): WebhookProblem {
  const { reason } = explainFailure(error)
  switch (reason) {
    case 'forbidden-address':
      return 'forbidden_address'
    case 'dns':
    case 'connect':
    case 'tls':
    case 'timeout':
    case 'aborted':
      return reason
    default:
      return 'protocol'
  }
}

function failed(problem: WebhookProblem): WebhookResult {
  return { status: null, problem, answer: null, retryAfterSeconds: null }
}
