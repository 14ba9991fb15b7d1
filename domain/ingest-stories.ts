import { rows, type Tx } from '../prisma/client.ts'
import { sealContact, sealOriginal } from './case-rows.ts'
import { type NewEvent, recordEvents } from './events.ts'
import { type Prepared, publishedTime } from './ingest-entries.ts'
import type { HeldSource } from './ingest-items.ts'
import type { Subject } from './ingest-organisations.ts'
import type { Story } from './items.ts'
import { newReference } from './references.ts'

/** A story and what it is about. */
export type StoryEntry = { entry: Prepared<Story>; subject: Subject }

export type NewCase = { caseId: number; caseReference: string }

/** Makes a case of each story, published when the source is trusted; by the story's key. */
export async function createCases(
  tx: Tx,
  source: HeldSource,
  stories: readonly StoryEntry[],
  now: Date,
): Promise<Map<string, NewCase>> {
  if (stories.length === 0) return new Map()
  const drafts = stories.map((story, n) => ({
    n,
    key: story.entry.item.externalId,
    ...draftOf(tx, source, story, now),
  }))
  const created = await rows<{ id: number; reference: string; organisationId: number }>(
    tx,
    `insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id, service_id,
       category_code, original_sealed, contact_sealed, moderated_title, moderated_text, public_name, visit_month, language, tags,
       ratings, latitude, longitude, pt, source_id, source_link, reported_at, created_at, updated_at)
     select case_key(d.reported_at), d.reference, 'feedback', 'feed', 'no_action_needed', d.publication::publication,
       d.privacy::privacy, d.privacy::privacy, d.organisation_id, d.service_id, d.category, d.original_sealed, d.contact_sealed,
       d.moderated_title, d.moderated_text, d.public_name, d.visit_month, d.language, d.tags, d.ratings, d.latitude, d.longitude,
       mercator(d.latitude, d.longitude), $1, d.source_link, d.reported_at, $3, $3
     from json_to_recordset($2::json) as d(n int, reference text, publication text, privacy text, organisation_id int, service_id int,
       category text, original_sealed text, contact_sealed text, moderated_title text, moderated_text text, public_name text,
       visit_month text, language text, tags text[], ratings jsonb, latitude float8, longitude float8, source_link text,
       reported_at timestamptz)
     order by d.n
     returning id, reference, organisation_id as "organisationId"`,
    [source.id, JSON.stringify(drafts), now],
    'create-feed-cases',
  )
  await recordEvents(
    tx,
    null,
    created.flatMap((theCase) => creationEvents(source, theCase)),
  )
  const byReference = new Map(created.map(({ id, reference }) => [reference, id]))
  return new Map(
    drafts.map(({ key, reference }) => [
      key,
      { caseId: byReference.get(reference) as number, caseReference: reference },
    ]),
  )
}

/** The name under which a story may be shown; null when its author gave none. */
export function nameOf({ authorName }: { authorName: string | null }): string | null {
  const name = authorName?.trim() ?? ''
  return name === '' || /^(anon(ymous)?\b.*|name (withheld|not given)|unknown|n\/a)$/i.test(name)
    ? null
    : name
}

function draftOf(tx: Tx, source: HeldSource, { entry: { item }, subject }: StoryEntry, now: Date) {
  const reference = newReference()
  const name = nameOf(item)
  const shown = source.trusted
  return {
    reference,
    publication: shown ? 'published' : 'awaiting_moderation',
    privacy: name === null ? 'anonymous' : 'named',
    organisation_id: subject.organisationId,
    service_id: subject.serviceId,
    category: subject.category,
    original_sealed: sealOriginal(tx.vault, reference, { title: item.title, text: item.text }),
    contact_sealed: sealContact(tx.vault, reference, { name, email: null, phone: null }),
    moderated_title: shown ? item.title : null,
    moderated_text: shown ? item.text : null,
    public_name: shown ? name : null,
    visit_month: item.visitMonth,
    language: item.language,
    tags: item.tags,
    ratings: item.ratings,
    latitude: subject.latitude,
    longitude: subject.longitude,
    source_link: item.link,
    reported_at: publishedTime(item.publishedAt, now),
  }
}

function creationEvents(
  source: HeldSource,
  { id, reference, organisationId }: { id: number; reference: string; organisationId: number },
): NewEvent[] {
  const about = { caseId: id, caseReference: reference, organisationId, sourceId: source.id, caseVersion: 1 }
  const created: NewEvent = { type: 'case.created', ...about }
  return source.trusted ? [created, { type: 'case.published', ...about, fields: ['publication'] }] : [created]
}
