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

export type MailContext = Pick<Context, 'db' | 'log' | 'now' | 'random' | 'signal' | 'measure'> & {
  /** Null when mails go nowhere. */
  mailer: Mailer | null
  /** Begins every address that goes out; without a slash at the end. */
  publicUrl: string
  /** How long a message is its worker's own, in milliseconds. */
  leaseMs?: number | undefined
} & Pick<MailSettings, 'onCall' | 'nationalContact' | 'notice'>

const ONE_MAIL_MS = 60_000
// Longer than one mail may take.
const LEASE_MS = 90_000

/**
 * Tells what is waiting to be told, each for itself: one that cannot be sent holds up no other. Claims no more as soon as
 * `goesOn` says so.
 */
export async function sendMail(context: MailContext, goesOn = () => true): Promise<void> {
  const lanes = await Promise.allSettled(Array.from({ length: MAILS_AT_ONCE }, () => lane(context, goesOn)))
  const broken = lanes.find((one) => one.status === 'rejected')
  if (broken !== undefined) throw broken.reason
}

// One after the other, so that a worker that dies holds up few, and not for long.
async function lane(context: MailContext, goesOn: () => boolean): Promise<void> {
  const { db, now, signal, leaseMs = LEASE_MS } = context
  while (!signal.aborted && goesOn()) {
    const [claimed] = await claimNotifications(db, now(), { limit: 1, leaseMs })
    if (claimed === undefined) return
    const settlement = await attempt(context, claimed)
    const settled = await settleNotification(db, claimed, settlement, now())
    if (settled) note(context, claimed, settlement)
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
    const limit = AbortSignal.any([signal, AbortSignal.timeout(ONE_MAIL_MS)])
    return { state: 'sent', providerId: await mailer.send(made, limit) }
  } catch (error) {
    // The error itself is not logged: servers quote addresses.
    return failed(problemOf(error))
  }
}

async function makeMail(
  { db, onCall, nationalContact, notice, now, publicUrl }: MailContext,
  notification: ClaimedNotification,
): Promise<Mail | { nobody: string }> {
  const addressee = await addresseeOf(db, notification, { onCall, nationalContact, now: now(), publicUrl })
  if ('nobody' in addressee) return addressee
  return {
    ...fillTemplate(templates[notification.kind], { ...addressee.facts, notice }),
    to: addressee.to,
    unsubscribeUrl: addressee.unsubscribeUrl ?? null,
    token: await tokenOf(db, notification),
    again: notification.attempts > 1 || notification.problem !== null,
    name: `${String(notification.id).padStart(6, '0')}-${notification.kind.replaceAll('_', '-')}`,
  }
}

function note(
  { log, measure }: MailContext,
  notification: ClaimedNotification,
  settlement: Settlement,
): void {
  measure?.counted('notification', settlement.state === 'waiting' ? 'again' : settlement.state)
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
