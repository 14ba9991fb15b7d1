import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { DomainError } from '../domain/errors.ts'
import type { LogWatch } from '../domain/log-watch.ts'
import type { EventStream, EventsRead } from './contract/handler.ts'
import { createGroups, type Listener } from './stream-groups.ts'
import { atMost, COMMENT, startOf } from './stream-text.ts'

/** Streams of server-sent events (HTML, section 9.2), as many as listen, over one look at the change log for all that read the same. */
export type EventStreams = {
  /**
   * Begins a stream; rejects, before anything is sent, with what its first look at the log rejects with, and with
   * `unavailable` when too many listen. `holds` says, from time to time, whether the listener may go on.
   */
  open(
    request: FastifyRequest,
    reply: FastifyReply,
    stream: EventStream,
    holds?: () => Promise<boolean>,
  ): Promise<FastifyReply>
  /** So many listen. */
  listeners(): number
  /** Ends all streams; no more begin. */
  end(): Promise<void>
  close(): Promise<void>
}

export type EventStreamOptions = {
  /** So many may listen to one process. */
  most?: number
  /** Who has so many bytes waiting is cut off. */
  slowBytes?: number
  /** How often a comment is sent, in milliseconds. */
  keepAliveMs?: number
  /** How often it is asked whether a listener may go on, in milliseconds; not more often than comments are sent. */
  checkMs?: number
  /** How long whoever catches up may take to read what it was sent, in milliseconds. */
  patienceMs?: number
  now?: () => Date
  random?: () => number
}

const MOST = 10_000
const SLOW_BYTES = 256 * 1024
const KEEP_ALIVE_MS = 15_000
const PATIENCE_MS = 30_000
const CHECK_MS = 30_000
const LAST_WORDS_MS = 500
const CATCHING_UP = 4

/** Nothing is asked of the store before the first listener comes; `watch` opens what says that the log has grown. */
export function createEventStreams(watch: () => LogWatch, options: EventStreamOptions = {}): EventStreams {
  const {
    most = MOST,
    slowBytes = SLOW_BYTES,
    keepAliveMs = KEEP_ALIVE_MS,
    patienceMs = PATIENCE_MS,
  } = options
  const { checkMs = CHECK_MS, now = () => new Date(), random = Math.random } = options
  const listeners = new Set<Listener>()
  const groups = createGroups({ now, slowBytes })
  const reading = atMost(CATCHING_UP)
  let follows: LogWatch | undefined
  let ended = false
  let coming = 0
  let timer: NodeJS.Timeout | undefined

  const begin = (): void => {
    if (follows !== undefined) return
    follows = watch()
    follows.onGrowth(groups.grown)
    timer = setInterval(() => keepAlive(), keepAliveMs).unref()
  }
  const keepAlive = (): void => {
    groups.keepAlive()
    for (const listener of listeners) {
      if (listener.group === undefined) listener.response.write(COMMENT)
      if (Date.now() - listener.checkedAt >= checkMs) void check(listener)
    }
  }
  const check = async (listener: Listener): Promise<void> => {
    listener.checkedAt = Date.now()
    const { holds, response } = listener
    if (holds !== undefined && !(await reading(holds))) response.end()
  }
  // Until it has reached those who read the same, it reads by itself.
  const catchUp = async (
    listener: Listener,
    stream: EventStream,
    first: EventsRead | undefined,
  ): Promise<void> => {
    const { response } = listener
    let page = first
    for (;;) {
      if (page !== undefined) groups.tell(listener, page)
      if (response.destroyed || response.writableEnded) return
      if (page?.more !== true && groups.join(listener, stream)) return
      await drained(response, patienceMs)
      if (response.destroyed || response.writableEnded) return
      page = await reading(() => stream.read(listener.position, now()))
    }
  }

  return {
    async open(request, reply, stream, holds) {
      if (listeners.size + coming >= most) {
        throw new DomainError('unavailable', { detail: 'Too many listen here already.' })
      }
      begin()
      coming++
      const { position, page } = await firstLook(stream).finally(() => coming--)
      if (ended) throw new DomainError('unavailable', { detail: 'The service is stopping.' })
      const { raw: response } = reply.hijack()
      // It did not wait for us.
      if (response.destroyed) return reply
      const headers = reply.getHeaders() as Record<string, string>
      response.writeHead(200, { ...headers, ...HEADERS, 'request-id': request.id })
      if (request.method === 'HEAD') {
        response.end()
        return reply
      }
      const listener: Listener = { response, position, holds, checkedAt: Date.now(), group: undefined }
      listeners.add(listener)
      response.on('error', ignored)
      response.once('close', () => {
        listeners.delete(listener)
        groups.leave(listener)
      })
      response.write(startOf(position, 1_000 + Math.floor(random() * 4_000)))
      // Whoever cannot be told comes back with the last id that it had.
      catchUp(listener, stream, page).catch(() => response.end())
      return reply
    },
    listeners: () => listeners.size,
    async end() {
      ended = true
      clearInterval(timer)
      for (const { response } of listeners) response.end()
      const deadline = Date.now() + LAST_WORDS_MS
      while (listeners.size > 0 && Date.now() < deadline)
        await new Promise((resolve) => setTimeout(resolve, 10))
      for (const { response } of listeners) response.destroy()
    },
    async close() {
      groups.stop()
      await follows?.close()
    },
  }

  // Where others read the same already, nothing need be asked of the store.
  async function firstLook(stream: EventStream): Promise<{ position: number; page: EventsRead | undefined }> {
    const reached = groups.positionOf(stream)
    if (stream.after === undefined && reached !== undefined) return { position: reached, page: undefined }
    return reading(async () => {
      const position = stream.after ?? (await stream.end())
      return { position, page: await stream.read(position, now()) }
    })
  }
}

// Each line is told as it comes, by whatever stands in between; and the connection is worth nothing afterwards.
const HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  'x-accel-buffering': 'no',
  'x-content-type-options': 'nosniff',
  vary: 'authorization, origin',
  connection: 'close',
}

async function drained(response: ServerResponse, patienceMs: number): Promise<void> {
  if (!response.writableNeedDrain) return
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => response.destroy(), patienceMs)
    const done = (): void => {
      clearTimeout(late)
      response.off('drain', done).off('close', done)
      resolve()
    }
    response.on('drain', done).on('close', done)
  })
}

const ignored = (): void => undefined
