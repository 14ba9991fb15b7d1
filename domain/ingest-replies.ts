import { type Publication, rows, type Tx } from '../prisma/client.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { type Prepared, publishedTime } from './ingest-entries.ts'
import type { HeldSource, KnownItem } from './ingest-items.ts'
import type { Reply } from './items.ts'
import { newReference } from './references.ts'
import { keepDecidedTexts } from './response-moderation.ts'

/** A reply and the case that it answers. */
export type ReplyEntry = { entry: Prepared<Reply>; caseId: number }
export type ReplyEdit = { entry: Prepared<Reply>; known: KnownItem }

/** Adds a response to its case for each reply, public when the source is trusted; the response's key by the reply's. */
export async function createResponses(
  tx: Tx,
  source: HeldSource,
  replies: readonly ReplyEntry[],
  now: Date,
): Promise<Map<string, number>> {
  if (replies.length === 0) return new Map()
  const cases = await touchCases(
    tx,
    replies.map(({ caseId }) => caseId),
    now,
  )
  const drafts = replies.map(({ entry: { item }, caseId }, n) => ({
    n,
    key: item.externalId,
    reference: newReference(),
    case_id: caseId,
    organisation_id: cases.get(caseId)?.organisationId,
    text: item.text,
    author_name: item.authorName,
    source_link: item.link,
    responded_at: publishedTime(item.publishedAt, now),
  }))
  const created = await rows<{ id: number; reference: string }>(
    tx,
    `insert into responses (reference, case_id, organisation_id, text, author_name, publication, source_id, source_link, responded_at,
       created_at, updated_at)
     select d.reference, d.case_id, d.organisation_id, d.text, d.author_name, $2::publication, $1, d.source_link, d.responded_at, $4, $4
     from json_to_recordset($3::json) as d(n int, reference text, case_id bigint, organisation_id int, text text, author_name text,
       source_link text, responded_at timestamptz)
     order by d.n returning id, reference`,
    [source.id, firstPublication(source), JSON.stringify(drafts), now],
    'create-feed-responses',
  )
  await recordEvents(
    tx,
    null,
    drafts.map(({ case_id }) => eventOf('response.created', source, cases.get(case_id), ['responses'])),
  )
  const byReference = new Map(created.map(({ id, reference }) => [reference, id]))
  return new Map(drafts.map(({ key, reference }) => [key, byReference.get(reference) as number]))
}

/** Brings responses to what their replies say now; the keys of those where that made a difference. */
export async function editResponses(
  tx: Tx,
  source: HeldSource,
  edits: readonly ReplyEdit[],
  now: Date,
): Promise<Set<string>> {
  if (edits.length === 0) return new Set()
  const drafts = edits.map(({ entry: { item }, known }) => ({
    key: item.externalId,
    id: known.responseId,
    text: item.text,
    author_name: item.authorName,
    source_link: item.link,
  }))
  await holdCasesOf(
    tx,
    drafts.flatMap(({ id }) => id ?? []),
  )
  await keepDecidedTexts(tx, drafts)
  // What the public has read waits for a person again, unless its source is trusted and nobody has judged it.
  const changed = await rows<{ id: number; caseId: number }>(
    tx,
    `update responses r set text = d.text, author_name = d.author_name, source_link = d.source_link, updated_at = $2,
       publication = case when r.publication in ('published', 'kept_private') 
           and not ($3 and not exists (select 1 from decisions s where s.response_id = r.id)) then 'awaiting_moderation' else r.publication end
     from json_to_recordset($1::json) as d(id bigint, text text, author_name text, source_link text)
     where r.id = d.id and (r.text, r.author_name, r.source_link) is distinct from (d.text, d.author_name, d.source_link)
     returning r.id, r.case_id as "caseId"`,
    [JSON.stringify(drafts), now, source.trusted],
    'edit-feed-responses',
  )
  const cases = await touchCases(
    tx,
    changed.map(({ caseId }) => caseId),
    now,
  )
  await recordEvents(
    tx,
    null,
    changed.map(({ caseId }) => eventOf('response.changed', source, cases.get(caseId), ['responses'])),
  )
  const ids = new Set(changed.map(({ id }) => id))
  return new Set(drafts.flatMap(({ key, id }) => (id !== null && ids.has(id) ? [key] : [])))
}

/** Holds the cases of responses that are about to change: everybody holds the case first, then what is under it. */
export async function holdCasesOf(tx: Tx, responseIds: readonly number[]): Promise<void> {
  if (responseIds.length === 0) return
  await rows(
    tx,
    `select 1 from cases where id in (select case_id from responses where id = any($1::bigint[]))
     order by id for no key update`,
    [responseIds],
    'hold-cases-of-responses',
  )
}

/** A case under which something was added, changed or removed. */
export type TouchedCase = { id: number; reference: string; organisationId: number; version: number }

/** Moves the version of cases, each once, as their readers see something new; their rows are held from then on. */
export async function touchCases(
  tx: Tx,
  ids: readonly number[],
  now: Date,
): Promise<Map<number, TouchedCase>> {
  if (ids.length === 0) return new Map()
  const touched = await rows<TouchedCase>(
    tx,
    `update cases set version = version + 1, updated_at = $2 where id = any($1::bigint[])
     returning id, reference, organisation_id as "organisationId", version`,
    [ids, now],
    'touch-cases',
  )
  return new Map(touched.map((theCase) => [theCase.id, theCase]))
}

/** One event about a response to a case. */
export function eventOf(
  type: 'response.created' | 'response.changed' | 'response.removed_by_source',
  source: { id: number },
  theCase: TouchedCase | undefined,
  fields: readonly string[],
): NewEvent {
  if (theCase === undefined) throw new Error('a response without its case')
  const { id, reference, organisationId, version } = theCase
  return {
    type,
    caseId: id,
    caseReference: reference,
    organisationId,
    sourceId: source.id,
    fields,
    caseVersion: version,
  }
}

function firstPublication({ trusted }: HeldSource): Publication {
  return trusted ? 'published' : 'awaiting_moderation'
}
