import { Agent, request as send } from 'undici'
import { guardedConnector, type Lookup, urlProblem } from './address-guard.ts'
import { explainFailure } from './fetch-failure.ts'
import { discard, type FetchResult, failed, header, readResult } from './fetch-result.ts'
import { type Conditions, firstHop, type Hop, nextHop } from './hop.ts'
import { createPoliteness, type Politeness, type PolitenessOptions } from './politeness.ts'

export type { FailureReason } from './fetch-failure.ts'
export type {
  AnswerFacts,
  FetchedDocument,
  FetchFailure,
  FetchResult,
  NotModified,
  RateLimited,
} from './fetch-result.ts'
export { redactUrl } from './redact-url.ts'

/** Times in milliseconds, sizes in bytes. */
export type FetchLimits = {
  /** For the name lookup, and again for connecting. */
  connectMs: number
  headersMs: number
  /** Longest silence within a body. */
  idleMs: number
  /** From the first turn at a host to the last byte, redirects included. */
  totalMs: number
  wireBytes: number
  decodedBytes: number
  redirects: number
}

export type FetcherOptions = {
  /** Exact `host:port` pairs that may be private. */
  allowPrivate: readonly string[]
  /** Names the service and where to ask about it: `CareConnect/1.0 (+https://…)`. */
  userAgent: string
  limits?: Partial<FetchLimits>
  lookup?: Lookup
  politeness?: Partial<PolitenessOptions>
  now?: () => Date
}

export type FetchRequest = {
  url: string
  /** Sent to the origin of `url` only, never to another that it redirects to. */
  headers?: Record<string, string>
  /** As the last answer gave them; without them the fetch is unconditional. */
  validators?: Conditions
  /** For this request alone; connecting keeps the fetcher's limit. */
  limits?: Partial<Omit<FetchLimits, 'connectMs'>>
  /** Least time between two starts at the host, where the source says otherwise, in milliseconds. */
  gapMs?: number
  signal?: AbortSignal
}

export type Fetcher = {
  fetchDocument: (request: FetchRequest) => Promise<FetchResult>
  close: () => Promise<void>
}

export const DEFAULT_LIMITS: FetchLimits = {
  connectMs: 5_000,
  headersMs: 15_000,
  idleMs: 15_000,
  totalMs: 30_000,
  wireBytes: 5_000_000,
  decodedBytes: 20_000_000,
  redirects: 5,
}

/** Fetches documents from other people's servers: bounded, polite, conditional, from public addresses; a failure is a value. */
export function createFetcher(options: FetcherOptions): Fetcher {
  const limits = withLimits(DEFAULT_LIMITS, options.limits)
  const fetching: Fetching = {
    allowPrivate: options.allowPrivate,
    userAgent: options.userAgent,
    now: options.now ?? (() => new Date()),
    politeness: createPoliteness({ connections: 2, gapMs: 1_000, ...options.politeness }),
    agent: new Agent({
      connect: guardedConnector({ ...options, connectMs: limits.connectMs }),
      allowH2: false,
    }),
  }
  return {
    fetchDocument: (request) => fetchDocument(fetching, request, withLimits(limits, request.limits)),
    close: () => fetching.agent.close(),
  }
}

type Fetching = {
  allowPrivate: readonly string[]
  userAgent: string
  now: () => Date
  politeness: Politeness
  agent: Agent
}

/** A limit that is there but undefined must not become no limit. */
function withLimits(limits: FetchLimits, own: Partial<FetchLimits> = {}): FetchLimits {
  const given = Object.entries(own).filter(([, value]) => value !== undefined)
  return { ...limits, ...Object.fromEntries(given) }
}

type Step = { next: Hop } | { result: FetchResult }

async function fetchDocument(
  fetching: Fetching,
  request: FetchRequest,
  limits: FetchLimits,
): Promise<FetchResult> {
  const clock = createClock(limits.totalMs, request.signal)
  let url = request.url
  try {
    let step: Step = { next: firstHop(request.url, request.headers, request.validators) }
    while ('next' in step) {
      url = step.next.url.href
      step = refuse(step.next, fetching, limits) ?? (await take(step.next, fetching, request, limits, clock))
    }
    return step.result
  } catch (error) {
    if (clock.isLate()) return failed('timeout', url, `not complete within ${limits.totalMs} ms`)
    if (request.signal?.aborted) return failed('aborted', url, 'ended from outside')
    const { reason, detail } = explainFailure(error)
    return failed(reason, url, detail)
  } finally {
    clock.stop()
  }
}

function refuse({ url, redirects }: Hop, { allowPrivate }: Fetching, limits: FetchLimits): Step | null {
  const problem = urlProblem(url, allowPrivate)
  if (problem) return { result: failed('forbidden-address', url, problem) }
  if (redirects <= limits.redirects) return null
  return { result: failed('redirects', url, `more than ${limits.redirects} redirects`) }
}

async function take(
  hop: Hop,
  { politeness, agent, userAgent, now }: Fetching,
  request: FetchRequest,
  limits: FetchLimits,
  clock: RequestClock,
): Promise<Step> {
  const { url, headers } = hop
  const leave = await politeness.turn(hostAndPort(url), clock.signal, request.gapMs)
  clock.start()
  try {
    const response = await send(url, {
      dispatcher: agent,
      headers: {
        accept: ACCEPT,
        ...headers,
        'accept-encoding': 'gzip, deflate, br',
        'user-agent': userAgent,
      },
      headersTimeout: limits.headersMs,
      bodyTimeout: limits.idleMs,
      signal: clock.signal,
    })
    const next = nextHop(hop, response.statusCode, header(response.headers, 'location'))
    if (next === null) {
      const conditional = 'if-none-match' in headers || 'if-modified-since' in headers
      const movedTo = hop.redirects > 0 && hop.permanent ? url.href : null
      return { result: await readResult(response, { url, movedTo, conditional, limits, now: now() }) }
    }
    await discard(response)
    return next === 'unreadable' ? { result: failed('redirects', url, 'leads to no address') } : { next }
  } finally {
    leave()
  }
}

const ACCEPT =
  'application/atom+xml, application/rss+xml, application/json;q=0.9, application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5'

function hostAndPort({ hostname, port, protocol }: URL): string {
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`
}

type RequestClock = { signal: AbortSignal; start: () => void; isLate: () => boolean; stop: () => void }

/** Runs from its first start, so that waiting for a turn at a busy host is not counted. */
function createClock(totalMs: number, outside: AbortSignal | undefined): RequestClock {
  const late = new AbortController()
  let timer: NodeJS.Timeout | undefined
  return {
    signal: outside ? AbortSignal.any([outside, late.signal]) : late.signal,
    start: () => {
      timer ??= setTimeout(() => late.abort(), totalMs)
    },
    isLate: () => late.signal.aborted,
    stop: () => clearTimeout(timer),
  }
}
