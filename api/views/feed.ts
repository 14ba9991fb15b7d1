import type { Attribution } from '../../domain/case-rows.ts'
import type { FeedItem, FeedPage } from '../../domain/feed.ts'
import type { AnswerEntry, CaseEntry } from '../../domain/feed-entries.ts'
import { addressWith } from './address.ts'

/** A document of a feed, whatever its format is to be. */
export type FeedDocument = {
  publicUrl: string
  /** Of the service. */
  name: string
  /** Where to hear of changes (WebSub), or null. */
  hub: string | null
  /** As it was asked. */
  query: Readonly<Record<string, unknown>>
  page: FeedPage
  now: Date
}

export type FeedFormat = 'atom' | 'json' | 'rss'

/** Where a document of a feed is, and those beside it. */
export type FeedAddresses = {
  self: string
  /** The newest part; also what all documents of the feed are called by. */
  current: string
  older: string | null
  newer: string | null
  /** The cases of the same filter as a list. */
  list: string
}

/** A case or an answer, as every format shows it. */
export type FeedEntry = {
  id: string
  position: number
  url: string
  title: string
  /** The title says what somebody wrote, in their language. */
  ownTitle: boolean
  text: string
  author: string
  published: string
  updated: string
  language: string | null
  /** The lists that the service has for them, with code and label. */
  categories: readonly (readonly [list: string, code: string, label: string | undefined])[]
  source: Attribution | null
  place: { latitude: number; longitude: number } | null
  /** Of an answer: its case. */
  inReplyTo: { id: string; url: string } | null
  /** Of a case: its answers, where there are any. */
  replies: { count: number; url: string } | null
}

export const RIGHTS =
  'Contains information licensed under the Open Government Licence v3.0 (https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/); items from other providers carry their own attribution.'

/** The address of a feed under which it tells of changes: without archive, filters as they were asked. */
function feedAddress(
  publicUrl: string,
  format: FeedFormat,
  query: FeedDocument['query'],
  archive: number | null = null,
): string {
  return addressWith(
    `${publicUrl}/v1/feeds/${archive === null ? '' : `archives/${archive}/`}cases.${format}`,
    query,
  )
}

/** The addresses of a document and of those beside it. */
export function addressesOf({ publicUrl, query, page }: FeedDocument, format: FeedFormat): FeedAddresses {
  const at = (archive: number | null) => feedAddress(publicUrl, format, query, archive)
  return {
    self: at(page.archive),
    current: at(null),
    older: page.older === null ? null : at(page.older),
    newer: page.newer === null ? null : at(page.newer),
    list: addressWith(`${publicUrl}/v1/cases`, query),
  }
}

/** Its title. */
export function titleOf({ name }: FeedDocument): string {
  return `${name}: published cases`
}

/** When anything in it was changed last; of one in which nothing has ever been, now. */
export function updatedOf(document: FeedDocument): string {
  const times = [
    ...entriesOf(document).map(({ updated }) => updated),
    ...goneOf(document).map(({ at }) => at),
  ]
  return times.sort().at(-1) ?? document.page.at ?? document.now.toISOString()
}

/** Its entries, each case followed by its answers. */
export function entriesOf(document: FeedDocument): FeedEntry[] {
  return document.page.items.flatMap((item) =>
    item.case === undefined
      ? []
      : [
          caseEntry(document, item.case, item.position),
          ...item.case.answers.map((answer) => answerEntry(document, item.case, answer, item.position)),
        ],
  )
}

/** What is gone: cases with the answers to them, and answers alone. */
export function goneOf(document: FeedDocument): { id: string; at: string }[] {
  return document.page.items.flatMap((item) => goneIn(document, item))
}

function goneIn(document: FeedDocument, item: FeedItem): { id: string; at: string }[] {
  if (item.case !== undefined) {
    return item.case.goneAnswers.map(({ reference, at }) => ({ id: answerId(document, reference), at }))
  }
  const { at, answers } = item.gone
  return [
    { id: caseId(document, item.reference), at },
    ...answers.map((reference) => ({ id: answerId(document, reference), at })),
  ]
}

const NAMES = { concern: 'Concern', question: 'Question', feedback: 'Feedback' } as const

function caseEntry(document: FeedDocument, entry: CaseEntry, position: number): FeedEntry {
  const { reference, kind, title, category, organisation, status, latitude, longitude, answers } = entry
  const url = `${document.publicUrl}/v1/cases/${reference}`
  return {
    id: caseId(document, reference),
    position,
    url,
    title: title ?? `${NAMES[kind]} about ${organisation.name}`,
    ownTitle: title !== null,
    text: entry.text,
    author: entry.authorName ?? 'Anonymous',
    published: entry.reportedAt,
    updated: entry.updatedAt,
    language: entry.language,
    categories: [
      ['categories', category.code, category.label],
      ['organisations', organisation.code, organisation.name],
      ['kinds', kind, NAMES[kind]],
      ['statuses', status, undefined],
    ],
    source: entry.source,
    place: latitude === null || longitude === null ? null : { latitude, longitude },
    inReplyTo: null,
    replies: answers.length === 0 ? null : { count: answers.length, url: `${url}/responses` },
  }
}

function answerEntry(
  document: FeedDocument,
  { reference: of }: CaseEntry,
  answer: AnswerEntry,
  position: number,
): FeedEntry {
  const { reference, organisation, authorName, text, respondedAt, updatedAt, source } = answer
  const url = `${document.publicUrl}/v1/cases/${of}`
  // The central team answers for no organisation.
  const name = organisation?.name ?? document.name
  return {
    id: answerId(document, reference),
    position,
    // Readers take entries with the same address for one.
    url: `${url}/responses#${reference}`,
    title: `Answer from ${name}`,
    ownTitle: false,
    text,
    author: authorName ?? name,
    published: respondedAt,
    updated: updatedAt,
    language: null,
    categories: organisation === null ? [] : [['organisations', organisation.code, organisation.name]],
    source,
    place: null,
    inReplyTo: { id: caseId(document, of), url },
    replies: null,
  }
}

// As long as the service has its name: wherever a case is found, and whatever is changed in it, it is the same.
function caseId({ publicUrl }: FeedDocument, reference: string): string {
  return `tag:${new URL(publicUrl).hostname},2026:case:${reference}`
}

function answerId({ publicUrl }: FeedDocument, reference: string): string {
  return `tag:${new URL(publicUrl).hostname},2026:response:${reference}`
}

/** What has to be said of where an entry came from. */
export function rightsOf({ title, attribution, licence }: Attribution): string {
  return [title, attribution, licence].filter((part) => part !== null).join(' · ')
}

/** A place as GeoRSS Simple has it: latitude first. */
export function pointOf({ latitude, longitude }: { latitude: number; longitude: number }): string {
  return `${decimal(latitude)} ${decimal(longitude)}`
}

// Never `1e-7`; about a tenth of a metre.
function decimal(degrees: number): string {
  return String(Number(degrees.toFixed(6)))
}
