import { type Db, type QueryView, row, rows } from '../prisma/client.ts'
import { callerOf } from './clients.ts'
import { DomainError } from './errors.ts'
import { type LogLine, type LogReader, readLog } from './log-lines.ts'
import { newReference } from './references.ts'
import type { SavedFilter } from './saved-queries.ts'
import { endFound, pauseUnaskable } from './subscription-ends.ts'

/** How many deliveries were made, and whether there is more of the log to look at. */
export type FanOutStep = { made: number; more: boolean }

const PAGE = 500
const AT_ONCE = 4
const NOTHING: FanOutStep = { made: 0, more: false }

/**
 * Makes the deliveries of the next lines of the log that a subscription selects, and moves its position, in one statement
 * that does nothing when somebody else was faster or the subscription has changed meanwhile: each line is delivered once,
 * however many do it at a time, and whenever they are killed. One that is paused waits where it is.
 */
export async function fanOutStep(
  db: Db,
  subscriptionId: number,
  now: Date,
  limit = PAGE,
): Promise<FanOutStep> {
  const found = await row<Standing>(
    db.pool,
    `${STANDING} and s.id = $1`,
    [subscriptionId],
    'fan-out-standing',
  )
  return found === undefined ? NOTHING : stepFrom(db, found, now, limit)
}

/** The same for all subscriptions that are behind the log; calls for each that has deliveries now. One that fails holds up no other. */
export async function fanOutAll(db: Db, now: Date, made: (subscriptionId: number) => void): Promise<void> {
  const behind = await rows<Standing>(db.pool, `${STANDING} order by s.id`, [], 'fan-out-behind')
  const waiting = behind[Symbol.iterator]()
  const errors: unknown[] = []
  const catchUp = async (standing: Standing): Promise<void> => {
    let step = await stepFrom(db, standing, now, PAGE)
    for (;;) {
      if (step.made > 0) made(standing.id)
      if (!step.more) return
      step = await fanOutStep(db, standing.id, now)
    }
  }
  const lane = async (): Promise<void> => {
    for (const standing of waiting) await catchUp(standing).catch((error: unknown) => void errors.push(error))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  if (errors.length > 0) throw errors[0]
}

/** Who reads the log for a subscription: its client as it is now; null when that was revoked. */
export async function readerOf(
  db: Db,
  { view, clientId, revoked }: { view: QueryView; clientId: number; revoked: boolean },
): Promise<LogReader | null> {
  if (revoked) return null
  if (view === 'public') return { view }
  const client = await callerOf(db.pool, clientId)
  return client === null ? null : { view, client }
}

type Standing = {
  id: number
  clientId: number
  revoked: boolean
  view: QueryView
  types: string[]
  filter: SavedFilter | null
  position: number
  version: number
}

const STANDING = `
  select s.id, s.client_id as "clientId", c.revoked_at is not null as revoked, s.view, s.types, q.filter, s.position, s.version
  from subscriptions s join api_clients c on c.id = s.client_id left join saved_queries q on q.id = s.query_id cross join log_state l
  where s.state = 'active' and s.position < l.placed`

async function stepFrom(db: Db, found: Standing, now: Date, limit: number): Promise<FanOutStep> {
  const reader = await readerOf(db, found)
  if (reader === null) {
    await endFound(db, found.id, 'client_revoked', now)
    return NOTHING
  }
  const { position: after, types } = found
  try {
    const wanted = { filter: found.filter ?? {}, types, after, limit, now }
    const { lines, next, more } = await readLog(db, reader, wanted)
    return { made: await writeDeliveries(db, found, lines, next, now), more }
  } catch (error) {
    if (!(error instanceof DomainError) || error.code !== 'validation_failed') throw error
    await pauseUnaskable(db, found.id, now)
    return NOTHING
  }
}

async function writeDeliveries(
  db: Db,
  { id, position, version }: Standing,
  lines: readonly LogLine[],
  next: number,
  now: Date,
): Promise<number> {
  const made = await rows(
    db.pool,
    `with moved as (
       update subscriptions set position = $4 where id = $1 and position = $2 and version = $3 and state = 'active' returning id)
     insert into deliveries (reference, subscription_id, position, type, case_id, case_reference, gone, next_attempt_at, created_at)
     select l.reference, moved.id, l.position, l.type, l.case_id, l.case_reference, l.gone, $5, $5
     from moved cross join json_to_recordset($6::json)
       as l(reference text, position bigint, type text, case_id bigint, case_reference text, gone boolean)
     order by l.position returning id`,
    [
      id,
      position,
      version,
      next,
      now,
      JSON.stringify(
        lines.map((line) => ({
          reference: newReference(),
          position: line.position,
          type: line.type,
          case_id: line.caseId,
          case_reference: line.reference,
          gone: line.gone,
        })),
      ),
    ],
    'write-deliveries',
  )
  return made.length
}
