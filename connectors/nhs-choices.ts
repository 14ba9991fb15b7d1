import type { DocumentFailure, Entry } from '../domain/items.ts'
import { atomChild, atomLink, titleOf } from './atom-entry.ts'
import type { Connector, FetchedDocument, Reading, ReadOptions } from './connector.ts'
import { decodeDocument } from './decode.ts'
import { atom } from './feed-vocabulary.ts'
import { baseOfDocument, withoutKey } from './links.ts'
import { readComment } from './nhs-choices-entry.ts'
import { readXml, type XmlEntry } from './xml-reader.ts'

/** The comments feed of the NHS Choices syndication API: comments, replies and deletions as Atom. */
export const nhsChoices: Connector = {
  name: 'nhs-choices',
  maxAgeDays: 730,
  firstRequest,
  read: (document, _settings, options) => readComments(document, options ?? {}),
  readAgain,
  settingsProblems,
}

/** `<base>/commentssince/yyyy/m/d.atom`, or `<base>/comments.atom` for all there is; the query stays. */
function firstRequest(address: string, _settings: unknown, since: Date | null): string {
  const url = new URL(address)
  const base = url.pathname.replace(/\/+$/, '')
  // The provider's day is in UK time, which is never behind UTC: the UTC day misses nothing.
  const day = since && `${since.getUTCFullYear()}/${since.getUTCMonth() + 1}/${since.getUTCDate()}`
  url.pathname = day === null ? `${base}/comments.atom` : `${base}/commentssince/${day}.atom`
  return url.href
}

function readComments(document: FetchedDocument, options: ReadOptions): Reading | DocumentFailure {
  if (document.status === 404) return nothingToRead
  if (document.status >= 300) return { failure: 'not-a-feed', detail: `status ${document.status}` }
  const decoded = decodeDocument(document.bytes, document.contentType)
  const entries: Entry[] = []
  const reading = readXml(decoded.text, {
    isEntry,
    onEntry: (entry) => entries.push(oneEntry(entry)),
    base: baseOfDocument(document.url),
    limits: options.limits,
  })
  if ('failure' in reading) return reading
  const { root, complete, warnings } = reading
  if (root.name !== 'feed' || root.namespace !== atom) {
    const isPage = root.name.toLowerCase() === 'html'
    return { failure: 'not-a-feed', detail: isPage ? 'an HTML page' : 'XML, but no Atom feed' }
  }
  const next = withSuffix(atomLink(root, 'next'))
  const toItself = next !== null && next === withSuffix(document.url)
  return {
    title: titleOf(atomChild(root, 'title')) || null,
    entries,
    next: toItself ? null : next,
    // An `fh:complete` here only means that what changed fits on one page.
    listsAll: false,
    previousArchive: null,
    hub: null,
    ttlMinutes: null,
    complete,
    warnings: [...decoded.warnings, ...warnings, ...(toItself ? ['the next page is this page'] : [])],
  }
}

/** "Nothing changed" comes as 404 with an HTML page, confirmed by the provider as intended. */
const nothingToRead: Reading = {
  title: null,
  entries: [],
  next: null,
  listsAll: false,
  previousArchive: null,
  hub: null,
  ttlMinutes: null,
  complete: true,
  warnings: ['404: taken as nothing to read'],
}

function readAgain(raw: string): Entry {
  let entry: Entry | null = null
  readXml(raw, {
    isEntry,
    onEntry: (read) => {
      entry ??= { ...oneEntry(read), raw }
    },
    base: null,
  })
  return entry ?? { raw, problem: 'not an entry', place: 'entry 1', externalId: null }
}

function settingsProblems(settings: unknown): string[] {
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    return ['settings: not an object']
  }
  return Object.keys(settings).map((name) => `${name}: not known`)
}

function isEntry(namespace: string, name: string): boolean {
  return name === 'entry' && namespace === atom
}

function oneEntry({ element, raw, number, warnings }: XmlEntry): Entry {
  const read = readComment(element)
  const redacted = withoutKey(raw)
  if ('problem' in read) return { raw: redacted, place: `entry ${number}`, ...read }
  return { raw: redacted, item: { ...read, warnings: [...read.warnings, ...warnings] } }
}

/** Paging links lack the format's suffix, and without it the answer's format is anybody's guess. */
function withSuffix(address: string | null): string | null {
  const url = address === null ? null : URL.parse(address)
  if (!url) return null
  if (!/\.(atom|xml|json|html|rss)$/.test(url.pathname))
    url.pathname = `${url.pathname.replace(/\/+$/, '')}.atom`
  return url.href
}
