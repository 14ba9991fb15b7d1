import type { Log } from './log.ts'

/** Work that is done again and again until the process stops, and at once when it is woken. */
export type Loop = { wake(): void; stop(): Promise<void> }

const AFTER_ERROR_MS = 2_000

/** Does `work` now, whenever it is woken, and at least every `everyMs` milliseconds; one run at a time. */
export function startLoop(
  work: () => Promise<void>,
  { everyMs, log, failed }: { everyMs: number; log: Log; failed: string },
): Loop {
  let stopped = false
  let woken = false
  let awake: () => void = () => undefined

  const pause = (milliseconds: number) =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds)
      awake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  const run = async (): Promise<void> => {
    while (!stopped) {
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
