import type { PoolClient } from 'pg'
import { COMMITTED, LOG_LOCK, placeSome } from '../domain/change-log.ts'
import { followChannels } from '../domain/channel.ts'
import type { Context } from './context.ts'
import { type Loop, startLoop } from './loop.ts'

const BATCH = 1_000
// Commits wake it; this is for what it may have missed, and for taking over from a process that died.
const LOOK_MS = 250
// Whatever takes so long will not be answered any more: the other side, or the way there, is gone.
const SILENCE_MS = 35_000

/**
 * Gives events their positions as they are committed. One process does it at a time, on the one connection that hears of
 * commits and holds the lock: what it does is one statement, and when the connection breaks, another takes over. In that
 * one process `grown` is called when there are new positions, before anybody else hears of them.
 */
export function startPlacing(
  { db, log }: Pick<Context, 'db' | 'log'>,
  lookMs = LOOK_MS,
  grown: () => void = () => undefined,
): Loop {
  let connection: PoolClient | undefined
  let giveUp: () => void = () => undefined
  let mine = false

  const place = async (): Promise<void> => {
    if (connection === undefined) return
    const late = setTimeout(() => giveUp(), SILENCE_MS)
    try {
      mine ||= await takeLock(connection)
      while (mine && connection !== undefined) {
        const { placed } = await placeSome(connection, BATCH)
        late.refresh()
        if (placed > 0) grown()
        if (placed < BATCH) return
      }
    } finally {
      clearTimeout(late)
    }
  }
  const loop = startLoop(place, { everyMs: lookMs, log, failed: 'events could not be given their positions' })
  const following = followChannels(db, {
    channels: [COMMITTED],
    heard: () => loop.wake(),
    opened: (opened, end) => {
      connection = opened
      giveUp = end
      loop.wake()
    },
    lost: () => {
      connection = undefined
      mine = false
    },
  })
  return {
    wake: loop.wake,
    async stop() {
      await loop.stop()
      await following.close()
    },
  }
}

// A machine that loses its power says nothing; the store would keep its lock for two hours, as TCP has it.
const KEEP_ALIVE =
  'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3'

async function takeLock(connection: PoolClient): Promise<boolean> {
  const { rows } = await connection.query<{ mine: boolean }>(
    `select pg_try_advisory_lock(${LOG_LOCK}) as mine`,
  )
  const mine = rows[0]?.mine === true
  if (mine) await connection.query(KEEP_ALIVE)
  return mine
}
