import { startThread, type Thread, type ThreadBounds } from './reader-thread.ts'

/** Threads that read, and stay for the next who asks. */
export type Pool = {
  take: () => Promise<Thread>
  /** A thread that has read and waits to be fetched from counts no more: others may read meanwhile, if few wait so. */
  hold: (thread: Thread) => void
  /** Leaves a thread to others, or ends it. */
  giveBack: (thread: Thread, retire?: boolean) => void
  close: () => Promise<void>
}

export type PoolBounds = ThreadBounds & {
  /** That read at a time. */
  threads: number
  /** That wait beside them to be fetched from. */
  held: number
}

/** Makes a pool; its threads start when they are needed. */
export function createPool({ threads, held: mostHeld, ...bounds }: PoolBounds): Pool {
  const idle: Thread[] = []
  const busy = new Set<Thread>()
  const held = new Set<Thread>()
  const waiting: PromiseWithResolvers<void>[] = []
  let closed = false
  return {
    async take() {
      while (!closed && busy.size >= threads) {
        const turn = Promise.withResolvers<void>()
        waiting.push(turn)
        await turn.promise
      }
      if (closed) throw new Error('the reader is closed')
      let thread = idle.pop()
      while (thread !== undefined && !thread.isAlive()) thread = idle.pop()
      thread ??= startThread(bounds)
      busy.add(thread)
      return thread
    },
    hold(thread) {
      if (held.size >= mostHeld || !busy.delete(thread)) return
      held.add(thread)
      waiting.shift()?.resolve()
    },
    giveBack(thread, retire = false) {
      const wasHeld = held.delete(thread)
      if (!wasHeld && !busy.delete(thread)) return
      if (retire || closed || idle.length + busy.size >= threads) void thread.end()
      else if (thread.isAlive()) idle.push(thread)
      if (!wasHeld) waiting.shift()?.resolve()
    },
    async close() {
      closed = true
      for (const turn of waiting) turn.resolve()
      await Promise.all([...idle, ...busy, ...held].map((thread) => thread.end()))
    },
  }
}
