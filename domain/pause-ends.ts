import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { about } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { keepClocks } from './clocks.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { addWorkingTime, workingTimeBetween } from './working-days.ts'

/** Why a pause ends: the reporter wrote, the case closed or went elsewhere, somebody ended it, or its time was over. */
export type PauseEnd = 'answered' | 'closed' | 'moved' | 'ended' | 'over'

/**
 * When something is due whose clock stood still from `since` to `resumed`: later by the working time in between, so that
 * as much of it is left as was. What was due before the clock stood still is due when it was.
 */
export function dueAfterPause(due: Date, since: Date, resumed: Date): Date {
  if (due.getTime() <= since.getTime()) return due
  const stood = workingTimeBetween(since, resumed)
  return stood === 0 ? due : addWorkingTime(due, stood)
}

/**
 * Lets the clock for the answer of a held case go on, if it stands still, and records it; the caller makes the new version.
 * Where the time of the pause was over already, the clock has gone on since then. Resolves to whether it stood still.
 */
export async function endPause(
  tx: Tx,
  client: ClientCaller | null,
  theCase: CaseRow,
  reason: PauseEnd,
  now: Date,
): Promise<boolean> {
  if (theCase.pause === null || !(await resume(tx, theCase.id, reason, now))) return false
  await recordEvents(tx, client, [{ ...about(theCase), ...resumed(reason) }])
  return true
}

const BATCH = 100

/**
 * Ends the pauses whose time is over, and records it. To the version of a case it is nothing: nobody has changed it. What
 * somebody holds is left to the next time. May be killed at any moment, and run by several at once. Resolves to how many
 * cases that were.
 */
export async function endPausesOver(db: Db, now: Date, goesOn = () => true): Promise<number> {
  let all = 0
  while (goesOn()) {
    const { found, ended } = await inTransaction(db, (tx) => endSome(tx, now))
    all += ended
    if (found < BATCH) break
  }
  return all
}

type PausedCase = { id: number; reference: string; organisationId: number; version: number }

async function endSome(tx: Tx, now: Date): Promise<{ found: number; ended: number }> {
  const over = await rows<PausedCase>(tx, OVER, [now, BATCH], 'pauses-over')
  const events: NewEvent[] = []
  for (const { id, reference, organisationId, version } of over) {
    // Somebody may have ended it between the look and the lock.
    if (!(await resume(tx, id, 'over', now))) continue
    const theCase = { caseId: id, caseReference: reference, organisationId, caseVersion: version }
    events.push({ ...theCase, ...resumed('over') })
  }
  await recordEvents(tx, null, events)
  return { found: over.length, ended: events.length }
}

const OVER = `
  select c.id, c.reference, c.organisation_id as "organisationId", c.version
  from pauses p join cases c on c.id = p.case_id
  where p.ended_at is null and p.until <= $1
  order by p.until, p.id limit $2 for no key update of c skip locked`

type Ended = { since: string; endedAt: string; respondDueAt: string | null }

async function resume(tx: Tx, caseId: number, reason: PauseEnd, now: Date): Promise<boolean> {
  const ended = await row<Ended>(
    tx,
    `with ended as (
       update pauses set ended_at = least(until, greatest(since, $2::timestamptz)), end_reason = $3
       where case_id = $1 and ended_at is null returning case_id, since, ended_at)
     select e.since, e.ended_at as "endedAt", c.respond_due_at as "respondDueAt" from ended e join cases c on c.id = e.case_id`,
    [caseId, now, reason],
    'end-pause',
  )
  if (ended === undefined) return false
  const due =
    ended.respondDueAt === null
      ? null
      : dueAfterPause(new Date(ended.respondDueAt), new Date(ended.since), new Date(ended.endedAt))
  await rows(
    tx,
    'update cases set paused_at = null, respond_due_at = $2 where id = $1',
    [caseId, due],
    'resume-case',
  )
  await keepClocks(tx, caseId)
  return true
}

function resumed(reason: PauseEnd): Pick<NewEvent, 'type' | 'reason' | 'fields'> {
  return { type: 'case.resumed', reason, fields: ['pause', 'dueAt'] }
}
