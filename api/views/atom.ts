import type { CaseEntry } from '../../domain/case-atom.ts'
import type { Attribution } from '../../domain/case-rows.ts'
import { addressWith } from './address.ts'

export type AtomFeed = {
  publicUrl: string
  name: string
  /** As it was asked. */
  query: Readonly<Record<string, unknown>>
  entries: readonly CaseEntry[]
  next: string | null
  now: Date
}

/** Cases as an Atom feed (RFC 4287), paged (RFC 5005), with their places (GeoRSS Simple: latitude first). */
export function atomView({ publicUrl, name, query, entries, next, now }: AtomFeed): string {
  const { after: _after, limit: _limit, ...filter } = query
  const feed = `${publicUrl}/v1/feeds/cases.atom`
  const page = (cursor: unknown) => addressWith(feed, { ...query, after: cursor })
  const updated = entries.map(({ updatedAt }) => updatedAt).sort()
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<feed xmlns="http://www.w3.org/2005/Atom" xmlns:georss="http://www.georss.org/georss">`,
    // All pages are one feed.
    element('id', addressWith(feed, filter)),
    element('title', `${name}: published cases`),
    // Of nothing it is not known when it became so.
    element('updated', updated.at(-1) ?? now.toISOString()),
    element('generator', 'Care Connect'),
    element('rights', RIGHTS),
    empty('link', { rel: 'self', type: ATOM, href: page(query.after) }),
    empty('link', { rel: 'first', type: ATOM, href: page(undefined) }),
    ...(next === null ? [] : [empty('link', { rel: 'next', type: ATOM, href: page(next) })]),
    empty('link', {
      rel: 'alternate',
      type: 'application/json',
      href: addressWith(`${publicUrl}/v1/cases`, query),
    }),
    ...entries.map((entry) => entryView(publicUrl, entry)),
    '</feed>',
    '',
  ].join('\n')
}

const ATOM = 'application/atom+xml'
const RIGHTS =
  'Contains information licensed under the Open Government Licence v3.0 (https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/); items from other providers carry their own attribution.'
const NAMES = { concern: 'Concern', question: 'Question', feedback: 'Feedback' } as const

function entryView(publicUrl: string, entry: CaseEntry): string {
  const { reference, kind, title, text, authorName, language, category, organisation, status, source } = entry
  const lang: Attributes = language === null ? {} : { 'xml:lang': language }
  return [
    '<entry>',
    // As long as the service has its name: wherever a case is found, and whatever is changed in it, it is the same.
    element('id', `tag:${new URL(publicUrl).hostname},2026:case:${reference}`),
    element('title', title ?? `${NAMES[kind]} about ${organisation.name}`, title === null ? {} : lang),
    element('published', entry.reportedAt),
    element('updated', entry.updatedAt),
    `<author>${element('name', authorName ?? 'Anonymous')}</author>`,
    empty('link', {
      rel: 'alternate',
      type: 'application/json',
      href: `${publicUrl}/v1/cases/${reference}`,
    }),
    ...(source?.link ? [empty('link', { rel: 'via', href: source.link, title: source.title })] : []),
    ...categoriesView(publicUrl, [
      ['categories', category.code, category.label],
      ['organisations', organisation.code, organisation.name],
      ['kinds', kind, NAMES[kind]],
      ['statuses', status, undefined],
    ]),
    ...(source === null ? [] : [element('rights', rightsOf(source))]),
    ...placeView(entry),
    element('content', text, { type: 'text', ...lang }),
    '</entry>',
  ].join('\n')
}

// The scheme is the address where what it may be is listed.
function categoriesView(
  publicUrl: string,
  categories: readonly (readonly [list: string, term: string, label: string | undefined])[],
): string[] {
  return categories.map(([list, term, label]) =>
    empty('category', { term, scheme: `${publicUrl}/v1/${list}`, ...(label !== undefined && { label }) }),
  )
}

function placeView({ latitude, longitude }: CaseEntry): string[] {
  if (latitude === null || longitude === null) return []
  return [element('georss:point', `${decimal(latitude)} ${decimal(longitude)}`)]
}

// Never `1e-7`; about a tenth of a metre.
function decimal(degrees: number): string {
  return String(Number(degrees.toFixed(6)))
}

function rightsOf({ title, attribution, licence }: Attribution): string {
  return [title, attribution, licence].filter((part) => part !== null).join(' · ')
}

type Attributes = Readonly<Record<string, string>>

function element(name: string, text: string, attributes: Attributes = {}): string {
  return `<${name}${attributesView(attributes)}>${escaped(text)}</${name}>`
}

function empty(name: string, attributes: Attributes): string {
  return `<${name}${attributesView(attributes)}/>`
}

function attributesView(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${escaped(value).replace(/[\t\n]/g, characterReference)}"`)
    .join('')
}

/** Text as XML 1.0 has it. What it cannot have is left out: most control characters, halves of characters, and two that are none. */
function escaped(text: string): string {
  return text
    .replace(NOT_IN_XML, '')
    .replace(/[&<>"\r]/g, (character) => ESCAPES[character] ?? characterReference(character))
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ud800-\udfff\ufffe\uffff]/gu
const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

function characterReference(character: string): string {
  return `&#${character.codePointAt(0)};`
}
