import type { LogWatch } from '../domain/log-watch.ts'
import { noteNotifications } from '../domain/notifications.ts'
import { type Loop, startLoop } from './loop.ts'
import { type MailContext, sendMail } from './send-mail.ts'

// Whoever listens live is told first; what comes close together is noted together.
const GATHER_MS = 5

/**
 * Tells people what the change log says that they are to be told, as soon as it says so: what is urgent does not wait for
 * a tick. What waits for another attempt comes with the next wake, at least every `everyMs` milliseconds. A long row of
 * mails keeps nothing from being noted, and what is urgent goes before the rest of it.
 */
export function startTelling(
  context: MailContext,
  { watch, everyMs }: { watch: LogWatch; everyMs: number },
): Loop {
  const { db, log } = context
  let stopping = false
  const sending = startLoop(() => sendMail(context, () => !stopping), {
    everyMs,
    log,
    failed: 'what waits to be told could not be told',
  })
  const note = async (): Promise<void> => {
    if ((await noteNotifications(db)) > 0) sending.wake()
  }
  const noting = startLoop(note, {
    ...{ everyMs, gatherMs: GATHER_MS, log },
    failed: 'who is to be told could not be noted',
  })
  const forget = watch.onGrowth(noting.wake)
  return {
    wake() {
      noting.wake()
      sending.wake()
    },
    async stop() {
      stopping = true
      forget()
      await noting.stop()
      await sending.stop()
    },
  }
}
