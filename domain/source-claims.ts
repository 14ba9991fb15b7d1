import { type Db, inTransaction, rows, type SourceState, type Tx, type Vault } from '../prisma/client.ts'
import { closeInterruptedPolls } from './runs.ts'
import { openAddress } from './source-rows.ts'

/** A source whose time has come, and what it waits for. */
export type DueSource = { id: number; state: Exclude<SourceState, 'paused'> }

/** What a worker may do at once, and for how long a source is its own. */
export type ClaimOptions = { limit: number; perHost: number; leaseMs: number }

/**
 * Claims sources that are due, a few per host, and moves their time on: whoever claims one has it until the lease ends,
 * and if its process dies the source is due again then.
 */
export async function claimDueSources(
  db: Db,
  now: Date,
  { limit, perHost, leaseMs }: ClaimOptions,
): Promise<DueSource[]> {
  return inTransaction(db, async (tx) => {
    const due = await rows<HostRow & DueSource>(
      tx,
      `select id, name, state, address_sealed as "addressSealed" from sources
       where state <> 'paused' and connector is not null and next_check_at <= $1 and (claimed_until is null or claimed_until <= $1)
       order by next_check_at limit $2 for no key update skip locked`,
      [now, MOST_LOOKED_AT],
      'due-sources',
    )
    if (due.length === 0) return []
    const claimed = fewPerHost(due, await busyHosts(tx, now), tx.vault, { limit, perHost })
    const ids = claimed.map(({ id }) => id)
    await rows(tx, 'update sources set claimed_until = $2, next_check_at = $2 where id = any($1::int[])', [
      ids,
      new Date(now.getTime() + leaseMs),
    ])
    await closeInterruptedPolls(tx, ids, now)
    return claimed.map(({ id, state }) => ({ id, state }))
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

const MOST_LOOKED_AT = 1_000

type HostRow = { name: string; addressSealed: string }

async function busyHosts(sql: Tx, now: Date): Promise<Map<string, number>> {
  const claimed = await rows<HostRow>(
    sql,
    `select name, address_sealed as "addressSealed" from sources where claimed_until > $1 and connector is not null`,
    [now],
    'busy-sources',
  )
  const hosts = claimed.map((source) => hostOf(sql.vault, source))
  return new Map([...Map.groupBy(hosts, (host) => host)].map(([host, all]) => [host, all.length]))
}

function fewPerHost<T extends HostRow>(
  due: readonly T[],
  busy: Map<string, number>,
  vault: Vault,
  { limit, perHost }: { limit: number; perHost: number },
): T[] {
  const chosen: T[] = []
  for (const source of due) {
    if (chosen.length === limit) break
    const host = hostOf(vault, source)
    const taken = busy.get(host) ?? 0
    if (taken >= perHost) continue
    busy.set(host, taken + 1)
    chosen.push(source)
  }
  return chosen
}

function hostOf(vault: Vault, { name, addressSealed }: HostRow): string {
  try {
    return new URL(openAddress(vault, name, addressSealed)).host
  } catch {
    // Its own poll will fail and say why; the others are not to wait for it.
    return `source:${name}`
  }
}
