import type { DocumentFailure, Entry } from '../domain/items.ts'
import { readOpinion } from './care-opinion-entry.ts'
import type { Connector, FetchedDocument, Reading, ReadOptions } from './connector.ts'
import type { FeedSettings } from './feed-settings.ts'
import { isObject, listIn, valueIn } from './json.ts'
import { readingOf, readJsonDocument } from './json-document.ts'
import { entryOfRaw, idIn, rawOf } from './json-story.ts'
import { organisationSettings, organisationSettingsProblems } from './organisation-settings.ts'

/** Care Opinion, version 2 of its API: stories and the responses to them as JSON, page by page. */
export const careOpinion: Connector = {
  name: 'care-opinion',
  maxAgeDays: null,
  firstRequest,
  read: (document, settings, options) =>
    readOpinions(document, organisationSettings(settings), options ?? {}),
  readAgain: (raw, settings) => readEntry(raw, 'entry 1', organisationSettings(settings)),
  settingsProblems: organisationSettingsProblems,
}

/** A greater `take` is answered with this many, which would look like the last page. */
const largestPage = 100

/** Oldest first, which is the provider's default: what is published while we page comes at the end. */
function firstRequest(address: string, _settings: unknown, since: Date | null): string {
  const url = new URL(address)
  setParameter(url, 'skip', '0')
  setParameter(url, 'take', String(pageSize(url)))
  if (since !== null) setParameter(url, 'publishedafter', since.toISOString().slice(0, 10))
  return url.href
}

function readOpinions(
  document: FetchedDocument,
  settings: FeedSettings,
  options: ReadOptions,
): Reading | DocumentFailure {
  const read = readJsonDocument(document)
  if ('failure' in read) return read
  const opinions = opinionsIn(read.value)
  if (opinions === null) return { failure: 'not-a-feed', detail: 'JSON, but no list of stories' }
  const entries = entriesOfAll(opinions, settings)
  return readingOf(entries, nextPage(document.url, opinions.length), read.warnings, options)
}

/** A list as the API answers with, the same under a name, or one story alone. */
function opinionsIn(value: unknown): unknown[] | null {
  if (Array.isArray(value)) return value
  if (!isObject(value)) return null
  const listed = valueIn(value, 'opinions')
  if (Array.isArray(listed)) return listed
  return idIn(value, 'id') !== null ? [value] : null
}

function* entriesOfAll(opinions: unknown[], settings: FeedSettings): Generator<Entry> {
  for (const [index, opinion] of opinions.entries()) yield* entriesOf(opinion, `entry ${index + 1}`, settings)
}

/** A story, and after it each response that came inside of it. */
function* entriesOf(value: unknown, place: string, settings: FeedSettings): Generator<Entry> {
  const story = readEntry(rawOf(value), place, settings)
  const isGone = 'item' in story && story.item.type === 'deletion'
  const id = isObject(value) ? idIn(value, 'id') : null
  yield story
  // What answers a story goes with it.
  if (!isObject(value) || isGone || id === null) return
  for (const [index, response] of listIn(value, 'responses').entries()) {
    yield readEntry(rawOf(response, id), `${place}, response ${index + 1}`, settings)
  }
}

function readEntry(raw: string, place: string, settings: FeedSettings): Entry {
  return entryOfRaw(raw, place, (object) => readOpinion(object, settings))
}

/** A full page has another after it; without `take` in the address nobody knows what is full. */
function nextPage(address: string, received: number): string | null {
  const url = URL.parse(address)
  if (url === null || parameter(url, 'take') === null || received < pageSize(url)) return null
  setParameter(url, 'skip', String(wholeNumber(parameter(url, 'skip')) + received))
  return url.href
}

function pageSize(url: URL): number {
  return Math.min(wholeNumber(parameter(url, 'take')) || largestPage, largestPage)
}

function wholeNumber(text: string | null): number {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : 0
}

/** The provider reads the names of parameters in any case. */
function parameter(url: URL, name: string): string | null {
  for (const [key, value] of url.searchParams) if (key.toLowerCase() === name) return value
  return null
}

function setParameter(url: URL, name: string, value: string): void {
  const written = [...url.searchParams.keys()].find((key) => key.toLowerCase() === name) ?? name
  url.searchParams.set(written, value)
}
