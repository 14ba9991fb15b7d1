import { type Db, inTransaction, row, rows, type SourceState, type Tx } from '../prisma/client.ts'
import { freeAllRuns } from './asked-runs.ts'
import { closeInterruptedPolls } from './runs.ts'

/** A source whose time has come, and what it waits for. */
export type DueSource = { id: number; state: Exclude<SourceState, 'paused'> }

/** How many sources are claimed at a time, of one host, and by all workers together; and for how long. */
export type ClaimOptions = { limit: number; perHost: number; most: number; leaseMs: number }

/**
 * Claims sources that are due, a few per host, and moves their time on: whoever claims one has it until the lease ends,
 * and if its process dies the source is due again then. The longest due comes first; while another claims, nothing is due.
 */
export async function claimDueSources(db: Db, now: Date, options: ClaimOptions): Promise<DueSource[]> {
  const { limit, perHost, most, leaseMs } = options
  return inTransaction(db, async (tx) => {
    if (!(await isAlone(tx))) return []
    const claimed = await rows<DueSource & { dueAt: string }>(
      tx,
      CLAIM,
      [now, new Date(now.getTime() + leaseMs), perHost, most, limit],
      'claim-due-sources',
    )
    if (claimed.length === 0) return []
    const ids = claimed.map(({ id }) => id)
    await closeInterruptedPolls(tx, ids, now)
    return claimed.toSorted((a, b) => (a.dueAt < b.dueAt ? -1 : 1)).map(({ id, state }) => ({ id, state }))
  })
}

/** Gives back sources that were claimed but will not be polled: they are due at once. */
export async function giveBackSources(db: Db, sourceIds: readonly number[], now: Date): Promise<void> {
  await rows(
    db.pool,
    `update sources set claimed_until = null, next_check_at = $2
     where id = any($1::int[]) and state <> 'paused'
       and not exists (select from runs r where r.source_id = sources.id and r.kind = 'poll' and r.state = 'running')`,
    [sourceIds, now],
  )
}

/** Frees whatever was claimed; only for a process that knows that no other is at work. */
export async function freeAllClaims(db: Db, now: Date): Promise<void> {
  await rows(
    db.pool,
    `update sources set claimed_until = null, next_check_at = case when state <> 'paused' then $1::timestamptz end
     where claimed_until is not null`,
    [now],
  )
  await closeAbandonedPolls(db, now)
  await freeAllRuns(db)
}

/** Closes the polls whose lease has ended, also of sources that nobody will claim again; how many that were. */
export async function closeAbandonedPolls(db: Db, now: Date): Promise<number> {
  return inTransaction(db, async (tx) => {
    const abandoned = await rows<{ id: number }>(
      tx,
      `select s.id from sources s
       where (s.claimed_until is null or s.claimed_until <= $1)
         and exists (select from runs r where r.source_id = s.id and r.kind = 'poll' and r.state = 'running')
       order by s.id for no key update of s skip locked`,
      [now],
    )
    await closeInterruptedPolls(
      tx,
      abandoned.map(({ id }) => id),
      now,
    )
    return abandoned.length
  })
}

// Two at once would each think that a host is free.
async function isAlone(tx: Tx): Promise<boolean> {
  const lock = await row<{ taken: boolean }>(
    tx,
    `select pg_try_advisory_xact_lock(hashtextextended('care-connect claims', 0)) as taken`,
    [],
    'lock-claims',
  )
  return lock?.taken === true
}

const HOST = `coalesce(host, 'source ' || id)`
const DUE = `state <> 'paused' and connector is not null and next_check_at <= $1 and (claimed_until is null or claimed_until <= $1)`
const CLAIM = `
  with busy as (
    select ${HOST} as host, count(*) as n from sources where claimed_until > $1 and connector is not null group by 1),
  due as (
    select id, next_check_at, ${HOST} as host, row_number() over (partition by ${HOST} order by next_check_at, id) as place
    from sources where ${DUE}),
  chosen as (
    select due.id from due left join busy using (host) where due.place + coalesce(busy.n, 0) <= $3
    order by due.next_check_at limit least($5, greatest(0, $4 - (select coalesce(sum(n), 0) from busy)))),
  held as (
    select id, next_check_at from sources where id in (select id from chosen) and ${DUE} for no key update skip locked)
  update sources s set claimed_until = $2, next_check_at = $2 from held where s.id = held.id
  returning s.id, s.state, held.next_check_at as "dueAt"`
