import { type Db, rows, type Sql } from '../prisma/client.ts'
import { followChannels } from './channel.ts'

/** Names what the public may read at a moment: the same text, the same answers. Opaque; safe in an ETag. */
export type DataVersion = string

/** Follows the version of the data. */
export type VersionWatch = {
  /** Undefined while nobody can tell it: then nothing may be taken for unchanged. */
  current(): DataVersion | undefined
  close(): Promise<void>
}

/** The channel on which the version is announced, every second or so. */
export const VERSIONS = 'care_connect_data'

/** So often does whoever keeps the index say that the version holds, in milliseconds. */
export const ANNOUNCE_MS = 1_000
// Two may get lost, or be late.
const TRUST_MS = 3.5 * ANNOUNCE_MS
/** Whoever announces it is gone, or the connection is, after so long. */
export const SILENCE_MS = 10 * ANNOUNCE_MS

/** Moves the version, for what no event tells of, and tells every process when the caller's transaction is kept. */
export async function noteDataChange(sql: Sql): Promise<void> {
  await rows(sql, 'update log_state set changes = changes + 1', [], 'note-data-change')
  await announceVersion(sql)
}

/** Tells every process which version holds, when the caller's transaction is kept. */
export async function announceVersion(sql: Sql): Promise<void> {
  await rows(
    sql,
    `select pg_notify('${VERSIONS}', substr(generation, 1, 8) || '.' || position || '.' || changes) from log_state`,
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
  let known: { version: DataVersion; at: number } | undefined
  const { close } = followChannels(db, {
    channels: [VERSIONS],
    heard: (version) => {
      known = { version, at: clock() }
    },
    lost: () => {
      known = undefined
    },
    silenceMs: SILENCE_MS,
  })
  return {
    current: () => (known !== undefined && clock() - known.at < TRUST_MS ? known.version : undefined),
    close,
  }
}
