import type { Log } from './log.ts'

/** Work that is done again and again until the process stops, and at once when it is woken. */
export type Loop = { wake(): void; stop(): Promise<void> }

const AFTER_ERROR_MS = 2_000

/**
 * Does `work` now, whenever it is woken, and at least every `everyMs` milliseconds; one run at a time. What wakes it within
 * `gatherMs` milliseconds is done in one run, after them.
 */
export function startLoop(
  work: () => Promise<void>,
  { everyMs, gatherMs = 0, log, failed }: { everyMs: number; gatherMs?: number; log: Log; failed: string },
): Loop {
  let stopped = false
  let woken = false
  let awake: () => void = () => undefined

  const pause = (milliseconds: number, wakes = true) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      awake = () => {
        if (!wakes && !stopped) return
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    while (!stopped) {
      if (woken && gatherMs > 0) await pause(gatherMs, false)
      woken = false
      const next = await work().then(
        () => everyMs,
        (err: Error) => {
          log.warn({ err }, failed)
          return AFTER_ERROR_MS
        },
      )
      if (!stopped && !(woken && next === everyMs)) await pause(next)
    }
  }
  const running = run()
  return {
    wake() {
      woken = true
      awake()
    },
    async stop() {
      stopped = true
      awake()
      await running
    },
  }
}
