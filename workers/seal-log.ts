import { sealSome } from '../domain/audit-chain.ts'
import type { Context } from './context.ts'
import { type Loop, startLoop } from './loop.ts'

// In one go what comes together, so that it costs those little who wait for positions.
const GATHER_MS = 250
// Whoever gives positions wakes it; this is for what a killed one has left.
const LOOK_MS = 10_000
const TELL_MS = 600_000
const BATCH = 500

/**
 * Seals the change log into the audit chain (domain/audit-chain.ts), a moment behind it: nobody waits for that. Every now
 * and then the log of this process says where the chain stands, so that it is known outside the database.
 */
export function startSealing({ db, log }: Pick<Context, 'db' | 'log'>): Loop {
  let toldAt = 0
  const seal = async (): Promise<void> => {
    for (;;) {
      const { sealed, head } = await sealSome(db, BATCH)
      if (sealed > 0 && Date.now() - toldAt >= TELL_MS) {
        toldAt = Date.now()
        log.info({ position: head.position, hash: head.hash.toString('hex') }, 'the audit chain stands here')
      }
      if (sealed < BATCH) return
    }
  }
  return startLoop(seal, {
    everyMs: LOOK_MS,
    gatherMs: GATHER_MS,
    log,
    failed: 'the change log could not be sealed',
  })
}
