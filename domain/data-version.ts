import { setTimeout as sleep } from 'node:timers/promises'
import type pg from 'pg'
import { type Db, rows, type Sql } from '../prisma/client.ts'

/** Names what the public may read at a moment: the same text, the same answers. Opaque; safe in an ETag. */
export type DataVersion = string

/** Follows the version of the data. */
export type VersionWatch = {
  /** Undefined while nobody can tell it: then nothing may be taken for unchanged. */
  current(): DataVersion | undefined
  close(): Promise<void>
}

const CHANNEL = 'care_connect_data'

/** So often does whoever keeps the index say that the version holds, in milliseconds. */
export const ANNOUNCE_MS = 1_000
// Two may get lost, or be late.
const TRUST_MS = 3.5 * ANNOUNCE_MS
const SILENCE_MS = 10 * ANNOUNCE_MS
const RETRY_MS = 1_000

/** Moves the version, for what no event tells of, and tells every process when the caller's transaction is kept. */
export async function noteDataChange(sql: Sql): Promise<void> {
  await rows(sql, 'update log_state set changes = changes + 1', [], 'note-data-change')
  await announceVersion(sql)
}

/** Tells every process which version holds, when the caller's transaction is kept. */
export async function announceVersion(sql: Sql): Promise<void> {
  await rows(
    sql,
    `select pg_notify('${CHANNEL}', substr(generation, 1, 8) || '.' || position || '.' || changes) from log_state`,
    [],
    'announce-version',
  )
}

/**
 * Follows the version over a connection of its own. It is known only while whoever keeps the index announces it, and
 * that happens when every change before is in it: with the connection dead, no worker there or one that is behind, there
 * is no version. Whoever reads the version first and then the data has data of that version or later.
 */
export function watchDataVersion(db: Db, clock: () => number = Date.now): VersionWatch {
  const giveUp = new AbortController()
  let heard: { version: DataVersion; at: number } | undefined

  const follow = async (): Promise<void> => {
    while (!giveUp.signal.aborted) {
      const connection = await db.pool.connect().catch(() => undefined)
      if (connection !== undefined) {
        const hear = (version: DataVersion) => {
          heard = { version, at: clock() }
        }
        await listen(connection, hear, giveUp.signal)
        heard = undefined
        connection.release(true)
      }
      await sleep(RETRY_MS, undefined, { signal: giveUp.signal, ref: false }).catch(() => undefined)
    }
  }
  const following = follow()
  return {
    current: () => (heard !== undefined && clock() - heard.at < TRUST_MS ? heard.version : undefined),
    async close() {
      giveUp.abort()
      await following
    },
  }
}

// Until the connection breaks, falls silent, or nobody wants to know any more.
async function listen(
  connection: pg.PoolClient,
  hear: (version: DataVersion) => void,
  signal: AbortSignal,
): Promise<void> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>()
  const silence = setTimeout(end, SILENCE_MS).unref()
  signal.addEventListener('abort', () => end(), { once: true })
  connection.on('error', () => end())
  connection.on('end', () => end())
  connection.on('notification', ({ payload = '' }) => {
    silence.refresh()
    hear(payload)
  })
  connection.query(`listen ${CHANNEL}`).catch(() => end())
  await over
  clearTimeout(silence)
}
