import { rows, type Sql, type Tx } from '../prisma/client.ts'
import { quarantinePlace } from './ingest-quarantine.ts'
import { HELD_ORGANISATIONS, IS_HELD } from './legal-holds.ts'
import { type KeySpan, policyOf } from './retention-due.ts'

/** How many texts of sources went by each policy. */
export type RawCount = { policy: number; raw: number }

/** How many texts between these keys of items would be forgotten: those of now, and those of before. */
export async function countOldRaw(sql: Sql, { after, last }: KeySpan, now: Date): Promise<RawCount[]> {
  return rows<RawCount>(sql, `with ${OLD_RAW} ${COUNTED}`, [now, after, last], 'count-old-raw')
}

/**
 * Forgets the raw texts of items between these keys that are older than their policy keeps them, in the caller's
 * transaction. A reply that still waits for its story goes altogether: it was nothing but that text.
 */
export async function forgetOldRaw(tx: Tx, { after, last }: KeySpan, now: Date): Promise<RawCount[]> {
  await holdSourcesOf(tx, 'items', { after, last })
  return rows<RawCount>(
    tx,
    `with ${OLD_RAW},
     forgotten as (
       update items set raw_sealed = null, warnings = '{}' where id in (select id from old_items where state <> 'parked')),
     given_up as (delete from items where id in (select id from old_items where state = 'parked')),
     before as (delete from item_versions v using old_versions o where v.item_id = o.item_id and v.version = o.version)
     ${COUNTED}`,
    [now, after, last],
    'forget-old-raw',
  )
}

/** How many entries of quarantines between these keys would be forgotten. */
export async function countOldEntries(sql: Sql, { after, last }: KeySpan, now: Date): Promise<RawCount[]> {
  return rows<RawCount>(
    sql,
    `select policy, count(*)::int as raw from (${OLD_ENTRIES}) as old group by policy`,
    [now, after, last],
    'count-old-entries',
  )
}

/**
 * Forgets the entries of quarantines between these keys that no source has sent for longer than its policy keeps them.
 * One that a person has set aside for good stays without its text, to be known again.
 */
export async function forgetOldEntries(tx: Tx, { after, last }: KeySpan, now: Date): Promise<RawCount[]> {
  await holdSourcesOf(tx, 'quarantined_items', { after, last })
  const old = await rows<OldEntry>(tx, OLD_ENTRIES, [now, after, last], 'old-entries')
  const stay = old.filter(({ dismissed }) => dismissed)
  await rows(
    tx,
    'delete from quarantined_items where id = any($1::bigint[])',
    [old.filter(({ dismissed }) => !dismissed).map(({ id }) => id)],
    'forget-old-entries',
  )
  await rows(
    tx,
    `update quarantined_items q set raw_sealed = s.sealed, detail = ''
     from unnest($1::bigint[], $2::text[]) as s(id, sealed) where q.id = s.id`,
    [
      stay.map(({ id }) => id),
      stay.map(({ sourceId, hash }) => tx.vault.seal(quarantinePlace(sourceId, hash), '')),
    ],
    'empty-old-entries',
  )
  const counts = new Map<number, number>()
  for (const { policy } of old) counts.set(policy, (counts.get(policy) ?? 0) + 1)
  return [...counts].map(([policy, raw]) => ({ policy, raw }))
}

type OldEntry = { id: number; policy: number; sourceId: number; hash: string; dismissed: boolean }

// Whoever takes items of a source holds it first.
async function holdSourcesOf(
  tx: Tx,
  table: 'items' | 'quarantined_items',
  { after, last }: KeySpan,
): Promise<void> {
  await rows(
    tx,
    `select 1 from sources where id in (select source_id from ${table} where id > $1 and id <= $2) order by id for no key update`,
    [after, last],
    `hold-sources-of-${table}`,
  )
}

const OLD = (at: string) => `${at} <= $1::timestamptz - make_interval(days => p.raw_after_days)`

// What became no case has no kind: it goes by the policy for its source, or for everything else.
const SPAN = `
  from items i left join cases c on c.id = i.case_id ${policyOf('c.kind', 'i.source_id')}`
const FREE = `i.id > $2::bigint and i.id <= $3::bigint and (c.id is null or not ${IS_HELD})`

const OLD_RAW = `${HELD_ORGANISATIONS},
  old_items as materialized (
    select i.id, i.state, p.id as policy ${SPAN}
    where ${FREE} and i.state <> 'deleted' and i.raw_sealed is not null and ${OLD('i.changed_at')}),
  old_versions as materialized (
    select v.item_id, v.version, p.id as policy ${SPAN} join item_versions v on v.item_id = i.id
    where ${FREE} and ${OLD('v.seen_at')})`

const COUNTED = `
  select policy, count(*)::int as raw from (
    select policy from old_items union all select policy from old_versions) as old group by policy`

// An empty text has no ciphertext: what is sealed of it ends with the dot before.
const OLD_ENTRIES = `
  select q.id, p.id as policy, q.source_id as "sourceId", encode(q.fingerprint, 'hex') as hash,
    q.dismissed_at is not null as dismissed
  from quarantined_items q ${policyOf('null', 'q.source_id')}
  where q.id > $2::bigint and q.id <= $3::bigint and ${OLD('q.last_seen_at')}
    and (q.dismissed_at is null or q.raw_sealed not like '%.')`
