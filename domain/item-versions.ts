import { type Db, rows, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { type KnownItem, openRaw } from './ingest-items.ts'
import { visibleSource } from './source-access.ts'

/** Keeps what items said until now, before other words take their place. */
export async function keepVersions(
  tx: Tx,
  sourceId: number,
  edits: readonly { known: KnownItem }[],
): Promise<void> {
  if (edits.length === 0) return
  await rows(
    tx,
    `with kept as (
       insert into item_versions (item_id, version, raw_sealed, read_by, source_updated_at, seen_at)
       select id, version, raw_sealed, read_by, source_updated_at, changed_at from items
       where source_id = $1 and external_id = any($2::text[]) and raw_sealed is not null
       returning item_id)
     update items set version = version + 1 where id in (select item_id from kept)`,
    [sourceId, edits.map(({ known }) => known.externalId)],
    'keep-item-versions',
  )
}

/** One state in which a source sent an item. */
export type ItemVersion = {
  version: number
  current: boolean
  seenAt: string
  updatedAt: string | null
  /** As the source sent it. */
  raw: string
}

/**
 * Each state in which an item was sent, the newest first. Throws `not_found` for an unknown item and for one of which
 * nothing is left: it was taken back, or retention has forgotten it; and as `getSource` does.
 */
export async function listItemVersions(
  db: Db,
  client: ClientCaller,
  name: string,
  externalId: string,
): Promise<ItemVersion[]> {
  const { id: sourceId } = await visibleSource(db.pool, client, name)
  const found = await rows<Omit<ItemVersion, 'raw'> & { rawSealed: string }>(
    db.pool,
    `with item as (
       select * from items where source_id = $1 and external_id = $2 and raw_sealed is not null)
     select version, true as current, changed_at as "seenAt", source_updated_at as "updatedAt", raw_sealed as "rawSealed" from item
     union all
     select v.version, false, v.seen_at, v.source_updated_at, v.raw_sealed from item_versions v join item on item.id = v.item_id
     order by version desc`,
    [sourceId, externalId],
    'list-item-versions',
  )
  if (found.length === 0) {
    const detail = `The source "${name}" has no item with this externalId, has taken it back, or its text was forgotten.`
    throw new DomainError('not_found', { detail })
  }
  return found.map(({ rawSealed, ...version }) => ({
    ...version,
    raw: openRaw(db.vault, { sourceId, externalId, rawSealed }),
  }))
}
