import { createHash } from 'node:crypto'
import type { Entry, Item, OrganisationKey, Story } from '../domain/items.ts'
import { readDate } from './dates.ts'
import type { FeedSettings } from './feed-settings.ts'

/** What the formats have in common: one entry, read but not yet judged. */
export type FeedEntry = {
  guid: string | null
  link: string | null
  title: string | null
  text: string
  /** As written. */
  published: string | null
  updated: string | null
  authors: string[]
  categories: { domain: string | null; term: string }[]
  position: Story['position']
  language: string | null
  /** undefined when it answers nothing; null when it does not say what. */
  inReplyTo: string | null | undefined
  /** What the element named by the settings holds. */
  organisation: string | null
  /** How its guid was told apart from the same guid of others, when it was read among them. */
  apart: Apart | null
  warnings: string[]
}

/** What is added to a shared guid: the link, or the link and a hash of title and text. */
export type Apart = 'link' | 'text'

/** One entry of any feed format as an item, or the reason why it is none. */
export function entryOf(read: FeedEntry, raw: string, place: string, settings: FeedSettings): Entry {
  const id = idOf(read, settings)
  if (id === null) return { raw, problem: 'no id, link, title or text', place, externalId: null }
  if (read.inReplyTo === null) {
    return { raw, problem: 'in-reply-to names no entry', place, externalId: id }
  }
  const item =
    read.inReplyTo === undefined ? storyOf(read, id, settings) : replyOf(read, id, read.inReplyTo, settings)
  return { raw, item: read.apart ? toldApart(item, read.apart) : item }
}

/** The item with an id that other items with the same guid do not have. */
export function toldApart(item: Item, apart: Apart): Item {
  if (item.type === 'deletion') return item
  const link = item.link !== null && item.link !== item.externalId ? ` ${item.link}` : ''
  const text = apart === 'text' ? ` ${hashOf(item)}` : ''
  return { ...item, externalId: fitting(`${item.externalId}${link}${text}`) }
}

/** A stable hash of what an item says. */
export function hashOf(item: Item): string {
  if (item.type === 'deletion') return ''
  return sha256(item.type === 'story' ? `${item.title ?? ''}\n${item.text}` : item.text)
}

/** An id of at most 400 characters; a longer one ends in its hash. */
export function fitting(id: string): string {
  return id.length <= 400 ? id : `${id.slice(0, 300)} ${sha256(id)}`.toWellFormed()
}

/** A person's name, or null for "Anonymous" and the like. */
export function personName(name: string): string | null {
  return name === '' || /^(anonymous|anon\.?|unknown|n\/a)$/i.test(name)
    ? null
    : name.slice(0, 200).toWellFormed()
}

/** A date with what was odd about it noted under that name. */
export function datedAs(name: string, written: string | null, warnings: string[]): string | null {
  if (written === null || written.trim() === '') return null
  const { date, warning } = readDate(written)
  if (warning !== null) warnings.push(`${name}: ${warning}`)
  return date
}

/** A language tag (BCP 47), or null. */
export function languageTag(language: string | null): string | null {
  const tag = language?.trim() ?? ''
  return /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$/.test(tag) ? tag : null
}

function idOf(read: FeedEntry, settings: FeedSettings): string | null {
  const { guid, link, title, text } = read
  const written = settings.idFrom === 'link' ? (link ?? guid) : (guid ?? link)
  if (written !== null) return fitting(written)
  if (title === null && text === '') return null
  read.warnings.push('id: none given, made from title and text')
  return sha256(`${title ?? ''}\n${text}`)
}

function storyOf(read: FeedEntry, externalId: string, settings: FeedSettings): Item {
  const { title, text, link, position, language, warnings } = read
  const { authorName, publishedAt, updatedAt } = sharedFields(read)
  return {
    type: 'story',
    externalId,
    title,
    text,
    authorName,
    publishedAt,
    updatedAt,
    link,
    organisations: organisationsOf(read, settings),
    service: null,
    visitMonth: null,
    tags: tagsOf(read, settings),
    ratings: [],
    position,
    language,
    warnings,
  }
}

function replyOf(read: FeedEntry, externalId: string, inReplyTo: string, settings: FeedSettings): Item {
  const { text, link, warnings } = read
  const { authorName, publishedAt, updatedAt } = sharedFields(read)
  return {
    type: 'reply',
    externalId,
    inReplyTo: fitting(inReplyTo),
    text,
    authorName,
    publishedAt,
    updatedAt,
    link,
    organisations: organisationsOf(read, settings),
    warnings,
  }
}

function sharedFields(read: FeedEntry) {
  const { warnings } = read
  const publishedAt = datedAs('published', read.published, warnings)
  if (read.published === null) warnings.push('published: none given, the first sight is used')
  const updatedAt = datedAs('updated', read.updated, warnings)
  const names = read.authors.map(personName).filter((name) => name !== null)
  const authorName = personName(names.join(', '))
  return { authorName, publishedAt, updatedAt }
}

/** Each term once, but those that name an organisation. */
function tagsOf({ categories }: FeedEntry, { organisationCategory }: FeedSettings): string[] {
  const tags = categories
    .filter(({ domain }) => domain === null || domain !== organisationCategory?.domain)
    .map(({ term }) => term)
  return tags.length > 1 ? [...new Set(tags)] : tags
}

function organisationsOf(read: FeedEntry, settings: FeedSettings): OrganisationKey[] {
  const { organisation, organisationCategory, organisationElement } = settings
  const keys: OrganisationKey[] = []
  if (organisationElement && read.organisation !== null) {
    keys.push({ scheme: organisationElement.scheme, code: read.organisation })
  }
  for (const { domain, term } of read.categories) {
    if (organisationCategory && domain === organisationCategory.domain) {
      keys.push({ scheme: organisationCategory.scheme, code: term })
    }
  }
  return organisation ? [...keys, organisation] : keys
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text).digest('hex')}`
}
