import { type Privacy, type Publication, rows, type Tx } from '../prisma/client.ts'
import {
  type Contact,
  contactOf,
  type OriginalText,
  originalOf,
  sealContact,
  sealOriginal,
} from './case-rows.ts'
import { restartModeration } from './clocks.ts'
import { recordEvents } from './events.ts'
import { canonicalJson } from './ingest-entries.ts'
import type { HeldSource, KnownItem } from './ingest-items.ts'
import type { Subject } from './ingest-organisations.ts'
import { nameOf, type StoryEntry } from './ingest-stories.ts'
import type { ItemRating, Story } from './items.ts'

export type StoryEdit = StoryEntry & { known: KnownItem & { caseId: number } }

/** Brings cases to what their stories say now; by key, what of a case that changed. */
export async function editCases(
  tx: Tx,
  source: HeldSource,
  edits: readonly StoryEdit[],
  now: Date,
): Promise<Map<string, readonly string[]>> {
  if (edits.length === 0) return new Map()
  const held = await holdCases(
    tx,
    edits.map(({ known }) => known.caseId),
  )
  const changes = edits.flatMap((edit) => {
    const theCase = held.get(edit.known.caseId)
    const change = theCase && changeOf(tx, source, theCase, edit)
    return change ? [{ ...change, key: edit.known.externalId, theCase }] : []
  })
  if (changes.length === 0) return new Map()
  await rows(
    tx,
    `update cases c set publication = d.publication::publication, privacy = d.privacy::privacy, organisation_id = d.organisation_id,
       service_id = d.service_id, category_code = d.category, original_sealed = d.original_sealed, contact_sealed = d.contact_sealed,
       moderated_title = d.moderated_title, moderated_text = d.moderated_text, public_name = d.public_name,
       visit_month = d.visit_month, language = d.language, tags = d.tags, ratings = d.ratings, latitude = d.latitude,
       longitude = d.longitude, pt = mercator(d.latitude, d.longitude), source_link = d.source_link,
       held_until = case when not d.said_anew then c.held_until end, version = c.version + 1, updated_at = $2
     from json_to_recordset($1::json) as d(id bigint, publication text, privacy text, organisation_id int, service_id int,
       category text, original_sealed text, contact_sealed text, moderated_title text, moderated_text text, public_name text,
       visit_month text, language text, tags text[], ratings jsonb, latitude float8, longitude float8, source_link text, said_anew boolean)
     where c.id = d.id`,
    [JSON.stringify(changes.map(({ row }) => row)), now],
    'edit-feed-cases',
  )
  for (const { theCase, row } of changes) {
    const timed = theCase.urgent || theCase.moderateDueAt !== null
    if (timed && row.publication !== theCase.publication) await restartModeration(tx, theCase.id, now)
  }
  await recordEvents(
    tx,
    null,
    changes.map(({ theCase, row, fields }) => ({
      type: 'case.changed',
      caseId: theCase.id,
      caseReference: theCase.reference,
      organisationId: row.organisation_id,
      sourceId: source.id,
      fields,
      caseVersion: theCase.version + 1,
    })),
  )
  return new Map(changes.map(({ key, fields }) => [key, fields]))
}

/**
 * What an upstream edit of its words makes of a case's publication. What nobody has touched by hand follows a trusted
 * source; what the public may have read, or was decided by a person, waits for a person; what was taken down stays so.
 */
export function publicationAfterEdit(
  now: Publication,
  { trusted, byHand }: { trusted: boolean; byHand: boolean },
): Publication {
  switch (now) {
    case 'published':
      return trusted && !byHand ? 'published' : 'awaiting_moderation'
    case 'kept_private':
      return 'awaiting_moderation'
    case 'awaiting_moderation':
    case 'awaiting_second_tier':
    case 'rejected':
    case 'removed':
      return now
  }
}

type HeldCase = {
  id: number
  reference: string
  version: number
  publication: Publication
  privacy: Privacy
  decisionReason: string | null
  urgent: boolean
  moderateDueAt: string | null
  organisationId: number
  serviceId: number | null
  category: string
  originalSealed: string | null
  contactSealed: string | null
  moderatedTitle: string | null
  moderatedText: string | null
  publicName: string | null
  visitMonth: string | null
  language: string | null
  tags: string[]
  ratings: ItemRating[]
  sourceLink: string | null
  sorted: boolean
  latitude: number | null
  longitude: number | null
}

async function holdCases(tx: Tx, ids: readonly number[]): Promise<Map<number, HeldCase>> {
  const held = await rows<HeldCase>(
    tx,
    `select id, reference, version, publication, privacy, decision_reason as "decisionReason", urgent,
       moderate_due_at as "moderateDueAt", organisation_id as "organisationId",
       service_id as "serviceId", category_code as category, original_sealed as "originalSealed", contact_sealed as "contactSealed",
       moderated_title as "moderatedTitle", moderated_text as "moderatedText", public_name as "publicName",
       visit_month as "visitMonth", language, tags, ratings, source_link as "sourceLink",
       sorted, latitude, longitude
     from cases where id = any($1::bigint[]) order by id for no key update`,
    [ids],
    'hold-feed-cases',
  )
  return new Map(held.map((theCase) => [theCase.id, theCase]))
}

function changeOf(tx: Tx, source: HeldSource, theCase: HeldCase, { entry: { item }, subject }: StoryEdit) {
  const byHand = theCase.decisionReason !== null
  // What may be urgent is published by a person only, also when its words come from a trusted source.
  const trusted = source.trusted && !theCase.urgent
  const name = nameOf(item)
  const original = originalOf(tx.vault, theCase)
  // What is anonymised is nobody's story any more.
  if (original === null) return null
  const words = changedWords(theCase, item, original, contactOf(tx.vault, theCase))
  // Where a person has sorted a case, their choice stays.
  const keepsService = byHand || theCase.sorted || staysWith(theCase, subject)
  const { category } = byHand || theCase.sorted ? theCase : subject
  const { serviceId } = keepsService ? theCase : subject
  const { organisationId, latitude, longitude } =
    theCase.sorted || staysWith(theCase, subject) ? theCase : subject
  const facts = changedFacts(theCase, item, { organisationId, category, serviceId })
  if (words.length + facts.length === 0) return null

  const publication =
    words.length === 0 ? theCase.publication : publicationAfterEdit(theCase.publication, { trusted, byHand })
  const follows = words.length > 0 && publication === 'published'
  // An author who has become anonymous is so at once; nobody becomes named without having asked for it here first.
  const privacy = name === null && theCase.privacy === 'named' ? 'anonymous' : theCase.privacy
  const publicName = follows ? name : theCase.publicName
  const row = {
    id: theCase.id,
    publication,
    privacy,
    organisation_id: organisationId,
    service_id: serviceId,
    category,
    original_sealed: sealOriginal(tx.vault, theCase.reference, { title: item.title, text: item.text }),
    contact_sealed: sealContact(tx.vault, theCase.reference, { name, email: null, phone: null }),
    moderated_title: follows ? item.title : theCase.moderatedTitle,
    moderated_text: follows ? item.text : theCase.moderatedText,
    public_name: privacy === 'named' ? publicName : null,
    visit_month: item.visitMonth,
    language: item.language,
    tags: item.tags,
    ratings: item.ratings,
    latitude,
    longitude,
    source_link: item.link,
    // Other words than those that a report has hidden are not shown when its time is over: they wait for a person.
    said_anew: words.length > 0,
  }
  return {
    row,
    fields: [...words, ...facts, ...(publication === theCase.publication ? [] : ['publication'])],
  }
}

// What was about an organisation before it closed stays there, whatever its source has to say about it later.
function staysWith({ organisationId }: HeldCase, subject: Subject): boolean {
  return organisationId === subject.namedId && subject.namedId !== subject.organisationId
}

/** What was said, and by whom: what a moderator has judged. */
function changedWords(
  theCase: HeldCase,
  item: Story,
  original: OriginalText,
  contact: Contact | null,
): string[] {
  return differing([
    ['title', original.title, item.title],
    ['text', original.text, item.text],
    ['authorName', contact?.name ?? null, nameOf(item)],
    ['tags', theCase.tags, item.tags],
    ['ratings', theCase.ratings, item.ratings],
  ])
}

function changedFacts(
  theCase: HeldCase,
  item: Story,
  subject: { organisationId: number; serviceId: number | null; category: string },
): string[] {
  return differing([
    ['organisation', theCase.organisationId, subject.organisationId],
    ['service', theCase.serviceId, subject.serviceId],
    ['category', theCase.category, subject.category],
    ['visitMonth', theCase.visitMonth, item.visitMonth],
    ['language', theCase.language, item.language],
    ['sourceLink', theCase.sourceLink, item.link],
  ])
}

function differing(pairs: [name: string, before: unknown, after: unknown][]): string[] {
  return pairs.flatMap(([name, before, after]) =>
    canonicalJson(before) === canonicalJson(after) ? [] : [name],
  )
}
