import {
  type Db,
  type DigestInterval,
  type DigestState,
  inTransaction,
  rows,
  type Tx,
} from '../prisma/client.ts'
import { type Access, accessesTo } from './accesses.ts'
import type { ClientCaller } from './callers.ts'
import { caseById } from './case-rows.ts'
import { decisionsOf, type KeptDecision } from './decisions.ts'
import { recordEvents } from './events.ts'
import { type CaseEvent, eventsAfter } from './history.ts'
import { picturesOf, type SentImage } from './images.ts'
import { openRaw } from './ingest-items.ts'
import { type Note, notesOf } from './notes.ts'
import { type ListedNotification, notificationsOf } from './notification-admin.ts'
import { type Objection, objectionsOf } from './objections.ts'
import { getPublicCase } from './public-cases.ts'
import { retentionDates } from './retention-due.ts'
import { type SeenCase, showCase } from './seen-case.ts'
import { casesOfSubject, type Subject, type SubjectCase, subjectDigests } from './subjects.ts'
import { noticesTo } from './subscription-rows.ts'

/** Everything that is held about somebody. */
export type SubjectAccess = {
  givenAt: string
  cases: SubjectFile[]
  digests: SubjectDigest[]
  /** The references of the subscriptions that tell the address when they are paused. */
  notices: string[]
}

/** One case with all that hangs on it. */
export type SubjectFile = {
  seen: SeenCase
  /** What the public sees, as JSON; null when that is nothing. */
  publicJson: string | null
  decisions: KeptDecision[]
  notes: Note[]
  objections: Objection[]
  events: CaseEvent[]
  pictures: SentImage[]
  notifications: ListedNotification[]
  reads: Access[]
  /** The names of the clients that were sent it or have read it. */
  holders: string[]
  sourceItems: SourceItem[]
  /** When it is anonymised and deleted, as the policies and legal holds are now; null for never. */
  anonymiseAt: string | null
  deleteAt: string | null
}

/** What a source sent, as it sent it; null where that is forgotten. */
export type SourceItem = { source: string; externalId: string; raw: string | null }

export type SubjectDigest = {
  reference: string
  /** The name of its saved query. */
  query: string
  every: DigestInterval
  state: DigestState
  createdAt: string
}

/**
 * Everything held about whoever told a case, or is reached so (UK GDPR, article 15). Nothing of it is kept; that it was
 * given is an event of each case, recorded before anything is read. Throws `not_found` for a reference that no case has.
 */
export async function createSubjectAccess(
  db: Db,
  client: ClientCaller,
  subject: Subject,
  { publicUrl, now }: { publicUrl: string; now: Date },
): Promise<SubjectAccess> {
  const store = { sql: db.pool, vault: db.vault }
  const cases = await casesOfSubject(store, client, subject)
  await inTransaction(db, (tx) => noteGiven(tx, client, cases))
  const files: SubjectFile[] = []
  for (const theCase of cases) files.push(await fileOf(db, theCase, publicUrl))
  const { email } = subject
  if (email === undefined) return { givenAt: now.toISOString(), cases: files, digests: [], notices: [] }
  const { where, values, isTheirs, clients } = await subjectDigests(store, client, email)
  return {
    givenAt: now.toISOString(),
    cases: files,
    digests: await digestsOf(db, where, values),
    notices: (await noticesTo(store, isTheirs, clients)).map(({ reference }) => reference),
  }
}

// Also that nothing was found was said.
async function noteGiven(tx: Tx, client: ClientCaller, cases: readonly SubjectCase[]): Promise<void> {
  await rows(tx, 'select 1 from cases where id = any($1::bigint[]) order by id for no key update', [
    cases.map(({ id }) => id),
  ])
  const about = cases.map(({ id, reference, organisationId, version }) => ({
    caseId: id,
    caseReference: reference,
    organisationId,
    caseVersion: version,
  }))
  await recordEvents(
    tx,
    client,
    (about.length > 0 ? about : [{}]).map((one) => ({ ...one, type: 'subject_access.given' })),
  )
}

async function fileOf(db: Db, { id, reference }: SubjectCase, publicUrl: string): Promise<SubjectFile> {
  return {
    // As the central team sees it, but with nothing to do.
    seen: showCase(db.vault, await caseById(db.pool, id), 'none', 'staff'),
    publicJson: (await getPublicCase(db.pool, reference, publicUrl)) ?? null,
    decisions: await decisionsOf(db, id, true),
    notes: await notesOf(db, id),
    objections: await objectionsOf(db, id),
    events: await eventsAfter(db, id, 0, null),
    pictures: await picturesOf(db, id),
    notifications: await notificationsOf(db, id),
    reads: await accessesTo(db, reference),
    holders: await holdersOf(db, { id, reference }),
    sourceItems: await sourceItemsOf(db, id),
    ...(await datesOf(db, id)),
  }
}

async function datesOf(db: Db, caseId: number): Promise<Pick<SubjectFile, 'anonymiseAt' | 'deleteAt'>> {
  const [dates] = await retentionDates(db.pool, [caseId])
  if (dates === undefined || dates.held) return { anonymiseAt: null, deleteAt: null }
  return { anonymiseAt: dates.anonymiseAt, deleteAt: dates.deleteAt }
}

async function holdersOf(
  db: Db,
  { id, reference }: Pick<SubjectCase, 'id' | 'reference'>,
): Promise<string[]> {
  const found = await rows<{ name: string }>(
    db.pool,
    `select k.name from api_clients k
     where k.id in (select a.client_id from accesses a where a.cases @> array[$2::text])
       or k.id in (select s.client_id from deliveries d join subscriptions s on s.id = d.subscription_id
         where d.case_id = $1 and d.state = 'delivered' and not d.gone)
       or k.id in (select o.client_id from delivered_copies o where o.case_id = $1)
     order by k.name`,
    [id, reference],
    'subject-holders',
  )
  return found.map(({ name }) => name)
}

async function sourceItemsOf(db: Db, caseId: number): Promise<SourceItem[]> {
  const found = await rows<{
    sourceId: number
    source: string
    externalId: string
    version: number
    rawSealed: string | null
  }>(
    db.pool,
    `select i.source_id as "sourceId", s.name as source, i.external_id as "externalId", i.version, i.raw_sealed as "rawSealed"
     from items i join sources s on s.id = i.source_id where i.case_id = $1
     union all
     select i.source_id, s.name, i.external_id, v.version, v.raw_sealed
     from items i join sources s on s.id = i.source_id join item_versions v on v.item_id = i.id where i.case_id = $1
     order by 2, 3, 4`,
    [caseId],
    'subject-items',
  )
  return found.map(({ sourceId, source, externalId, rawSealed }) => ({
    source,
    externalId,
    raw: rawSealed === null ? null : openRaw(db.vault, { sourceId, externalId, rawSealed }),
  }))
}

async function digestsOf(db: Db, where: string, values: unknown[]): Promise<SubjectDigest[]> {
  return rows<SubjectDigest>(
    db.pool,
    `select d.reference, q.name as query, d.every, d.state, d.created_at as "createdAt"
     from digests d join saved_queries q on q.id = d.query_id where ${where} order by d.id`,
    values,
  )
}
