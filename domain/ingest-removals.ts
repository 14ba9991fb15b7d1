import { type Db, inTransaction, rows, type Tx } from '../prisma/client.ts'
import { keepClocks } from './clocks.ts'
import { recordEvents } from './events.ts'
import { ageLimit } from './ingest-entries.ts'
import { holdSource } from './ingest-items.ts'
import { eventOf, holdCasesOf, touchCases } from './ingest-replies.ts'
import { closeObjections, type GoneCase } from './objections.ts'
import { recordRecalls } from './recalls.ts'

/** An item that goes: because its source took it back, or lists it no more, or because it is too old. */
export type Removal = {
  externalId: string
  caseId: number | null
  responseId: number | null
  reason: 'expired' | 'gone' | null
}

/**
 * Takes items back for good: a story's case leaves the public with the replies to it, a reply's response alone; what was
 * taken down before stays as it is. Tombstones remain, without raw text and without earlier versions.
 */
export async function removeItems(
  tx: Tx,
  source: { id: number },
  removals: readonly Removal[],
  now: Date,
): Promise<void> {
  if (removals.length === 0) return
  const cases = new Map(
    removals.flatMap(({ caseId, responseId, reason }) =>
      caseId !== null && responseId === null ? [[caseId, reason] as const] : [],
    ),
  )
  const responseIds = removals.flatMap(({ responseId }) => responseId ?? [])
  await removeCases(tx, source, cases, now)
  await removeResponses(tx, source, [...cases.keys()], responseIds, now)
  await rows(
    tx,
    `with gone as (
       update items set state = 'deleted', raw_sealed = null, warnings = '{}', changed_at = $4
       where source_id = $1 and state <> 'deleted' and (external_id = any($2::text[])
         or (type = 'reply' and (case_id = any($3::bigint[]) or (state = 'parked' and parent_external_id = any($2::text[])))))
       returning id)
     delete from item_versions where item_id in (select id from gone)`,
    [source.id, removals.map(({ externalId }) => externalId), [...cases.keys()], now],
    'remove-items',
  )
}

/** Takes back what has become older than the source's age rule; how many items that were. */
export async function expireOldItems(db: Db, sourceId: number, now: Date): Promise<number> {
  let expired = 0
  let batch: number
  do {
    batch = await inTransaction(db, (tx) => expireBatch(tx, sourceId, now))
    expired += batch
  } while (batch === BATCH)
  return expired
}

/** The sources that have an age rule. */
export async function sourcesWithAgeRule(db: Db): Promise<number[]> {
  const found = await rows<{ id: number }>(
    db.pool,
    'select id from sources where max_age_days is not null order by id',
  )
  return found.map(({ id }) => id)
}

async function removeCases(
  tx: Tx,
  source: { id: number },
  cases: ReadonlyMap<number, Removal['reason']>,
  now: Date,
): Promise<void> {
  if (cases.size === 0) return
  const removed = await rows<GoneCase & { timed: boolean }>(
    tx,
    `update cases set publication = 'removed', decision_reason = 'removed_by_source', held_until = null, version = version + 1, updated_at = $2
     where id = any($1::bigint[]) and publication not in ('rejected', 'removed')
     returning id, reference, organisation_id as "organisationId", version, due_at is not null as timed`,
    [[...cases.keys()], now],
    'remove-feed-cases',
  )
  for (const { id, timed } of removed) if (timed) await keepClocks(tx, id)
  // Nobody has taken back what has only become old.
  const takenBack = removed.filter(({ id }) => cases.get(id) !== 'expired')
  await recordRecalls(tx, takenBack, { reason: 'removed', now })
  await recordEvents(
    tx,
    null,
    removed.map(({ id, reference, organisationId, version }) => ({
      type: 'case.removed_by_source',
      caseId: id,
      caseReference: reference,
      organisationId,
      sourceId: source.id,
      fields: ['publication'],
      caseVersion: version,
      ...reasonOf(cases.get(id)),
    })),
  )
  await closeObjections(tx, null, removed, 'removed_by_source')
}

async function removeResponses(
  tx: Tx,
  source: { id: number },
  caseIds: readonly number[],
  responseIds: readonly number[],
  now: Date,
): Promise<void> {
  await holdCasesOf(tx, responseIds)
  const removed = await rows<{ caseId: number }>(
    tx,
    `update responses set publication = 'removed', updated_at = $4
     where source_id = $1 and (case_id = any($2::bigint[]) or id = any($3::bigint[])) and publication not in ('rejected', 'removed')
     returning case_id as "caseId"`,
    [source.id, caseIds, responseIds, now],
    'remove-feed-responses',
  )
  const cases = await touchCases(
    tx,
    removed.map(({ caseId }) => caseId),
    now,
  )
  await recordEvents(
    tx,
    null,
    removed.map(({ caseId }) =>
      eventOf('response.removed_by_source', source, cases.get(caseId), ['responses']),
    ),
  )
}

function reasonOf(reason: Removal['reason'] | undefined): { reason?: string } {
  return reason ? { reason } : {}
}

const BATCH = 500

async function expireBatch(tx: Tx, sourceId: number, now: Date): Promise<number> {
  const source = await holdSource(tx, sourceId)
  if (source === undefined || source.maxAgeDays === null) return 0
  const limit = ageLimit(source.maxAgeDays, now)
  const stories = await oldStories(tx, sourceId, limit)
  const old = [...stories, ...(await oldParkedReplies(tx, sourceId, limit, BATCH - stories.length))]
  await removeItems(
    tx,
    source,
    old.map((item) => ({ ...item, reason: 'expired' })),
    now,
  )
  return old.length
}

// The key of a case begins with the second in which it was reported, so the old ones are the first of their source.
async function oldStories(tx: Tx, sourceId: number, limit: Date): Promise<Omit<Removal, 'reason'>[]> {
  return rows(
    tx,
    `select i.external_id as "externalId", i.case_id as "caseId", i.response_id as "responseId"
     from cases c join items i on i.case_id = c.id
     where c.source_id = $1 and c.id < $2 and c.reported_at <= $3
       and i.source_id = $1 and i.state = 'live' and i.type = 'story'
     order by c.id limit $4`,
    [sourceId, keyAfter(limit), limit, BATCH],
    'old-stories',
  )
}

async function oldParkedReplies(
  tx: Tx,
  sourceId: number,
  limit: Date,
  most: number,
): Promise<Omit<Removal, 'reason'>[]> {
  return rows(
    tx,
    `select external_id as "externalId", case_id as "caseId", response_id as "responseId"
     from items where source_id = $1 and state = 'parked' and first_seen_at <= $2 limit $3`,
    [sourceId, limit, most],
    'old-parked-replies',
  )
}

const KEY_EPOCH = Date.UTC(2000, 0, 1)
const KEYS_PER_SECOND = 2 ** 22

/** The first key that no case reported until then can have. */
function keyAfter(time: Date): number {
  const seconds = Math.max(0, Math.floor((time.getTime() - KEY_EPOCH) / 1_000))
  return (seconds + 1) * KEYS_PER_SECOND
}
