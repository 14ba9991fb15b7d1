/**
 * A feedback provider to try things out with: invented stories about real trusts, told in two formats.
 *
 *   /organisations/hospitals/comments.atom?apikey=KEY                  NHS Choices comments, paged
 *   /organisations/hospitals/commentssince/2024/7/1.atom?apikey=KEY    what changed since a day, with deletions
 *   /stories.rss                                                       RSS 2.0, other stories
 *
 * It has the habits of the original: any key will do but one is needed (401), no User-Agent is 403, nothing found is a
 * 404 with an HTML page, paging links lack the suffix `.atom`, and without it the format follows Accept. It grows
 * while it runs. Run alone by `node examples/provider/server.ts [port]`.
 */
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { commentEntries, renderCommentsPage } from './atom.ts'
import { grow } from './growth.ts'
import { renderStories } from './rss.ts'
import { pastStories, type Story, seededRandom } from './stories.ts'
import { ukDate, ukMidnight } from './uk-time.ts'

export type ProviderOptions = {
  /** 0 takes a free one. */
  port: number
  host: string
  now?: () => Date
  /** In milliseconds, 20,000 by default; 0 for never. */
  growEveryMs?: number
  seed?: string
}

export type Provider = { url: string; close: () => Promise<void> }

/** Starts the provider with the stories of the last 60 days and lets it grow until it is closed. */
export async function startProvider(options: ProviderOptions): Promise<Provider> {
  const { port, host, now = () => new Date(), growEveryMs = 20_000, seed = 'care-connect' } = options
  let stories = pastStories(seed, now())
  let changed = now()
  const random = seededRandom(seed, 'growth', changed.getTime())
  const growth =
    growEveryMs > 0
      ? setInterval(() => {
          changed = now()
          stories = grow(stories, random, changed)
        }, growEveryMs)
      : undefined

  const server = createServer((request, response) =>
    reply(request, response, answer(request, stories), changed),
  )
  try {
    await listen(server, port, host)
  } catch (error) {
    clearInterval(growth)
    throw error
  }
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        clearInterval(growth)
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

type Answer = { status: number; type: string; body: string }

const ATOM = 'application/atom+xml; charset=utf-8'
const RSS = 'application/rss+xml; charset=utf-8'
const HTML = 'text/html; charset=utf-8'

const NOTHING: Answer = {
  status: 404,
  type: HTML,
  body: '<!DOCTYPE html><html><head><title>Page not found</title></head><body><h1>Nothing here<br></body></html>',
}

function answer(request: IncomingMessage, stories: readonly Story[]): Answer {
  const url = URL.parse(request.url ?? '/', `http://${request.headers.host ?? 'localhost'}`)
  if (!url) return NOTHING
  if (request.method !== 'GET' && request.method !== 'HEAD') return page(405, 'Only reading is possible')
  if (url.pathname === '/stories.rss')
    return { status: 200, type: RSS, body: renderStories(stories, url.href) }
  if (url.pathname.startsWith('/organisations/')) return answerComments(request, url, stories)
  return NOTHING
}

function answerComments(request: IncomingMessage, url: URL, stories: readonly Story[]): Answer {
  if (!request.headers['user-agent']) return page(403, 'Forbidden')
  const apiKey = url.searchParams.get('apikey')
  if (!apiKey) return page(401, 'An apikey is needed')
  const match = COMMENTS_PATH.exec(url.pathname)
  const pageNumber = url.searchParams.get('page') ?? '1'
  if (!match || !/^[1-9]\d{0,5}$/.test(pageNumber)) return NOTHING
  const { type, year, month, day, suffix } = match.groups ?? {}
  if (!suffix && !request.headers.accept?.includes('atom')) return page(200, 'Comments are there as .atom')

  const since = year ? ukMidnight(Number(year), Number(month), Number(day)) : new Date(0)
  if (!since || type !== 'hospitals') return NOTHING
  const entries = commentEntries(stories, Boolean(year)).filter(({ changed }) => changed >= since)
  const body = renderCommentsPage(entries, {
    subject: year ? `Comments Since ${ukDate(since).day}` : 'Comments',
    address: url.origin + url.pathname.replace(/\.atom$/, ''),
    apiKey,
    page: Number(pageNumber),
  })
  return body === null ? NOTHING : { status: 200, type: ATOM, body }
}

const COMMENTS_PATH =
  /^\/organisations\/(?<type>hospitals|gppractices|clinics)\/comments(?:since\/(?<year>\d{4})\/(?<month>\d{1,2})\/(?<day>\d{1,2}))?(?<suffix>\.atom)?$/

function page(status: number, text: string): Answer {
  return { status, type: HTML, body: `<!DOCTYPE html><title>${text}</title><p>${text}.<br>` }
}

/** With ETag and Last-Modified where there is a feed, and 304 when the asker has it already (RFC 9110 13). */
function reply(request: IncomingMessage, response: ServerResponse, found: Answer, changed: Date): void {
  const { status, type, body } = found
  if (status !== 200 || type === HTML) {
    response.writeHead(status, { 'content-type': type }).end(body)
    return
  }
  const etag = `"${createHash('sha256').update(body).digest('hex').slice(0, 32)}"`
  const headers = { etag, 'last-modified': changed.toUTCString(), 'cache-control': 'max-age=20' }
  if (isKnown(request, etag, changed)) response.writeHead(304, headers).end()
  else response.writeHead(200, { ...headers, 'content-type': type }).end(body)
}

function isKnown({ headers }: IncomingMessage, etag: string, changed: Date): boolean {
  const known = headers['if-none-match']
  if (known !== undefined) return known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
  return headers['if-modified-since'] === changed.toUTCString()
}

function listen(server: ReturnType<typeof createServer>, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}

if (import.meta.main) {
  const provider = await startProvider({ port: Number(process.argv[2] ?? 4010), host: '127.0.0.1' })
  console.log(`An invented feedback provider:
  ${provider.url}/organisations/hospitals/comments.atom?apikey=example
  ${provider.url}/stories.rss`)
}
