import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import type { Db } from '../prisma/client.ts'

/** What is said on channels of the store, heard over a connection of its own that is opened again when it breaks. */
export type Listener = {
  channels: readonly string[]
  /** A notification; `channel` says on which. */
  heard: (payload: string, channel: string) => void
  /** From now on everything is heard; what was said before may have been missed. `giveUp` takes the connection for broken. */
  opened?: (connection: pg.PoolClient, giveUp: () => void) => void
  /** From now on nothing is heard. */
  lost?: () => void
  /** A connection that says nothing for so long is taken for broken, in milliseconds; for ever if nothing is said. */
  silenceMs?: number
}

export type Following = { close(): Promise<void> }

const RETRY_MS = 1_000

/** Listens until it is closed. */
export function followChannels(db: Db, listener: Listener): Following {
  const giveUp = new AbortController()
  const follow = async (): Promise<void> => {
    while (!giveUp.signal.aborted) {
      const connection = await db.pool.connect().catch(() => undefined)
      if (connection !== undefined) {
        await listen(connection, listener, giveUp.signal)
        listener.lost?.()
        connection.release(true)
      }
      await sleep(RETRY_MS, undefined, { signal: giveUp.signal, ref: false }).catch(() => undefined)
    }
  }
  const following = follow()
  return {
    async close() {
      giveUp.abort()
      await following
    },
  }
}

// Until the connection breaks, falls silent, or nobody wants to know any more.
async function listen(connection: pg.PoolClient, listener: Listener, signal: AbortSignal): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const silence =
    listener.silenceMs === undefined ? undefined : setTimeout(() => end(), listener.silenceMs).unref()
  signal.addEventListener('abort', () => end(), { once: true })
  connection.on('error', () => end())
  connection.on('end', () => end())
  connection.on('notification', ({ payload = '', channel }) => {
    silence?.refresh()
    listener.heard(payload, channel)
  })
  connection
    .query(listener.channels.map((channel) => `listen ${channel}`).join('; '))
    .then(() => listener.opened?.(connection, end))
    .catch(() => end())
  await over
  clearTimeout(silence)
}
