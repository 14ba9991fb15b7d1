import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Schemas } from '../../api/contract/handler.ts'

export type Received = { id: string; event: string; line: Schemas['LogEvent'] }

/** Whoever listens to a stream of events over a socket of its own, as a browser reads it. */
export type Listening = {
  socket: Socket
  status: () => number
  headers: () => Record<string, string>
  /** Events, in their order. */
  events: readonly Received[]
  /** The last id that came, with an event or without. */
  lastId: () => string
  /** All of it, but for the head. */
  body: () => string
  /** Resolves as soon as it holds; rejects when the stream has ended before. */
  until: (holds: () => boolean) => Promise<void>
  ended: Promise<unknown>
  close: () => void
}

/** Opens a stream at `path`; resolves when the head is there. */
export async function listen(
  port: number,
  path = '/v1/events/stream',
  headers: Record<string, string> = {},
): Promise<Listening> {
  const socket = connect(port, '127.0.0.1')
  const events: Received[] = []
  let text = ''
  let body: string | undefined
  let lastId = ''
  let rest = ''
  socket.setEncoding('utf8').on('error', () => undefined)
  socket.on('data', (part: string) => {
    text += part
    const end = text.indexOf('\r\n\r\n')
    if (body === undefined && end < 0) return
    const more = body === undefined ? text.slice(end + 4) : part
    body = (body ?? '') + more
    const blocks = (rest + unchunked(more)).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) take(block)
  })
  const take = (block: string): void => {
    const fields = new Map(
      block.split('\n').map((line) => [line.split(': ')[0], line.slice(line.indexOf(': ') + 2)]),
    )
    lastId = fields.get('id') ?? lastId
    const data = fields.get('data')
    if (data !== undefined)
      events.push({ id: lastId, event: fields.get('event') ?? '', line: JSON.parse(data) })
  }
  const ended = once(socket, 'close')
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.write(`GET ${path} HTTP/1.1\r\nHost: test\r\n${lines.join('')}\r\n`)
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      if (socket.destroyed) throw new Error(`the stream has ended: ${text.slice(0, 500)}`)
      await Promise.race([once(socket, 'data'), ended])
    }
  }
  await until(() => body !== undefined)
  const head = () => text.slice(0, text.indexOf('\r\n\r\n')).split('\r\n')
  return {
    socket,
    status: () => Number(head()[0]?.split(' ')[1]),
    headers: () =>
      Object.fromEntries(
        head()
          .slice(1)
          .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
      ),
    events,
    lastId: () => lastId,
    body: () => body ?? '',
    until,
    ended,
    close: () => socket.destroy(),
  }
}

// Each text is a chunk of its own, and none has a line end of this kind.
function unchunked(text: string): string {
  return text.replaceAll(/(^|\r\n)[0-9a-f]+\r\n/g, '').replaceAll('\r\n', '')
}
