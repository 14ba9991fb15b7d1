import type { Test } from 'tap'
import type { ClientCaller } from '../../domain/callers.ts'
import { createClient, findClient } from '../../domain/clients.ts'
import { type Ingested, ingest } from '../../domain/ingest.ts'
import type { Deletion, Entry, Item, Reply, Story } from '../../domain/items.ts'
import { createSource, type SourceDraft, updateSource } from '../../domain/sources.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

export const NOW = new Date('2026-11-22T12:00:00.000Z')

/** An open store of the test's own, with two organisations: a surgery with a branch, and a trust. */
export async function ingestStore(t: Test): Promise<Db> {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 8, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await organisations(db)
  return db
}

/** Organisations to tell stories about: a surgery with branches, and trusts. */
export async function organisations(db: Db): Promise<void> {
  await rows(
    db.pool,
    `insert into organisations (id, code, name, kind, latitude, longitude, parent_id, active) values
       (1, 'RX1', 'Example Trust (invented)', 'trust', 51.5, -0.12, null, true),
       (2, 'RX101', 'Example Site (invented)', 'site', null, null, 1, true),
       (3, 'G1', 'Example Surgery (invented)', 'gp_practice', 51.6, -0.2, null, true),
       (4, 'G1001', 'Example Branch North (invented)', 'gp_branch', 51.61, -0.21, 3, true),
       (5, 'G1002', 'Example Branch South (invented)', 'gp_branch', 51.59, -0.19, 3, true),
       (6, 'RX9', 'Closed Trust (invented)', 'trust', null, null, null, false)`,
  )
  await rows(
    db.pool,
    `insert into organisation_external_ids (scheme, code, organisation_id)
     values ('ods-former', 'OLD1', 1), ('invented', 'hospitals/77', 1)`,
  )
  await rows(
    db.pool,
    `insert into services (organisation_id, code, name) values (1, 'SRV0017', 'Cardiology')`,
  )
}

/** An administrator to register sources with. */
export async function administrator(db: Db): Promise<ClientCaller> {
  return client(db, { name: 'Administration', role: 'administrator' })
}

/** A client as its key makes it. */
export async function client(db: Db, draft: Parameters<typeof createClient>[1]): Promise<ClientCaller> {
  const { key } = await createClient(db, draft)
  const found = await findClient(db, key)
  if (found === null) throw new Error('the client does not exist')
  return found
}

/** A source that pushes, trusted unless said otherwise; its key in the store. */
export async function pushSource(
  db: Db,
  { trusted = true, ...draft }: Partial<SourceDraft> & { trusted?: boolean } = {},
): Promise<number> {
  const admin = await client(db, {
    name: `Administration of ${draft.name ?? 'invented'}`,
    role: 'administrator',
  })
  const name = draft.name ?? 'invented'
  await createSource(db, admin, { title: 'Invented', ...draft, name }, { key: undefined, now: NOW })
  if (trusted) await updateSource(db, admin, name, { trusted }, { version: 1, now: NOW })
  const [source] = await rows<{ id: number }>(db.pool, 'select id from sources where name = $1', [name])
  return (source as { id: number }).id
}

export function story(externalId: string, own: Partial<Story> = {}): Entry {
  return entry({
    type: 'story',
    externalId,
    title: 'Kind staff',
    text: 'They explained everything. (Invented example.)',
    authorName: 'Invented Name',
    publishedAt: '2026-11-01T10:00:00.000Z',
    updatedAt: null,
    link: `https://stories.example/${encodeURIComponent(externalId)}`,
    organisations: [{ scheme: 'ods', code: 'RX1' }],
    service: null,
    visitMonth: null,
    tags: [],
    ratings: [],
    position: null,
    language: null,
    warnings: [],
    ...own,
  })
}

export function reply(externalId: string, inReplyTo: string, own: Partial<Reply> = {}): Entry {
  return entry({
    type: 'reply',
    externalId,
    inReplyTo,
    text: 'Thank you. (Invented example.)',
    authorName: 'Example Trust',
    publishedAt: '2026-11-02T10:00:00.000Z',
    updatedAt: null,
    link: null,
    organisations: [],
    warnings: [],
    ...own,
  })
}

export function deletion(externalId: string, own: Partial<Deletion> = {}): Entry {
  return entry({ type: 'deletion', externalId, updatedAt: null, warnings: [], ...own })
}

export function entry(item: Item): Entry {
  return { raw: JSON.stringify(item), item }
}

/** Takes a batch and says what became of each: `story-1 created`. */
export async function take(db: Db, sourceId: number, entries: Entry[], now = NOW): Promise<string[]> {
  const { results } = await ingest(db, sourceId, entries, { now, readBy: 'pushed' })
  return outcomes({ results })
}

export function outcomes({ results }: Pick<Ingested, 'results'>): string[] {
  return results.map(({ externalId, outcome }) => `${externalId} ${outcome}`)
}

export type StoredCase = {
  id: number
  reference: string
  publication: string
  status: string
  privacy: string
  organisationId: number
  category: string
  serviceId: number | null
  moderatedTitle: string | null
  moderatedText: string | null
  publicName: string | null
  latitude: number | null
  version: number
  reportedAt: string
  ratings: unknown[]
  originalSealed: string
}

/** The cases of a source, by the key of their story. */
export async function storedCases(db: Db): Promise<Record<string, StoredCase>> {
  const found = await rows<StoredCase & { key: string }>(
    db.pool,
    `select i.external_id as key, c.id, c.reference, c.publication, c.status, c.privacy, c.organisation_id as "organisationId",
       c.category_code as category, c.service_id as "serviceId", c.moderated_title as "moderatedTitle",
       c.moderated_text as "moderatedText", c.public_name as "publicName", c.latitude, c.version, c.reported_at as "reportedAt",
       c.ratings, c.original_sealed as "originalSealed"
     from cases c join items i on i.case_id = c.id and i.type = 'story' order by i.external_id`,
  )
  return Object.fromEntries(found.map(({ key, ...theCase }) => [key, theCase]))
}

export async function storedResponses(
  db: Db,
): Promise<{ key: string; caseId: number; publication: string; text: string }[]> {
  return rows(
    db.pool,
    `select i.external_id as key, r.case_id as "caseId", r.publication, r.text
     from responses r join items i on i.response_id = r.id order by i.external_id`,
  )
}

export async function eventTypes(db: Db): Promise<string[]> {
  const found = await rows<{ type: string }>(
    db.pool,
    `select type from events where type not like 'source.%' order by id`,
  )
  return found.map(({ type }) => type)
}

/** Every row of every table, with where it lies: two equal ones mean that nothing was written between. */
export async function everything(db: Db): Promise<string> {
  const tables = ['cases', 'responses', 'items', 'quarantined_items', 'events', 'sources', 'organisations']
  const all = await Promise.all(
    tables.map((table) =>
      rows<{ at: string }>(
        db.pool,
        `select coalesce(string_agg(ctid || ' ' || xmin, ',' order by ctid), '') as at from ${table}`,
      ),
    ),
  )
  return all.map(([one], n) => `${tables[n]}: ${one?.at}`).join('\n')
}

/** What a case handler's decision leaves on a case. */
export async function decideByHand(
  db: Db,
  key: string,
  { publication, text = null }: { publication: string; text?: string | null },
): Promise<void> {
  await rows(
    db.pool,
    `update cases set publication = $2::publication, decision_reason = 'fit', version = version + 1,
       moderated_text = coalesce($3, moderated_text)
     where id = (select case_id from items where external_id = $1)`,
    [key, publication, text],
  )
}
