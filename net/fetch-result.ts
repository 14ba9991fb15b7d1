import type { Dispatcher } from 'undici'
import { readBody, TooLargeError } from './body.ts'
import type { FailureReason } from './fetch-failure.ts'
import { type CacheControl, parseCacheControl, parseHttpDate, parseRetryAfter } from './http-headers.ts'
import { redactUrl } from './redact-url.ts'

export type FetchResult = FetchedDocument | NotModified | RateLimited | FetchFailure

export type FetchedDocument = AnswerFacts & {
  outcome: 'document'
  contentType: string | null
  /** Of the unpacked body, in hexadecimal. */
  sha256: string
  /** The unpacked body. */
  bytes: Buffer
}

export type NotModified = AnswerFacts & { outcome: 'not-modified' }

export type RateLimited = { outcome: 'rate-limited'; status: number; retryAfterSeconds: number | null }

export type FetchFailure = {
  outcome: 'failed'
  reason: FailureReason
  status?: number
  /** Holds no query values and no credentials. */
  detail: string
}

export type AnswerFacts = {
  /** 2xx or 304, and 404 or 410: the connector decides what those mean. */
  status: number
  /** Where the answer came from, after redirects; holds the query, so redact it before it is logged. */
  url: string
  etag: string | null
  lastModified: string | null
  cacheControl: CacheControl | null
  expires: Date | null
  retryAfterSeconds: number | null
  /** The new address when every redirect on the way was permanent (301, 308), else null. */
  movedTo: string | null
}

export type ReadingContext = {
  url: URL
  movedTo: string | null
  conditional: boolean
  limits: { wireBytes: number; decodedBytes: number }
  now: Date
}

/** Makes a result of the last answer on the way; reads the body only where it is a document. */
export async function readResult(
  response: Dispatcher.ResponseData,
  context: ReadingContext,
): Promise<FetchResult> {
  const { statusCode: status, headers, body } = response
  if (isDocument(status)) {
    refuseLong(response, context.limits)
    const read = await readBody(body, joined(headers, 'content-encoding') ?? '', context.limits)
    const contentType = header(headers, 'content-type')
    return { outcome: 'document', ...facts(response, context), contentType, ...read }
  }
  await discard(response)
  if (status === 304 && context.conditional) return { outcome: 'not-modified', ...facts(response, context) }
  const retryAfterSeconds = parseRetryAfter(header(headers, 'retry-after'), context.now)
  if (status === 429 || (status === 503 && retryAfterSeconds !== null)) {
    return { outcome: 'rate-limited', status, retryAfterSeconds }
  }
  return failed('http-status', context.url, `answered ${status}`, status)
}

/** A failure whose detail names the address without its query values. */
export function failed(
  reason: FailureReason,
  url: URL | string,
  detail: string,
  status?: number,
): FetchFailure {
  return {
    outcome: 'failed',
    reason,
    ...(status !== undefined && { status }),
    detail: `${redactUrl(url)}: ${detail}`,
  }
}

/** The first value of a header, null when absent. */
export function header(headers: Dispatcher.ResponseData['headers'], name: string): string | null {
  const value = headers[name]
  return (Array.isArray(value) ? value[0] : value) ?? null
}

/** Lets go of a body that nobody reads: a short one to its end, so that the connection can be used again. */
export async function discard({ body }: Dispatcher.ResponseData): Promise<void> {
  await body.dump({ limit: 16_384 })
}

/** What says itself that it is too long is not begun; what says nothing, or less than it is, ends at the limit. */
function refuseLong({ headers, body }: Dispatcher.ResponseData, { wireBytes }: { wireBytes: number }): void {
  if (!(Number(header(headers, 'content-length')) > wireBytes)) return
  body.on('error', () => {}).destroy()
  throw new TooLargeError(`more than ${wireBytes} bytes on the wire`)
}

function isDocument(status: number): boolean {
  return (status >= 200 && status < 300) || status === 404 || status === 410
}

function facts({ statusCode, headers }: Dispatcher.ResponseData, context: ReadingContext): AnswerFacts {
  const { url, movedTo, now } = context
  return {
    status: statusCode,
    url: url.href,
    etag: header(headers, 'etag'),
    lastModified: header(headers, 'last-modified'),
    cacheControl: parseCacheControl(joined(headers, 'cache-control')),
    expires: parseHttpDate(header(headers, 'expires') ?? '', now),
    retryAfterSeconds: parseRetryAfter(header(headers, 'retry-after'), now),
    movedTo,
  }
}

function joined(headers: Dispatcher.ResponseData['headers'], name: string): string | null {
  const value = headers[name]
  return (Array.isArray(value) ? value.join(', ') : value) ?? null
}
