import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { about } from './case-changes.ts'
import type { CaseRow } from './case-rows.ts'
import { keepClocks } from './clocks.ts'
import { type NewEvent, recordEvents } from './events.ts'

/** Whether everybody may read a case, or could until an objection hid it. */
export function isOrWasShown({ publication, privacy, heldUntil }: CaseRow): boolean {
  return privacy !== 'private' && (publication === 'published' || heldUntil !== null)
}

/**
 * Hides a published case that is held from the public until then at most, and returns its event for the caller to
 * record; the caller makes the new version. To decide by then is what its moderation is due.
 */
export async function hide(tx: Tx, theCase: CaseRow, until: Date, reason: string): Promise<NewEvent> {
  await rows(
    tx,
    `update cases set publication = 'awaiting_moderation', held_until = $2, moderate_due_at = $2 where id = $1`,
    [theCase.id, until],
    'hide-case',
  )
  await keepClocks(tx, theCase.id)
  return { ...about(theCase), type: 'case.hidden', reason, fields: ['publication'] }
}

/** Shows a hidden case again, and returns its event as `hide` does. */
export async function showAgain(tx: Tx, theCase: CaseRow, reason: string): Promise<NewEvent> {
  await rows(tx, `update cases set publication = 'published', held_until = null where id = $1`, [theCase.id])
  await keepClocks(tx, theCase.id)
  return { ...about(theCase), type: 'case.shown_again', reason, fields: ['publication'] }
}

/**
 * Whether an objection has hidden this very text before. It was judged since, or had its time: otherwise the public
 * could keep away for good, a day at a time, whatever it likes.
 */
export async function wasHidden(tx: Tx, caseId: number): Promise<boolean> {
  const found = await row(
    tx,
    `select 1 from events h where h.case_id = $1 and h.type = 'case.hidden' and not exists (
       select 1 from events e where e.case_id = $1 and e.id > h.id and e.type = 'case.changed'
         and e.fields && '{title,text,authorName}'
         and not exists (select 1 from events d where d.case_id = $1 and d.id > e.id and d.type = 'case.published'))
     limit 1`,
    [caseId],
  )
  return found !== undefined
}

/**
 * Shows again what an objection has hidden and nobody has decided on in time; returns how many cases that were. What
 * has become private, urgent or withdrawn meanwhile waits for a person.
 */
export async function releaseHolds(db: Db, now: Date): Promise<number> {
  let released = 0
  let batch: number
  do {
    batch = await inTransaction(db, (tx) => releaseBatch(tx, now))
    released += batch
  } while (batch === BATCH)
  return released
}

const BATCH = 100

async function releaseBatch(tx: Tx, now: Date): Promise<number> {
  const shown = await rows<{ id: number; reference: string; organisationId: number; version: number }>(
    tx,
    `update cases c set publication = 'published', held_until = null, version = c.version + 1, updated_at = $1
     from (select id from cases where held_until <= $1 and privacy <> 'private' and status <> 'withdrawn' and not urgent
           order by held_until limit $2 for no key update skip locked) due
     where c.id = due.id
     returning c.id, c.reference, c.organisation_id as "organisationId", c.version`,
    [now, BATCH],
    'release-holds',
  )
  for (const { id } of shown) await keepClocks(tx, id)
  await recordEvents(
    tx,
    null,
    shown.map(({ id, reference, organisationId, version }) => ({
      type: 'case.shown_again',
      caseId: id,
      caseReference: reference,
      organisationId,
      fields: ['publication'],
      caseVersion: version,
    })),
  )
  return shown.length
}
