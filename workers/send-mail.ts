import { addresseeOf } from '../domain/addressees.ts'
import {
  type ClaimedNotification,
  claimNotifications,
  nextAttempt,
  type Settlement,
  settleNotification,
  tokenOf,
} from '../domain/notifications.ts'
import type { Context } from './context.ts'
import {
  MAILS_AT_ONCE,
  type Mail,
  type Mailer,
  type MailSettings,
  type Problem,
  problemOf,
} from './mail/mailer.ts'
import { fillTemplate } from './mail/template.ts'
import { templates } from './mail/templates.ts'

export type MailContext = Pick<Context, 'db' | 'log' | 'now' | 'random' | 'signal'> & {
  /** Null when mails go nowhere. */
  mailer: Mailer | null
} & Pick<MailSettings, 'onCall' | 'notice'>

const CLAIMED_AT_ONCE = 20
const ONE_MAIL_MS = 60_000
// Longer than the mails of one claim may take.
const LEASE_MS = 300_000

/** Tells what is waiting to be told, each for itself: one that cannot be sent holds up no other. */
export async function sendMail(context: MailContext): Promise<void> {
  const { db, now, signal } = context
  for (;;) {
    const claimed = await claimNotifications(db, now(), { limit: CLAIMED_AT_ONCE, leaseMs: LEASE_MS })
    const waiting = claimed[Symbol.iterator]()
    const lanes = await Promise.allSettled(
      Array.from({ length: MAILS_AT_ONCE }, () => lane(context, waiting)),
    )
    const broken = lanes.find((one) => one.status === 'rejected')
    if (broken !== undefined) throw broken.reason
    if (claimed.length < CLAIMED_AT_ONCE || signal.aborted) return
  }
}

// All lanes take from one iterator, so a slow mail keeps one lane busy and no more.
async function lane(context: MailContext, waiting: Iterator<ClaimedNotification>): Promise<void> {
  for (let next = waiting.next(); !next.done; next = waiting.next()) {
    const settlement = await attempt(context, next.value)
    const settled = await settleNotification(context.db, next.value, settlement, context.now())
    if (settled) note(context, next.value, settlement)
  }
}

async function attempt(context: MailContext, notification: ClaimedNotification): Promise<Settlement> {
  const { log, mailer, now, random, signal } = context
  if (signal.aborted) return { state: 'waiting', problem: null, nextAttemptAt: now() }
  const failed = ({ problem, permanent }: Problem): Settlement => {
    const again = permanent ? null : nextAttempt(notification.attempts, now(), random)
    return again === null ? { state: 'failed', problem } : { state: 'waiting', problem, nextAttemptAt: again }
  }
  let made: Mail | { nobody: string }
  try {
    made = await makeMail(context, notification)
  } catch (err) {
    log.warn({ notification: notification.id, err }, 'a message could not be made')
    return failed({ problem: 'not_made', permanent: false })
  }
  if ('nobody' in made) return { state: 'dropped', problem: made.nobody }
  if (mailer === null) return { state: 'dropped', problem: 'no_mail_server' }
  try {
    await mailer.send(made, AbortSignal.any([signal, AbortSignal.timeout(ONE_MAIL_MS)]))
    return { state: 'sent' }
  } catch (error) {
    // The error itself is not logged: servers quote addresses.
    return failed(problemOf(error))
  }
}

async function makeMail(
  { db, onCall, notice, now }: MailContext,
  notification: ClaimedNotification,
): Promise<Mail | { nobody: string }> {
  const addressee = await addresseeOf(db, notification, { onCall, now: now() })
  if ('nobody' in addressee) return addressee
  return {
    ...fillTemplate(templates[notification.kind], { ...addressee.facts, notice }),
    to: addressee.to,
    token: await tokenOf(db, notification),
    name: `${String(notification.id).padStart(6, '0')}-${notification.kind.replaceAll('_', '-')}`,
  }
}

function note({ log }: MailContext, notification: ClaimedNotification, settlement: Settlement): void {
  const { id, kind, attempts } = notification
  const fields = { notification: id, kind, attempts }
  if (settlement.state === 'sent') {
    log.info(fields, 'told')
    return
  }
  const { state, problem } = settlement
  // Somebody may be in danger, and nobody knows.
  const alarm = kind === 'urgent_for_on_call' && state !== 'waiting'
  if (alarm) log.error({ ...fields, problem }, 'nobody could be told of an urgent case')
  else if (state === 'dropped') log.info({ ...fields, problem }, 'nobody to tell')
  else log.warn({ ...fields, state, problem }, 'could not be told')
}
