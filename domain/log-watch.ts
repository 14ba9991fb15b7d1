import type { Db } from '../prisma/client.ts'
import { PLACED, type PlacedNews } from './change-log.ts'
import { followChannels } from './channel.ts'
import { SILENCE_MS, VERSIONS } from './data-version.ts'

/** What may have grown: the log, or only the index of cases, by which words are found. */
export type LogGrowth = 'log' | 'index'

export type GrowthCall = (growth: LogGrowth, news?: PlacedNews) => void

/** Follows the end of the change log. */
export type LogWatch = {
  /** Calls whenever there may be something new, with what it is if that was said; returns what ends that. */
  onGrowth(call: GrowthCall): () => void
  close(): Promise<void>
}

/** Hears of new positions over a connection of its own; whenever that was broken, there may be something new. */
export function watchLog(db: Db): LogWatch {
  const callers = new Set<GrowthCall>()
  let version: string | undefined
  const grown: GrowthCall = (growth, news) => {
    for (const call of callers) call(growth, news)
  }
  const { close } = followChannels(db, {
    // The version is announced every second: without it the connection would not be missed when nothing happens.
    channels: [PLACED, VERSIONS],
    heard: (payload, channel) => {
      // One of an older version says the position alone.
      if (channel === PLACED) grown('log', payload.startsWith('{') ? JSON.parse(payload) : undefined)
      else if (payload !== version) {
        version = payload
        grown('index')
      }
    },
    opened: () => grown('log'),
    silenceMs: SILENCE_MS,
  })
  return {
    onGrowth(call) {
      callers.add(call)
      return () => void callers.delete(call)
    },
    close,
  }
}
