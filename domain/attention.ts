import { type Db, rows } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { CIRCUIT_OPENS_AFTER } from './source-rows.ts'

/** What about a source may need a person. */
export type AttentionKind =
  | 'stale'
  | 'failing'
  | 'readers_disagree'
  | 'quarantined'
  | 'orphans'
  | 'too_much_gone'
  | 'unmapped'
  | 'mapping_not_applied'
  | 'run_failed'

/** Something about a source that needs a person: since when, how many there are, and what there is to do. */
export type AttentionItem = {
  source: string
  kind: AttentionKind
  since: string | null
  count: number | null
  detail: string
  /** Where to look, under the source's own address. */
  path: string
}

/** A reply that has waited so long for its story is an orphan. */
export const ORPHAN_DAYS = 7

/**
 * What of the sources needs a person, the longest waiting first: of all sources for an administrator, of its own for a
 * feedback provider.
 */
export async function listAttention(db: Db, client: ClientCaller, now: Date): Promise<AttentionItem[]> {
  const all = client.role === 'administrator'
  const found = await rows<Omit<AttentionItem, 'detail' | 'path'>>(
    db.pool,
    `${MINE} ${all ? '' : 'where id = $2'}), needs as (${NEEDS.join(' union all ')})
     select m.name as source, n.kind, n.since, n.count::int as count from needs n join mine m on m.id = n.source_id
     order by n.since nulls last, m.name, n.kind`,
    all ? [now] : [now, client.sourceId ?? -1],
    all ? 'list-attention' : 'list-own-attention',
  )
  return found.map((item) => ({ ...item, ...whatToDo[item.kind] }))
}

/** The replies of each source that wait for a story longer than is usual, and since when. */
export async function orphansOf(
  db: Db,
  now: Date,
): Promise<{ sourceId: number; count: number; since: string }[]> {
  return rows(
    db.pool,
    `with mine as (select id from sources)
     select source_id as "sourceId", count::int as count, since from (${ORPHANS}) o order by since`,
    [now],
    'orphans',
  )
}

const MINE = `with mine as (
  select id, name, state, created_at, last_success_at, fresh_minutes, failures, failing_since, flagged, opinion, gone_waiting,
    unmapped_terms, mapping_version, normalised_version
  from sources`

const ORPHANS = `
  select i.source_id, 'orphans' as kind, min(i.first_seen_at) as since, count(*) as count
  from items i join mine on mine.id = i.source_id
  where i.state = 'parked' and i.first_seen_at < $1::timestamptz - interval '${ORPHAN_DAYS} days' group by i.source_id`

// One for each kind; a source whose circuit is open is not called stale as well.
const NEEDS = [
  `select id as source_id, 'stale' as kind, coalesce(last_success_at, created_at) as since, null::bigint as count from mine
   where state <> 'paused' and failures < ${CIRCUIT_OPENS_AFTER}
     and coalesce(last_success_at, created_at) < $1::timestamptz - make_interval(mins => fresh_minutes)`,
  `select id, 'failing', failing_since, failures from mine where state <> 'paused' and failures >= ${CIRCUIT_OPENS_AFTER}`,
  `select id, 'readers_disagree', (opinion->>'at')::timestamptz, json_array_length((opinion->'differences')::json) from mine where flagged`,
  `select q.source_id, 'quarantined', min(q.first_seen_at), count(*) from quarantined_items q join mine on mine.id = q.source_id
   where q.dismissed_at is null group by q.source_id`,
  ORPHANS,
  `select id, 'too_much_gone', last_success_at, gone_waiting from mine where gone_waiting is not null`,
  `select id, 'unmapped', null, unmapped_terms from mine where unmapped_terms > 0`,
  `select id, 'mapping_not_applied', null, null from mine where normalised_version < mapping_version`,
  `select r.source_id, 'run_failed', min(r.finished_at), count(*) from runs r join mine on mine.id = r.source_id
   where r.state = 'failed' and r.kind in ('document', 'redrive', 'normalise') and r.finished_at > $1::timestamptz - interval '7 days'
     and not exists (select from runs later where later.source_id = r.source_id and later.kind = r.kind and later.id > r.id
       and later.state = 'succeeded')
   group by r.source_id`,
]

const whatToDo: Readonly<Record<AttentionKind, Pick<AttentionItem, 'detail' | 'path'>>> = {
  stale: { detail: 'It has not been read for longer than it promises. Look at its runs.', path: '/runs' },
  failing: {
    detail: 'It fails again and again, and is asked once a day. Look at its runs and its address.',
    path: '/runs',
  },
  readers_disagree: {
    detail:
      'Two readers read its feed differently. Compare secondOpinion with its feed, then set flagged to false.',
    path: '',
  },
  quarantined: {
    detail:
      'Entries could not be taken. See why, mend it by an alias, the settings or the mapping, and redrive.',
    path: '/quarantine',
  },
  orphans: {
    detail: `Replies have waited for their stories for more than ${ORPHAN_DAYS} days. Ask the provider whether the stories are public.`,
    path: '/runs',
  },
  too_much_gone: {
    detail:
      'Its listing lacks more than it may lose at once. If that is right, raise goneLimitPercent; it is read anew then.',
    path: '',
  },
  unmapped: { detail: 'Terms of it mean no category. Map those that matter.', path: '/mapping' },
  mapping_not_applied: {
    detail: 'Its cases follow an older mapping. Ask for a normalisation, with dryRun first.',
    path: '/mapping',
  },
  run_failed: {
    detail: 'A document, a redrive or a normalisation failed. Look at its runs, and ask again.',
    path: '/runs',
  },
}
