import type { EventsRead } from './contract/handler.ts'

/** A comment, which says nothing but that the connection is there. */
export const COMMENT = Buffer.from(':\n\n')

/** How a stream begins: how long to wait, in milliseconds, before coming back, and from where. */
export function startOf(position: number, retryMs: number): string {
  return `retry: ${retryMs}\nid: ${position}\n\n`
}

/** A comment with where its reader is, also when everything was passed over; an id without data is no event. */
export function keepAliveAt(position: number): Buffer {
  return Buffer.from(`:\nid: ${position}\n\n`)
}

/** Events as they are sent; undefined for none. JSON has no line ends. */
export function textOf(events: EventsRead['events']): Buffer | undefined {
  if (events.length === 0) return undefined
  return Buffer.from(events.map(({ id, data }) => `id: ${id}\nevent: log\ndata: ${data}\n\n`).join(''))
}

/** Runs work, so many at a time, the rest in its order. */
export function atMost(limit: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running >= limit) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      // Its place goes to the next one.
      if (next === undefined) running--
      else next()
    }
  }
}
