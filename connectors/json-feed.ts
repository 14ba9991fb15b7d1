import type { DocumentFailure } from '../domain/items.ts'
import { storable } from './decode.ts'
import { type Apart, type FeedEntry, languageTag } from './feed-entry.ts'
import type { FeedSettings } from './feed-settings.ts'
import { htmlToText } from './html-text.ts'
import { isObject, type JsonObject, objectIn, parseJson, stringIn } from './json.ts'
import { textIn } from './json-story.ts'
import { httpLink } from './links.ts'
import { oneLine, plainText, titleText } from './text.ts'
import { type XmlLimits, xmlLimits } from './xml-reader.ts'

export type JsonFeed = {
  title: string | null
  /** Each can be read alone: language, base and how its id was told apart are in its extension. */
  items: JsonObject[]
  next: string | null
  hub: string | null
  complete: boolean
  warnings: string[]
}

/** Reads a document of JSON Feed 1.0 or 1.1 (jsonfeed.org/version/1.1). */
export function readJsonFeed(
  text: string,
  base: string | null,
  limits: Partial<XmlLimits> = {},
): JsonFeed | DocumentFailure {
  const document = parseJson(text)
  if ('failure' in document) return document
  const { value } = document
  const isFeed = /^https?:\/\/jsonfeed\.org\/version\//.test(stringIn(value, 'version'))
  if (!isFeed || !Array.isArray(value.items))
    return { failure: 'not-a-feed', detail: 'JSON, but no JSON Feed' }
  const most = limits.entries ?? xmlLimits.entries
  const complete = value.items.length <= most
  const language = languageTag(stringIn(value, 'language'))
  const items = value.items.slice(0, most).map((item) => ({
    ...(isObject(item) ? item : {}),
    [ownExtension]: { ...(isObject(item) && objectIn(item, ownExtension)), apart: undefined, base, language },
  }))
  const hubs = Array.isArray(value.hubs) ? value.hubs.filter(isObject) : []
  const hub = hubs.find((one) => stringIn(one, 'type').toLowerCase() === 'websub')
  return {
    title: titleText(stringIn(value, 'title')) || null,
    items,
    next: httpLink(stringIn(value, 'next_url'), base),
    hub: hub ? httpLink(stringIn(hub, 'url'), base) : null,
    complete,
    warnings: complete ? [] : [`more than ${most} entries: the rest is left`],
  }
}

/** Reads one item of a JSON Feed. */
export function readJsonItem(
  item: JsonObject,
  settings: FeedSettings,
  limits: Partial<XmlLimits> = {},
): FeedEntry {
  const warnings: string[] = []
  const own = objectIn(item, ownExtension)
  const base = stringIn(own, 'base') || null
  const apart = stringIn(own, 'apart')
  const address = stringIn(item, 'url')
  const link = httpLink(address, base)
  if (link === null && address !== '') warnings.push('link: not an http address')
  return {
    guid: idOf(item),
    link,
    title: titleText(textIn(item, 'title', warnings)) || null,
    text: bodyOf(item, limits.text ?? xmlLimits.text, warnings),
    published: stringIn(item, 'date_published') || null,
    updated: stringIn(item, 'date_modified') || null,
    authors: authorsOf(item),
    categories: stringsIn(item, 'tags').map((term) => ({ domain: null, term })),
    position: placeIn(own),
    language: languageTag(stringIn(item, 'language') || stringIn(own, 'language')),
    inReplyTo: stringIn(own, 'in_reply_to') || undefined,
    organisation: organisationIn(item, settings),
    apart: isApart(apart) ? apart : null,
    warnings,
  }
}

/** One item as text that can be read again alone, with a mark of how its id was told apart. */
export function rawJsonItem(item: JsonObject, apart: Apart | null): string {
  return JSON.stringify(
    apart ? { ...item, [ownExtension]: { ...objectIn(item, ownExtension), apart } } : item,
  )
}

// Of ours when the feed is another Care Connect's; what we note for reading an item again stands beside it.
const ownExtension = '_care_connect'

function placeIn(own: JsonObject): FeedEntry['position'] {
  const { latitude, longitude } = objectIn(own, 'place')
  if (typeof latitude !== 'number' || typeof longitude !== 'number') return null
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180 ? { latitude, longitude } : null
}

function idOf(item: JsonObject): string | null {
  const { id } = item
  if (typeof id === 'number') return String(id)
  return oneLine(stringIn(item, 'id')) || null
}

function bodyOf(item: JsonObject, most: number, warnings: string[]): string {
  const html = stringIn(item, 'content_html')
  const text = stringIn(item, 'content_text') || stringIn(item, 'summary')
  const chosen = html.trim() === '' ? text : html
  if (chosen.length > most) warnings.push(`content: cut at ${most} characters`)
  const cut = storable(chosen.slice(0, most))
  return chosen === html ? htmlToText(cut) : plainText(cut)
}

function authorsOf(item: JsonObject): string[] {
  const { author, authors } = item
  // Version 1.0 has one author, 1.1 a list; some write both, and leave the list empty.
  const all: unknown[] = Array.isArray(authors) && authors.length > 0 ? authors : [author]
  const names = all.filter(isObject).map((one) => oneLine(stringIn(one, 'name')))
  return names.filter((name) => name !== '' && !name.includes('@'))
}

function organisationIn(item: JsonObject, settings: FeedSettings): string | null {
  const wanted = settings.organisationElement
  if (!wanted) return null
  const holder = wanted.namespace === '' ? item : objectIn(item, wanted.namespace)
  return oneLine(stringIn(holder, wanted.name)) || null
}

function isApart(value: string): value is Apart {
  return value === 'link' || value === 'text'
}

function stringsIn(object: JsonObject, name: string): string[] {
  const value = object[name]
  if (!Array.isArray(value)) return []
  return value
    .filter((one) => typeof one === 'string')
    .map((one) => oneLine(one))
    .filter((one) => one !== '')
}
