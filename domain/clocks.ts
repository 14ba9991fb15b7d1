import { type CaseKind, type Channel, row, rows, type Tx } from '../prisma/client.ts'
import { addWorkingDays } from './working-days.ts'

/** The clocks that data sets (`/v1/policies`). */
export type PolicyName =
  | 'moderate'
  | 'acknowledge'
  | 'respond'
  | 'urgent'
  | 'referral'
  | 'removal_request'
  | 'report'
  | 'escalation'

const HOUR = 3_600_000
const NEWS_DAYS = 7

/** Whether something that was reported then is still news: of what is older than seven days nobody is told. */
export function isNews(reportedAt: Date, now: Date): boolean {
  return reportedAt.getTime() >= now.getTime() - NEWS_DAYS * 24 * HOUR
}

/** When something that begins at `from` is due by this policy. */
export async function dueAfter(tx: Tx, policy: PolicyName, from: Date): Promise<Date> {
  const found = await row<{ workingDays: number | null; hours: number | null }>(
    tx,
    'select working_days as "workingDays", hours from clock_policies where name = $1',
    [policy],
    'policy',
  )
  if (found === undefined) throw new Error(`there is no policy "${policy}"`)
  const { workingDays, hours } = found
  return workingDays === null
    ? new Date(from.getTime() + (hours ?? 0) * HOUR)
    : addWorkingDays(from, workingDays)
}

/**
 * Starts the clocks of a case that was just created. What comes from a feed, or was reported more than seven days ago,
 * has none.
 */
export async function startClocks(tx: Tx, caseId: number, now: Date): Promise<void> {
  const timed = await timedCase(tx, caseId)
  if (timed.channel === 'feed' || !isNews(new Date(timed.reportedAt), now)) return
  await setClocks(tx, caseId, {
    moderate: await dueAfter(tx, timed.urgent ? 'urgent' : 'moderate', now),
    acknowledge: await acknowledgeDue(tx, timed, now),
    respond: wantsAnswer(timed) ? await dueAfter(tx, 'respond', now) : null,
  })
  await keepClocks(tx, caseId)
}

/**
 * Sets the clocks to what became of the urgency of a case: urgent, it is moderated and acknowledged by the policy
 * `urgent` from now on, if that is sooner; no longer urgent, by the usual policies from when it was reported.
 */
export async function hurryClocks(tx: Tx, caseId: number, now: Date): Promise<void> {
  const timed = await timedCase(tx, caseId)
  if (timed.channel === 'feed' && !timed.urgent) {
    await setClocks(tx, caseId, { moderate: null, acknowledge: null, respond: null })
    return keepClocks(tx, caseId)
  }
  const reportedAt = new Date(timed.reportedAt)
  const usual = {
    moderate: await dueAfter(tx, 'moderate', reportedAt),
    acknowledge: wantsAnswer(timed) ? await dueAfter(tx, 'acknowledge', reportedAt) : null,
    respond: timed.respondDueAt === null ? null : new Date(timed.respondDueAt),
  }
  const soon = await dueAfter(tx, 'urgent', now)
  await setClocks(
    tx,
    caseId,
    timed.urgent
      ? {
          moderate: sooner(soon, timed.moderateDueAt),
          acknowledge: sooner(soon, timed.acknowledgeDueAt),
          respond: usual.respond,
        }
      : usual,
  )
  await keepClocks(tx, caseId)
}

/** Starts the clock for the moderation of a case that waits for a decision once more; what comes from a feed has none. */
export async function restartModeration(tx: Tx, caseId: number, now: Date): Promise<void> {
  const { channel, urgent } = await timedCase(tx, caseId)
  const timed = channel !== 'feed' || urgent
  const due = timed ? await dueAfter(tx, urgent ? 'urgent' : 'moderate', now) : null
  await rows(tx, 'update cases set moderate_due_at = $2 where id = $1', [caseId, due])
  await keepClocks(tx, caseId)
}

/** Starts the clock for the answer anew, for a case that reopens; that it was acknowledged stays. */
export async function restartRespond(tx: Tx, caseId: number, now: Date): Promise<void> {
  const timed = await timedCase(tx, caseId)
  if (timed.channel === 'feed' || !wantsAnswer(timed)) return
  await rows(tx, 'update cases set respond_due_at = $2 where id = $1', [
    caseId,
    await dueAfter(tx, 'respond', now),
  ])
}

/**
 * Brings `due_at` in step with status, publication, referral, urgency and pause: the earliest of the clocks that run; to
 * be called after each change of these. A closed case has only that of its moderation, a withdrawn one none.
 */
export async function keepClocks(tx: Tx, caseId: number): Promise<void> {
  await rows(
    tx,
    `update cases c set due_at = least(
       case when c.publication in ('awaiting_moderation', 'awaiting_second_tier') and c.status <> 'withdrawn' then c.moderate_due_at end,
       case when c.status = 'open' and c.acknowledged_at is null then c.acknowledge_due_at end,
       case when c.status in ('open', 'in_progress') and c.paused_at is null then c.respond_due_at end,
       case when c.status in ('open', 'in_progress')
            then (select f.due_at from referrals f where f.case_id = c.id and f.state = 'waiting') end)
     where c.id = $1`,
    [caseId],
    'keep-clocks',
  )
}

type TimedCase = {
  kind: CaseKind
  channel: Channel
  urgent: boolean
  wantsResponse: boolean
  reportedAt: string
  moderateDueAt: string | null
  acknowledgeDueAt: string | null
  respondDueAt: string | null
}

type Clocks = { moderate: Date | null; acknowledge: Date | null; respond: Date | null }

async function timedCase(tx: Tx, caseId: number): Promise<TimedCase> {
  const found = await row<TimedCase>(
    tx,
    `select kind, channel, urgent, wants_response as "wantsResponse", reported_at as "reportedAt",
            moderate_due_at as "moderateDueAt", acknowledge_due_at as "acknowledgeDueAt", respond_due_at as "respondDueAt"
     from cases where id = $1`,
    [caseId],
    'timed-case',
  )
  if (found === undefined) throw new Error(`there is no case with the key ${caseId}`)
  return found
}

async function setClocks(tx: Tx, caseId: number, { moderate, acknowledge, respond }: Clocks): Promise<void> {
  await rows(
    tx,
    'update cases set moderate_due_at = $2, acknowledge_due_at = $3, respond_due_at = $4 where id = $1',
    [caseId, moderate, acknowledge, respond],
    'set-clocks',
  )
}

// Whatever is urgent is acknowledged, also what asks for no answer.
async function acknowledgeDue(tx: Tx, timed: TimedCase, from: Date): Promise<Date | null> {
  if (timed.urgent) return dueAfter(tx, 'urgent', from)
  return wantsAnswer(timed) ? dueAfter(tx, 'acknowledge', from) : null
}

function wantsAnswer({ kind, wantsResponse }: TimedCase): boolean {
  return kind !== 'feedback' || wantsResponse
}

function sooner(one: Date, other: string | null): Date {
  return other !== null && Date.parse(other) < one.getTime() ? new Date(other) : one
}
