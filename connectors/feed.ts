import type { DocumentFailure, Entry } from '../domain/items.ts'
import { atomChild, atomLink, readAtomEntry, readTombstone, titleOf } from './atom-entry.ts'
import type { Connector, FetchedDocument, Reading, ReadOptions } from './connector.ts'
import { decodeDocument } from './decode.ts'
import { markOf, tellApart } from './feed-apart.ts'
import { entryOf } from './feed-entry.ts'
import { type FeedSettings, feedSettings, feedSettingsProblems } from './feed-settings.ts'
import { dublinCore, history, isAtom, isRss, rdf, syndication, tombstones } from './feed-vocabulary.ts'
import { parseJson } from './json.ts'
import { rawJsonItem, readJsonFeed, readJsonItem } from './json-feed.ts'
import { baseOfDocument } from './links.ts'
import { readRssItem, rssChild } from './rss-item.ts'
import { titleText } from './text.ts'
import { childOf, textOf, type XmlElement } from './xml-element.ts'
import { readXml, type XmlEntry } from './xml-reader.ts'

/** RSS 2.0, 1.0 and 0.9x, Atom 1.0 and 0.3, JSON Feed 1.0 and 1.1. */
export const feed: Connector = {
  name: 'feed',
  maxAgeDays: null,
  firstRequest: (address) => address,
  read: (document, settings, options) => readFeed(document, feedSettings(settings), options ?? {}),
  readAgain: (raw, settings) => readRaw(raw, feedSettings(settings)),
  settingsProblems: feedSettingsProblems,
}

function readFeed(
  document: FetchedDocument,
  settings: FeedSettings,
  options: ReadOptions,
): Reading | DocumentFailure {
  if (document.status >= 300) return { failure: 'not-a-feed', detail: `status ${document.status}` }
  const decoded = decodeDocument(document.bytes, document.contentType)
  const isJson = decoded.text.trimStart().startsWith('{')
  const read = isJson ? readJson : readXmlFeed
  const reading = read(decoded.text, document.url, settings, options)
  if ('failure' in reading) return reading
  const { entries, warnings } = tellApart(reading.entries, reading.revisions)
  const { revisions: _, ...rest } = reading
  const toItself = rest.next === document.url
  return {
    ...rest,
    entries,
    next: toItself ? null : rest.next,
    warnings: [
      ...decoded.warnings,
      ...rest.warnings,
      ...warnings,
      ...(toItself ? ['the next page is this page'] : []),
    ],
  }
}

/** `revisions`: entries with the same id and link are states of one thing, as Atom has it. */
type BeforeApart = Reading & { revisions: boolean }

function readXmlFeed(
  text: string,
  url: string,
  settings: FeedSettings,
  options: ReadOptions,
): BeforeApart | DocumentFailure {
  const entries: Entry[] = []
  const reading = readXml(text, {
    isEntry,
    onEntry: (entry) => entries.push(oneEntry(entry, settings)),
    base: baseOfDocument(url),
    headLanguage: languageOfChannel,
    limits: options.limits,
  })
  if ('failure' in reading) return reading
  const { root, complete, warnings } = reading
  if (!isFeedRoot(root)) return notAFeed(root)
  const head = channelOf(root)
  return {
    title: titleOf(atomChild(head, 'title')) || titleText(textOf(rssChild(head, 'title'))) || null,
    entries,
    next: atomLink(head, 'next'),
    listsAll: complete && saysThatItListsAll(head),
    previousArchive: atomLink(head, 'prev-archive'),
    hub: atomLink(head, 'hub'),
    ttlMinutes: ttlOf(head),
    complete,
    warnings,
    revisions: isAtom(root.namespace),
  }
}

function readJson(
  text: string,
  url: string,
  settings: FeedSettings,
  options: ReadOptions,
): BeforeApart | DocumentFailure {
  const reading = readJsonFeed(text, baseOfDocument(url), options.limits)
  if ('failure' in reading) return reading
  const { title, items, next, hub, complete, warnings } = reading
  const entries = items.map((item, index) => {
    const place = `entry ${index + 1}`
    return entryOf(readJsonItem(item, settings, options.limits), rawJsonItem(item, null), place, settings)
  })
  return {
    title,
    entries,
    next,
    listsAll: false,
    previousArchive: null,
    hub,
    ttlMinutes: null,
    complete,
    warnings,
    revisions: false,
  }
}

function readRaw(raw: string, settings: FeedSettings): Entry {
  if (raw.startsWith('{')) {
    const json = parseJson(raw)
    if ('value' in json) return entryOf(readJsonItem(json.value, settings), raw, 'entry 1', settings)
  }
  let entry: Entry | null = null
  readXml(raw, {
    isEntry,
    onEntry: (read) => {
      entry ??= { ...oneEntry(read, settings), raw }
    },
    base: null,
  })
  return entry ?? { raw, problem: 'not an entry', place: 'entry 1', externalId: null }
}

function isEntry(namespace: string, name: string): boolean {
  if (name === 'item') return isRss(namespace)
  return (name === 'entry' && isAtom(namespace)) || (name === 'deleted-entry' && namespace === tombstones)
}

function oneEntry(entry: XmlEntry, settings: FeedSettings): Entry {
  const { element, raw, number } = entry
  const place = `entry ${number}`
  if (element.name === 'deleted-entry') {
    const item = readTombstone(element)
    return item ? { raw, item } : { raw, problem: 'a deletion of nothing', place, externalId: null }
  }
  const read = isAtom(element.namespace) ? readAtomEntry(element, settings) : readRssItem(element, settings)
  read.apart = markOf(element)
  read.warnings.push(...entry.warnings)
  return entryOf(read, raw, place, settings)
}

function isFeedRoot({ namespace, name }: XmlElement): boolean {
  if (name === 'feed' || name === 'entry') return isAtom(namespace)
  return (name === 'RDF' && namespace === rdf) || ((name === 'rss' || name === 'channel') && isRss(namespace))
}

function notAFeed(root: XmlElement): DocumentFailure {
  const isPage = root.name.toLowerCase() === 'html'
  return { failure: 'not-a-feed', detail: isPage ? 'an HTML page' : 'XML, but no feed that is known' }
}

function channelOf(root: XmlElement): XmlElement {
  return rssChild(root, 'channel') ?? root
}

/** An archive document is complete in itself, and says nothing of the feed that it is a part of. */
function saysThatItListsAll(head: XmlElement): boolean {
  return childOf(head, history, 'complete') !== null && childOf(head, history, 'archive') === null
}

function languageOfChannel(root: XmlElement): string | null {
  if (isAtom(root.namespace)) return null
  const channel = channelOf(root)
  const language = rssChild(channel, 'language') ?? childOf(channel, dublinCore, 'language')
  return textOf(language).trim() || null
}

const minutesIn = new Map([
  ['hourly', 60],
  ['daily', 1_440],
  ['weekly', 10_080],
  ['monthly', 43_200],
  ['yearly', 525_600],
])

/** From `ttl` (RSS 2.0) or the syndication module of RSS 1.0. */
function ttlOf(channel: XmlElement): number | null {
  const ttl = textOf(rssChild(channel, 'ttl')).trim()
  if (/^[1-9]\d{0,6}$/.test(ttl)) return Number(ttl)
  const period = minutesIn.get(
    textOf(childOf(channel, syndication, 'updatePeriod'))
      .trim()
      .toLowerCase(),
  )
  if (period === undefined) return null
  const frequency = textOf(childOf(channel, syndication, 'updateFrequency')).trim()
  return Math.max(1, Math.round(period / (/^[1-9]\d{0,4}$/.test(frequency) ? Number(frequency) : 1)))
}
