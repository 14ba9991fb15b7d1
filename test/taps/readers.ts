import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** A line of the log as a tap heard it. */
export type Heard = { id: string; type: string; case: string; gone: boolean }

/** What a tap has heard so far, in the order in which it did. */
export type Reader = { heard: readonly Heard[]; stop(): Promise<void> }

/** Chooses an API process; any will do. */
export type Choose = () => string

/** Follows `GET /v1/events` page by page. */
export function followByPages(choose: Choose): Reader {
  const heard: Heard[] = []
  let after = '0'
  return running(heard, async () => {
    const page = await getJson(`${choose()}/v1/events?after=${after}&limit=200`)
    heard.push(...page.items)
    after = page.next
    if (!page.more) await sleep(20)
  })
}

/** Follows `GET /v1/events/stream`, and comes back with the last id whenever it ends. */
export function followByStream(choose: Choose): Reader {
  const heard: Heard[] = []
  const ended = new AbortController()
  let last = '0'
  return running(
    heard,
    async () => {
      const answer = await fetch(`${choose()}/v1/events/stream`, {
        headers: { 'last-event-id': last },
        signal: ended.signal,
      })
      if (!answer.ok || answer.body === null) throw new Error(`the stream answers ${answer.status}`)
      let text = ''
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        const blocks = (text + chunk).split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) {
          const line = dataOf(block)
          if (line === undefined) continue
          heard.push(line)
          last = line.id
        }
      }
    },
    () => ended.abort(),
  )
}

function dataOf(block: string): Heard | undefined {
  const data = block.split('\n').filter((line) => line.startsWith('data:'))
  return data.length === 0 ? undefined : JSON.parse(data.map((line) => line.slice(5).trim()).join('\n'))
}

export type Receiver = Reader & {
  url: string
  host: string
  /** What signs; known when the subscription is made. */
  secret: (secret: string) => void
  /** What was wrong with what came, in words. */
  complaints: readonly string[]
  /** How many came, those that came again too. */
  received: () => number
}

/** Takes webhooks; now and then it fails before, or after, it has noted what came. */
export async function receiveWebhooks(random: () => number): Promise<Receiver> {
  const heard: Heard[] = []
  const complaints: string[] = []
  const ids = new Map<string, string>()
  let signing = ''
  let received = 0
  const take = (message: IncomingMessage, body: string): void => {
    const [id, timestamp, signature] = ['id', 'timestamp', 'signature'].map((name) =>
      String(message.headers[`webhook-${name}`]),
    )
    const key = Buffer.from(signing.slice('whsec_'.length), 'base64')
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
    if (signature !== `v1,${expected}`) complaints.push(`${id}: the signature does not fit`)
    const { event } = JSON.parse(body).data
    if (ids.get(event.id) === id) return
    if (ids.has(event.id)) complaints.push(`${event.id}: came under two names`)
    ids.set(event.id, id as string)
    heard.push(event)
  }
  const server = createServer(async (message, answer) => {
    const parts: Buffer[] = []
    for await (const part of message) parts.push(part)
    received++
    const fails = random() < 0.05
    if (!fails || random() < 0.5) take(message, Buffer.concat(parts).toString('utf8'))
    answer.writeHead(fails ? 500 : 204).end()
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    heard,
    complaints,
    host,
    url: `http://${host}/care-connect`,
    received: () => received,
    secret: (secret) => {
      signing = secret
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A copy of what is public, and how it is brought up to date. */
export type Copy = { cases: ReadonlySet<string>; refresh(): Promise<void> }

/** Keeps a copy by `GET /v1/geo-feed/changes`. */
export function copyByMap(choose: Choose): Copy {
  const cases = new Set<string>()
  let after: string | undefined
  return {
    cases,
    async refresh() {
      for (let more = true; more; ) {
        const page = await getJson(
          `${choose()}/v1/geo-feed/changes?limit=500${after === undefined ? '' : `&after=${after}`}`,
        )
        for (const { id } of page.changed) cases.add(id)
        for (const reference of page.removed) cases.delete(reference)
        after = page.next
        more = page.more
      }
    },
  }
}

/** Keeps a copy by the Atom feed: its newest entries, and archive pages as far as they are new to it. */
export function copyByFeed(choose: Choose): Copy {
  const cases = new Set<string>()
  return {
    cases,
    async refresh() {
      const documents: string[] = []
      for (let at: string | undefined = `${choose()}/v1/feeds/cases.atom`; at !== undefined; ) {
        const text: string = await getText(at)
        documents.push(text)
        at = linkOf(text, 'prev-archive')
      }
      // Whatever stands in a newer document is what holds.
      cases.clear()
      const known = new Set<string>()
      for (const text of documents) {
        for (const reference of text.matchAll(/<entry>\s*<id>tag:[^<]*:case:([0-9A-Z-]+)<\/id>/g))
          note(known, reference[1] as string, () => cases.add(reference[1] as string))
        for (const reference of text.matchAll(/<at:deleted-entry[^>]*ref="tag:[^"]*:case:([0-9A-Z-]+)"/g))
          note(known, reference[1] as string, () => undefined)
      }
    },
  }
}

function note(known: Set<string>, reference: string, how: () => void): void {
  if (known.has(reference)) return
  known.add(reference)
  how()
}

function linkOf(text: string, rel: string): string | undefined {
  const link = text.match(/<link [^>]*>/g)?.find((one) => one.includes(`rel="${rel}"`))
  return link?.match(/href="([^"]*)"/)?.[1]?.replaceAll('&amp;', '&')
}

/** The JSON of an answer; rejects when it is none of success. */
export async function getJson(
  url: string,
  headers: Record<string, string> = {},
): Promise<ReturnType<typeof JSON.parse>> {
  return JSON.parse(await getText(url, headers))
}

async function getText(url: string, headers: Record<string, string> = {}): Promise<string> {
  const answer = await fetch(url, { headers, signal: AbortSignal.timeout(20_000) })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${answer.status}: ${text.slice(0, 200)}`)
  return text
}

// Whatever goes wrong is tried again: processes and stores come and go.
function running(heard: readonly Heard[], step: () => Promise<void>, interrupt?: () => void): Reader {
  let stopped = false
  const work = async () => {
    while (!stopped) await step().catch(() => sleep(50))
  }
  const working = work()
  return {
    heard,
    async stop() {
      stopped = true
      interrupt?.()
      await working
    },
  }
}
