import { rows, type Tx } from '../prisma/client.ts'
import { type Prepared, type Refused, sha256, storableDetail, storableId } from './ingest-entries.ts'
import type { HeldSource } from './ingest-items.ts'
import { newReference } from './references.ts'

/** Puts refused entries aside, each once; one that stands there already is only noted again, at most hourly. */
export async function quarantine(
  tx: Tx,
  sourceId: number,
  refused: readonly Refused[],
  now: Date,
): Promise<void> {
  if (refused.length === 0) return
  const once = new Map(refused.map((entry) => [sha256(entry.raw).toString('hex'), entry]))
  await rows(
    tx,
    `insert into quarantined_items as q (reference, source_id, fingerprint, external_id, reason, detail, place, raw_sealed, read_by,
       first_seen_at, last_seen_at)
     select r.reference, $1, decode(r.fingerprint, 'hex'), r.external_id, r.reason, r.detail, r.place, r.raw_sealed, r.read_by, $3, $3
     from json_to_recordset($2::json) as r(reference text, fingerprint text, external_id text, reason text, detail text, place text,
       raw_sealed text, read_by text)
     on conflict (source_id, fingerprint) do update set external_id = coalesce(excluded.external_id, q.external_id),
       reason = excluded.reason, detail = excluded.detail, place = coalesce(excluded.place, q.place), last_seen_at = excluded.last_seen_at
     where (q.reason, q.detail) is distinct from (excluded.reason, excluded.detail) or q.last_seen_at < excluded.last_seen_at - interval '1 hour'`,
    [
      sourceId,
      JSON.stringify([...once].map(([hash, entry]) => quarantineRow(tx, sourceId, hash, entry))),
      now,
    ],
    'quarantine',
  )
}

/** Of these entries those that a person has set aside for good, with why they had been refused; by key. */
export async function dismissedAmong(
  tx: Tx,
  source: HeldSource,
  entries: readonly Prepared[],
): Promise<Map<string, Refused>> {
  if (!source.hasDismissed) return new Map()
  const found = await rows<{ hash: string } & Pick<Refused, 'reason' | 'detail' | 'place'>>(
    tx,
    `select encode(fingerprint, 'hex') as hash, reason, detail, place from quarantined_items
     where source_id = $1 and dismissed_at is not null and fingerprint = any($2::bytea[])`,
    [source.id, entries.map(({ raw }) => sha256(raw))],
    'dismissed-among',
  )
  const byHash = new Map(found.map(({ hash, ...why }) => [hash, why]))
  return new Map(
    entries.flatMap(({ raw, readBy, item: { externalId } }) => {
      const why = byHash.get(sha256(raw).toString('hex'))
      return why === undefined ? [] : [[externalId, { raw, readBy, externalId, ...why }]]
    }),
  )
}

/** Forgets what stood aside under keys that have now been taken; with `raws` only these very texts. */
export async function release(
  tx: Tx,
  sourceId: number,
  keys: readonly string[],
  raws: readonly string[] | null = null,
): Promise<void> {
  if (keys.length === 0) return
  await rows(
    tx,
    `delete from quarantined_items where source_id = $1 and external_id = any($2::text[])
       and ($3::bytea[] is null or fingerprint = any($3))`,
    [sourceId, keys, raws?.map(sha256) ?? null],
    'release-quarantined',
  )
}

/** What the raw text of an entry in quarantine is bound to; `hash` is its fingerprint in hexadecimal. */
export function quarantinePlace(sourceId: number, hash: string): string {
  return `quarantined_items.raw:${sourceId}:${hash}`
}

function quarantineRow(tx: Tx, sourceId: number, hash: string, entry: Refused): object {
  return {
    reference: newReference(),
    fingerprint: hash,
    external_id: entry.externalId === null ? null : storableId(entry.externalId),
    reason: entry.reason,
    detail: storableDetail(entry.detail),
    place: entry.place === null ? null : storableDetail(entry.place),
    raw_sealed: tx.vault.seal(quarantinePlace(sourceId, hash), entry.raw),
    read_by: entry.readBy,
  }
}
