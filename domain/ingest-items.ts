import { type ItemState, type ItemType, rows, type Tx, type Vault } from '../prisma/client.ts'
import type { Prepared } from './ingest-entries.ts'
import type { Item, Reply } from './items.ts'

/** What is kept of an item. */
export type KnownItem = {
  id: number
  externalId: string
  type: ItemType
  state: ItemState
  fingerprint: Buffer
  parentExternalId: string | null
  caseId: number | null
  caseReference: string | null
  responseId: number | null
  /** Its case has nothing personal any more: nothing of it comes back. */
  anonymised: boolean
  /** The latest time at which its source says it changed it. */
  sourceUpdatedAt: string | null
}

/** What becomes of an item's row. */
export type ItemWrite = {
  entry: Prepared
  state: ItemState
  caseId: number | null
  responseId: number | null
}

/** A source as ingest needs it; its row is held until the transaction ends. */
export type HeldSource = {
  id: number
  name: string
  trusted: boolean
  paused: boolean
  organisationScheme: string
  organisationId: number | null
  maxAgeDays: number | null
  /** Whether a person has set entries of it aside for good. */
  hasDismissed: boolean
  /** Whether anything at all was erased (domain/erased-hashes.ts). */
  hasErased: boolean
}

/** Holds a source's row, so that whatever else takes its items waits; undefined when there is none. */
export async function holdSource(tx: Tx, sourceId: number): Promise<HeldSource | undefined> {
  const [source] = await rows<HeldSource>(
    tx,
    `select id, name, trusted, state = 'paused' as paused, organisation_scheme as "organisationScheme",
       organisation_id as "organisationId", max_age_days as "maxAgeDays",
       exists (select from quarantined_items q where q.source_id = sources.id and q.dismissed_at is not null) as "hasDismissed",
       exists (select from erased_hashes) as "hasErased"
     from sources where id = $1 for no key update`,
    [sourceId],
    'hold-source',
  )
  return source
}

/** What is known under these keys. */
export async function knownItems(
  tx: Tx,
  sourceId: number,
  keys: readonly string[],
): Promise<Map<string, KnownItem>> {
  const found = await rows<KnownItem>(
    tx,
    `select i.id, i.external_id as "externalId", i.type, i.state, i.fingerprint, i.parent_external_id as "parentExternalId",
       i.case_id as "caseId", c.reference as "caseReference", i.response_id as "responseId",
       c.anonymised_at is not null as anonymised, i.source_updated_at as "sourceUpdatedAt"
     from items i left join cases c on c.id = i.case_id
     where i.source_id = $1 and i.external_id = any($2::text[])`,
    [sourceId, keys],
    'known-items',
  )
  return new Map(found.map((item) => [item.externalId, item]))
}

/** Writes the rows of items, new or known; a deleted one keeps no raw text. */
export async function writeItems(
  tx: Tx,
  sourceId: number,
  writes: readonly ItemWrite[],
  now: Date,
): Promise<void> {
  if (writes.length === 0) return
  await rows(
    tx,
    `insert into items (source_id, external_id, type, state, fingerprint, raw_sealed, read_by, parent_external_id, case_id,
       response_id, warnings, source_updated_at, first_seen_at, changed_at)
     select $1, w.external_id, w.type::item_type, w.state::item_state, decode(w.fingerprint, 'hex'), w.raw_sealed, w.read_by,
       w.parent_external_id, w.case_id, w.response_id, w.warnings, w.source_updated_at, $3, $3
     from json_to_recordset($2::json) as w(external_id text, type text, state text, fingerprint text, raw_sealed text,
       read_by text, parent_external_id text, case_id bigint, response_id bigint, warnings text[], source_updated_at timestamptz)
     on conflict (source_id, external_id) do update set state = excluded.state, fingerprint = excluded.fingerprint,
       raw_sealed = excluded.raw_sealed, read_by = excluded.read_by, parent_external_id = excluded.parent_external_id, case_id = excluded.case_id,
       response_id = excluded.response_id, warnings = excluded.warnings, changed_at = excluded.changed_at,
       source_updated_at = coalesce(excluded.source_updated_at, items.source_updated_at)`,
    [sourceId, JSON.stringify(writes.map((write) => itemRow(tx, sourceId, write, now))), now],
    'write-items',
  )
}

/** The replies that wait for one of these stories, as their source sent them. */
export async function parkedReplies(
  tx: Tx,
  sourceId: number,
  parents: readonly string[],
): Promise<Prepared<Reply>[]> {
  if (parents.length === 0) return []
  const found = await rows<{ externalId: string; fingerprint: Buffer; rawSealed: string; readBy: string }>(
    tx,
    `select external_id as "externalId", fingerprint, raw_sealed as "rawSealed", read_by as "readBy" from items
     where source_id = $1 and state = 'parked' and parent_external_id = any($2::text[]) order by id`,
    [sourceId, parents],
    'parked-replies',
  )
  return found.map(({ externalId, fingerprint, rawSealed, readBy }) => {
    const { raw, item } = openKept(tx.vault, { sourceId, externalId, rawSealed })
    return { raw, readBy, item: item as Reply, fingerprint, expired: false }
  })
}

/** What a source sent for an item, as it sent it. */
export function openRaw(
  vault: Vault,
  kept: { sourceId: number; externalId: string; rawSealed: string },
): string {
  return openKept(vault, kept).raw
}

/** The columns of an item's row, for `json_to_recordset`. */
export type ItemRow = {
  external_id: string
  type: ItemType
  state: ItemState
  fingerprint: string
  raw_sealed: string | null
  read_by: string
  parent_external_id: string | null
  case_id: number | null
  response_id: number | null
  warnings: string[]
  source_updated_at: string | null
}

/** What is sealed of an item: its raw text, and for a parked reply what was read in it. */
type KeptRaw = { raw: string; item?: Item }

/** A write as the columns of its row, the raw text sealed. */
export function itemRow(
  tx: Tx,
  sourceId: number,
  { entry, state, caseId, responseId }: ItemWrite,
  now: Date,
): ItemRow {
  const { item, raw, readBy, fingerprint } = entry
  const kept: KeptRaw = state === 'parked' ? { raw, item } : { raw }
  const place = rawPlace(sourceId, item.externalId)
  return {
    external_id: item.externalId,
    type: item.type,
    state,
    fingerprint: fingerprint.toString('hex'),
    raw_sealed: state === 'deleted' ? null : tx.vault.seal(place, JSON.stringify(kept)),
    read_by: readBy,
    parent_external_id: item.type === 'reply' ? item.inReplyTo : null,
    case_id: caseId,
    response_id: responseId,
    warnings: state === 'deleted' ? [] : item.warnings,
    source_updated_at: sourceUpdatedTime(item, now),
  }
}

function sourceUpdatedTime({ updatedAt }: Item, now: Date): string | null {
  const updated = updatedAt === null ? Number.NaN : Date.parse(updatedAt)
  // What is dated ahead would keep every correction out until then.
  return Number.isNaN(updated) ? null : new Date(Math.min(updated, now.getTime())).toISOString()
}

function openKept(
  vault: Vault,
  { sourceId, externalId, rawSealed }: { sourceId: number; externalId: string; rawSealed: string },
): KeptRaw {
  return JSON.parse(vault.open(rawPlace(sourceId, externalId), rawSealed)) as KeptRaw
}

function rawPlace(sourceId: number, externalId: string): string {
  return `items.raw:${sourceId}:${externalId}`
}
