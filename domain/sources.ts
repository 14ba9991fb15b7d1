import { type Db, inTransaction, row, rows, type SourceState, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import { DomainError, invalid } from './errors.ts'
import { recordEvents } from './events.ts'
import { once } from './idempotency.ts'
import { forgetMissed } from './ingest-listing.ts'
import { findOrganisationId } from './organisations.ts'
import { visibleSource } from './source-access.ts'
import {
  circuitChange,
  detailOf,
  hostOf,
  SOURCE,
  type SourceDetail,
  type SourceRow,
  type SourceSettings,
  sealAddress,
  sourceByName,
} from './source-rows.ts'

export type { SourceDetail, SourceOpinion, SourceSettings } from './source-rows.ts'

/** A source to be registered; its connector and settings are checked by whoever sends it. */
export type SourceDraft = {
  name: string
  title: string
  connector?: string | undefined
  address?: string | undefined
  settings?: SourceSettings | undefined
  organisationScheme?: string | undefined
  siteUrl?: string | undefined
  attribution?: string | undefined
  licence?: string | undefined
  intervalMinutes?: number | undefined
  maxAgeDays?: number | undefined
  freshMinutes?: number | undefined
  fullListing?: boolean | undefined
  goneLimitPercent?: number | undefined
  maxDocumentBytes?: number | undefined
}

/** What to change: absent means leave, null means clear. */
export type SourceChange = {
  title?: string | undefined
  address?: string | undefined
  settings?: SourceSettings | undefined
  trusted?: boolean | undefined
  state?: 'active' | 'paused' | undefined
  siteUrl?: string | null | undefined
  attribution?: string | null | undefined
  licence?: string | null | undefined
  intervalMinutes?: number | undefined
  maxAgeDays?: number | null | undefined
  freshMinutes?: number | null | undefined
  fullListing?: boolean | undefined
  goneLimitPercent?: number | undefined
  maxDocumentBytes?: number | null | undefined
  /** A person has looked at what the readers disagree about. */
  flagged?: false | undefined
}

/**
 * Registers a source. One with a connector is probed first, one without takes pushes at once; its items await
 * moderation until it is trusted. Throws `name_taken`.
 */
export async function createSource(
  db: Db,
  client: ClientCaller,
  draft: SourceDraft,
  { key, now }: { key: string | undefined; now: Date },
): Promise<SourceDetail> {
  if ((draft.connector === undefined) !== (draft.address === undefined)) {
    const missing = draft.connector === undefined ? 'connector' : 'address'
    throw invalid({
      pointer: `/${missing}`,
      code: 'missing',
      detail: 'A source that is polled needs a connector and an address; one that pushes has neither.',
    })
  }
  const { name } = await once(db, client, { key, operation: 'createSource', body: draft }, async (tx) => {
    const sourceId = await insertSource(tx, draft, now)
    await recordEvents(tx, client, [{ type: 'source.created', sourceId }])
    return { name: draft.name }
  })
  return sourceByName(db.pool, db.vault, name)
}

/** A page of sources by name: all for an administrator, its own for a feedback provider. */
export async function listSources(
  db: Db,
  client: ClientCaller,
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<SourceDetail>> {
  const cursor = readCursor(after, ['string'])
  const own = client.role === 'administrator' ? null : (client.sourceId ?? -1)
  const found = await rows<SourceRow>(
    db.pool,
    `select ${SOURCE} from sources s where ($1::int is null or s.id = $1) and ($2::text is null or s.name > $2)
     order by s.name limit $3`,
    [own, cursor?.[0] ?? null, limit + 1],
    'list-sources',
  )
  const { items, next } = pageOf(found, limit, (last) => [last.name])
  return { items: items.map((source) => detailOf(db.vault, source)), next }
}

/** One source; throws `not_found` for an unknown one and `not_your_source` for another provider's. */
export async function getSource(db: Db, client: ClientCaller, name: string): Promise<SourceDetail> {
  await visibleSource(db.pool, client, name)
  return sourceByName(db.pool, db.vault, name)
}

/**
 * Changes a source; throws `version_stale` when it has changed since `version`. A new address is looked at anew before
 * it is polled, and a source that becomes active is due at once.
 */
export async function updateSource(
  db: Db,
  client: ClientCaller,
  name: string,
  change: SourceChange,
  { version, now }: { version: number; now: Date },
): Promise<SourceDetail> {
  await inTransaction(db, async (tx) => {
    const { id } = await visibleSource(tx, client, name)
    const source = await holdSource(tx, id, version)
    if (change.address !== undefined && source.connector === null) {
      throw invalid({
        pointer: '/address',
        code: 'not_polled',
        detail: 'This source pushes; nobody asks it.',
      })
    }
    const { failures } = await writeChange(tx, source, change, now)
    const circuit = circuitChange(source.failures, failures)
    await recordEvents(tx, client, [
      { type: 'source.changed', sourceId: id, fields: namesIn(change) },
      ...(circuit === null ? [] : [{ type: `source.circuit_${circuit}`, sourceId: id } as const]),
    ])
  })
  return sourceByName(db.pool, db.vault, name)
}

const A_DAY = 1_440

async function insertSource(tx: Tx, draft: SourceDraft, now: Date): Promise<number> {
  const { name, connector, address, settings = {} } = draft
  const created = await row<{ id: number }>(
    tx,
    `insert into sources (name, title, connector, address_sealed, settings, organisation_scheme, organisation_id, site_url, attribution,
       licence, interval_minutes, max_age_days, state, next_check_at, fresh_minutes, full_listing, gone_limit_percent, max_document_bytes,
       host)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
     on conflict (name) do nothing returning id`,
    [
      name,
      draft.title,
      connector ?? null,
      address === undefined ? null : sealAddress(tx.vault, name, address),
      JSON.stringify(settings),
      draft.organisationScheme ?? name,
      await defaultOrganisation(tx, settings),
      draft.siteUrl ?? null,
      draft.attribution ?? null,
      draft.licence ?? null,
      draft.intervalMinutes ?? 15,
      draft.maxAgeDays ?? null,
      connector === undefined ? 'active' : 'probing',
      connector === undefined ? null : now,
      draft.freshMinutes ?? (connector === undefined ? null : A_DAY),
      draft.fullListing ?? false,
      draft.goneLimitPercent ?? 50,
      draft.maxDocumentBytes ?? null,
      address === undefined ? null : hostOf(address),
    ],
  )
  if (created === undefined)
    throw new DomainError('name_taken', { detail: `There is a source "${name}" already.` })
  return created.id
}

// The source's own ids are filed when its items come, so only an ODS code is known now.
async function defaultOrganisation(tx: Tx, { organisation }: SourceSettings): Promise<number | null> {
  if (organisation?.scheme !== 'ods') return null
  const id = await findOrganisationId(tx, organisation.code)
  if (id !== null) return id
  throw invalid({
    pointer: '/settings/organisation/code',
    code: 'unknown_organisation',
    detail: `There is no organisation with the code "${organisation.code}"; /v1/organisations lists them.`,
  })
}

async function holdSource(tx: Tx, id: number, version: number): Promise<SourceRow> {
  const found = await row<SourceRow>(
    tx,
    `select ${SOURCE} from sources s where s.id = $1 for no key update`,
    [id],
  )
  const source = found as SourceRow
  if (source.version === version) return source
  throw new DomainError('version_stale', {
    currentVersion: source.version,
    detail: `You sent version ${version}; it is ${source.version} now. Read it again and decide again.`,
  })
}

async function writeChange(
  tx: Tx,
  source: SourceRow,
  change: SourceChange,
  now: Date,
): Promise<{ failures: number }> {
  const { address, settings } = change
  const state = stateAfter(source, change)
  // What was read before was read otherwise: the whole document is read again.
  const readAnew = [
    address,
    settings,
    change.maxAgeDays,
    change.fullListing,
    change.goneLimitPercent,
    change.maxDocumentBytes,
  ].some((value) => value !== undefined)
  const failures = readAnew ? 0 : source.failures
  const dueNow = source.connector !== null && state !== 'paused' && (readAnew || state !== source.state)
  await rows(
    tx,
    `update sources set title = coalesce($2, title), address_sealed = coalesce($3, address_sealed), settings = coalesce($4, settings),
       organisation_id = case when $4::jsonb is null then organisation_id else $5::int end, trusted = coalesce($6, trusted), state = $7::source_state,
       site_url = case when $8 then $9 else site_url end, attribution = case when $10 then $11 else attribution end,
       licence = case when $12 then $13 else licence end, interval_minutes = coalesce($14, interval_minutes),
       max_age_days = case when $15 then $16::int else max_age_days end,
       fresh_minutes = case when $20 then $21::int else fresh_minutes end, full_listing = coalesce($22, full_listing),
       gone_limit_percent = coalesce($23, gone_limit_percent),
       max_document_bytes = case when $24 then $25::int else max_document_bytes end,
       opinion = case when $3::text is null then opinion end, flagged = flagged and $3::text is null and $26::boolean is null,
       etag = case when not $17 then etag end, last_modified = case when not $17 then last_modified end,
       body_sha256 = case when not $17 then body_sha256 end, cursor_sealed = case when not $17 then cursor_sealed end,
       failures = $27, failing_since = case when not $17 then failing_since end,
       gone_waiting = case when not $17 then gone_waiting end, host = case when $3::text is null then host else $28 end,
       next_check_at = case when $18 then $19::timestamptz when $7::source_state = 'paused' then null else next_check_at end,
       version = version + 1, updated_at = now()
     where id = $1`,
    [
      source.id,
      change.title ?? null,
      address === undefined ? null : sealAddress(tx.vault, source.name, address),
      settings === undefined ? null : JSON.stringify(settings),
      settings === undefined ? null : await defaultOrganisation(tx, settings),
      change.trusted ?? null,
      state,
      change.siteUrl !== undefined,
      change.siteUrl ?? null,
      change.attribution !== undefined,
      change.attribution ?? null,
      change.licence !== undefined,
      change.licence ?? null,
      change.intervalMinutes ?? null,
      change.maxAgeDays !== undefined,
      change.maxAgeDays ?? null,
      readAnew,
      dueNow,
      now,
      change.freshMinutes !== undefined,
      change.freshMinutes ?? null,
      change.fullListing ?? null,
      change.goneLimitPercent ?? null,
      change.maxDocumentBytes !== undefined,
      change.maxDocumentBytes ?? null,
      change.flagged ?? null,
      failures,
      address === undefined ? null : hostOf(address),
    ],
  )
  // What another listing lacked does not count as the first of two times.
  if ([address, settings, change.fullListing].some((value) => value !== undefined))
    await forgetMissed(tx, source.id)
  return { failures }
}

/** `active` means to be polled: what no worker has looked at yet is probed first. */
function stateAfter(source: SourceRow, { state, address }: SourceChange): SourceState {
  const asked = state ?? (source.state === 'paused' ? 'paused' : 'active')
  const unseen = source.connector !== null && (source.secondOpinion === null || address !== undefined)
  return asked === 'active' && unseen ? 'probing' : asked
}

function namesIn(change: SourceChange): string[] {
  return Object.entries(change).flatMap(([name, value]) => (value === undefined ? [] : [name]))
}
