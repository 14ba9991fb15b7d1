import { type Db, inTransaction, row, rows, type Tx } from '../prisma/client.ts'
import { recordEvents } from './events.ts'

const BATCH = 100

/**
 * Records of each case once that it has become overdue, for each time that was due and has passed; nothing else happens
 * to it, and the public does not hear of it. Goes on until all are told, while `goesOn`; where somebody else does it
 * already, it leaves it to them. Resolves to how many cases that were.
 */
export async function recordOverdue(db: Db, now: Date, goesOn = () => true): Promise<number> {
  let all = 0
  while (goesOn()) {
    const told = await inTransaction(db, (tx) => recordSome(tx, now))
    all += told
    if (told < BATCH) break
  }
  return all
}

type OverdueCase = { id: number; reference: string; organisationId: number; version: number }

async function recordSome(tx: Tx, now: Date): Promise<number> {
  // A statement of its own: the next one sees what the one before has recorded.
  const lock = await row<{ mine: boolean }>(tx, LOCK, [], 'lock-overdue-events')
  if (lock?.mine !== true) return 0
  const overdue = await rows<OverdueCase>(tx, OVERDUE, [now, BATCH], 'newly-overdue')
  await recordEvents(
    tx,
    null,
    overdue.map(({ id, reference, organisationId, version }) => ({
      type: 'case.overdue',
      caseId: id,
      caseReference: reference,
      organisationId,
      fields: ['dueAt'],
      caseVersion: version,
    })),
  )
  return overdue.length
}

const LOCK = `select pg_try_advisory_xact_lock(hashtext('care_connect overdue events')) as mine`

// What somebody holds is told with the next tick: it may be in time after all.
const OVERDUE = `
  select c.id, c.reference, c.organisation_id as "organisationId", c.version from cases c
  where c.due_at < $1 and not exists (
    select from events e where e.case_id = c.id and e.type = 'case.overdue' and e.at >= c.due_at)
  order by c.due_at limit $2 for no key update of c skip locked`
