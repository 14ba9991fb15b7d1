import { setImmediate as nextTurn } from 'node:timers/promises'
import { rows, type Tx } from '../prisma/client.ts'
import { sealContact, sealOriginal } from './case-rows.ts'
import { eventsOfNewCases } from './events.ts'
import { type Prepared, publishedTime } from './ingest-entries.ts'
import { type HeldSource, itemRow } from './ingest-items.ts'
import type { Subject } from './ingest-organisations.ts'
import type { Story } from './items.ts'
import { newReference } from './references.ts'

/** A story and what it is about. */
export type StoryEntry = { entry: Prepared<Story>; subject: Subject }

export type NewCase = { caseId: number; caseReference: string }

/**
 * Makes a case of each story, with its item and its events, published when the source is trusted; by the story's key.
 * While the store works on some of them the next are sealed.
 */
export async function createCases(
  tx: Tx,
  source: HeldSource,
  stories: readonly StoryEntry[],
  now: Date,
): Promise<Map<string, NewCase>> {
  const made = new Map<string, NewCase>()
  const draftsFrom = (from: number) =>
    stories.slice(from, from + AT_ONCE).map((story, n) => ({ n, ...draftOf(tx, source, story, now) }))
  for (let from = 0, drafts = draftsFrom(0); drafts.length > 0; from += AT_ONCE) {
    const [some, next] = await Promise.all([
      createSome(tx, source, drafts, now),
      nextTurn().then(() => draftsFrom(from + AT_ONCE)),
    ])
    for (const [key, theCase] of some) made.set(key, theCase)
    drafts = next
  }
  return made
}

const AT_ONCE = 125

type Draft = ReturnType<typeof draftOf> & { n: number }

/** One statement for cases, items and events: of a first import every further one is felt. */
async function createSome(
  tx: Tx,
  source: HeldSource,
  drafts: readonly Draft[],
  now: Date,
): Promise<[string, NewCase][]> {
  const types = source.trusted ? ['case.created', 'case.published'] : ['case.created']
  const made = await rows<{ id: number; reference: string }>(
    tx,
    CREATE,
    [source.id, JSON.stringify(drafts), now, types],
    'create-feed-cases',
  )
  const byReference = new Map(made.map(({ id, reference }) => [reference, id]))
  return drafts.map(({ external_id, reference }) => [
    external_id,
    { caseId: byReference.get(reference) as number, caseReference: reference },
  ])
}

const CREATE = `
  with d as materialized (
    select * from json_to_recordset($2::json) as d(n int, reference text, publication text, privacy text, organisation_id int,
      service_id int, category text, original_sealed text, contact_sealed text, moderated_title text, moderated_text text,
      public_name text, visit_month text, language text, tags text[], ratings jsonb, latitude float8, longitude float8,
      source_link text, reported_at timestamptz, external_id text, fingerprint text, raw_sealed text, read_by text, warnings text[],
      source_updated_at timestamptz)
  ), made as (
    insert into cases (id, reference, kind, channel, status, publication, privacy, privacy_chosen, organisation_id, service_id,
      category_code, original_sealed, contact_sealed, moderated_title, moderated_text, public_name, visit_month, language, tags,
      ratings, latitude, longitude, pt, source_id, source_link, reported_at, created_at, updated_at)
    select case_key(d.reported_at), d.reference, 'feedback', 'feed', 'no_action_needed', d.publication::publication,
      d.privacy::privacy, d.privacy::privacy, d.organisation_id, d.service_id, d.category, d.original_sealed, d.contact_sealed,
      d.moderated_title, d.moderated_text, d.public_name, d.visit_month, d.language, d.tags, d.ratings, d.latitude, d.longitude,
      mercator(d.latitude, d.longitude), $1, d.source_link, d.reported_at, $3, $3
    from d order by d.n
    returning id, reference, organisation_id
  ), kept as (
    insert into items (source_id, external_id, type, state, fingerprint, raw_sealed, read_by, case_id, warnings, source_updated_at,
      first_seen_at, changed_at)
    select $1, d.external_id, 'story', 'live', decode(d.fingerprint, 'hex'), d.raw_sealed, d.read_by, made.id, d.warnings,
      d.source_updated_at, $3, $3
    from d join made on made.reference = d.reference
  ), told as (${eventsOfNewCases('made', { types: '$4', source: '$1' })})
  select id, reference from made`

/** The name under which a story may be shown; null when its author gave none. */
export function nameOf({ authorName }: { authorName: string | null }): string | null {
  const name = authorName?.trim() ?? ''
  return name === '' || /^(anon(ymous)?\b.*|name (withheld|not given)|unknown|n\/a)$/i.test(name)
    ? null
    : name
}

function draftOf(tx: Tx, source: HeldSource, { entry, subject }: StoryEntry, now: Date) {
  const { item } = entry
  const write = { entry, state: 'live', caseId: null, responseId: null } as const
  const { external_id, fingerprint, raw_sealed, read_by, warnings, source_updated_at } = itemRow(
    tx,
    source.id,
    write,
    now,
  )
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
    external_id,
    fingerprint,
    raw_sealed,
    read_by,
    warnings,
    source_updated_at,
  }
}
