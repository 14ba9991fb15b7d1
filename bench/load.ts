// Asks a server over HTTP from a process of its own, by orders of `compare.ts`: node bench/load.ts
import { connect, type Socket } from 'node:net'

/** Asks on so many connections for so long, each the next as soon as it has an answer. */
export type LoadOrder = {
  port: number
  /** Asked in turn, beginning at `from`. */
  requests: readonly LoadRequest[]
  from: number
  connections: number
  milliseconds: number
}

export type LoadRequest = { path: string; headers?: Readonly<Record<string, string>> }

export type LoadReport = {
  /** Answers in a second. */
  rate: number
  /** Milliseconds, in order. */
  latencies: number[]
  statuses: Record<number, number>
  /** One path for each status. */
  paths: Record<number, string>
  /** Of the bodies, on average. */
  bytes: number
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (report) => process.send?.(report),
    (error) => {
      console.error(error)
      process.exit(1)
    },
  )
})
process.on('disconnect', () => process.exit())

async function load({ port, requests, from, connections, milliseconds }: LoadOrder): Promise<LoadReport> {
  const texts = requests.map(({ path, headers = {} }) => requestText(port, path, headers))
  const latencies: number[] = []
  const statuses: Record<number, number> = {}
  const paths: Record<number, string> = {}
  let bytes = 0
  let next = from
  const clients = await Promise.all(Array.from({ length: connections }, () => openClient(port)))
  const started = performance.now()
  const until = started + milliseconds
  await Promise.all(
    clients.map(async ({ ask, close }) => {
      for (let now = performance.now(); now < until; now = performance.now()) {
        const asked = next++ % texts.length
        const answer = await ask(texts[asked] as string)
        latencies.push(performance.now() - now)
        statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
        paths[answer.status] ??= requests[asked]?.path ?? ''
        bytes += answer.bytes
      }
      close()
    }),
  )
  const seconds = (performance.now() - started) / 1_000
  return {
    rate: latencies.length / seconds,
    latencies: latencies.sort((a, b) => a - b),
    statuses,
    paths,
    bytes: bytes / latencies.length,
  }
}

function requestText(port: number, path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${lines.join('')}\r\n`
}

type Answer = { status: number; bytes: number }

/*
 * As little as can read an answer. With two cores for the servers, the store and this, whatever is spent here is missing
 * there: a whole HTTP client would make all servers look alike.
 */
async function openClient(
  port: number,
): Promise<{ ask: (text: string) => Promise<Answer>; close: () => void }> {
  const socket = await connected(port)
  let answered: PromiseWithResolvers<Answer> | undefined
  let head: Buffer | null = null
  let answer: Answer = { status: 0, bytes: 0 }
  let missing = 0
  socket.on('data', (chunk) => {
    if (head !== null) {
      const all: Buffer = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      const end = all.indexOf('\r\n\r\n')
      head = all
      if (end < 0) return
      answer = parseHead(all.toString('latin1', 0, end))
      missing = answer.bytes - (all.length - end - 4)
      head = null
    } else {
      missing -= chunk.length
    }
    if (missing === 0) answered?.resolve(answer)
    else if (missing < 0) answered?.reject(new Error('more was answered than was announced'))
  })
  socket.on('error', (error) => answered?.reject(error))
  socket.on('close', () => answered?.reject(new Error('the server has closed a connection')))
  return {
    ask(text) {
      head = EMPTY
      answered = Promise.withResolvers<Answer>()
      socket.write(text)
      return answered.promise
    },
    close: () => socket.destroy(),
  }
}

const EMPTY = Buffer.alloc(0)

function connected(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket))
    socket.once('error', reject)
  })
}

function parseHead(head: string): Answer {
  const status = Number(head.slice(9, 12))
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1]
  if (length === undefined && status !== 304) throw new Error(`an answer without its length:\n${head}`)
  return { status, bytes: Number(length ?? 0) }
}
