import type { DocumentFailure, Entry } from '../domain/items.ts'
import type { Connector, FetchedDocument, Reading, ReadOptions } from './connector.ts'
import type { FeedSettings } from './feed-settings.ts'
import { isObject, listIn, valueIn } from './json.ts'
import { readingOf, readJsonDocument } from './json-document.ts'
import { entryOfRaw, idIn, rawOf } from './json-story.ts'
import { readNhsComment } from './nhs-comments-entry.ts'
import { organisationSettings, organisationSettingsProblems } from './organisation-settings.ts'

/** Comments of the NHS website as JSON, with the responses inside of them; one document holds them all. */
export const nhsComments: Connector = {
  name: 'nhs-comments',
  maxAgeDays: null,
  firstRequest: (address) => address,
  read: (document, settings, options) =>
    readComments(document, organisationSettings(settings), options ?? {}),
  readAgain: (raw, settings) => readEntry(raw, 'entry 1', organisationSettings(settings)),
  settingsProblems: organisationSettingsProblems,
}

function readComments(
  document: FetchedDocument,
  settings: FeedSettings,
  options: ReadOptions,
): Reading | DocumentFailure {
  const read = readJsonDocument(document)
  if ('failure' in read) return read
  const comments = isObject(read.value) ? valueIn(read.value, 'comments') : null
  if (!Array.isArray(comments)) return { failure: 'not-a-feed', detail: 'JSON, but no list of comments' }
  return readingOf(entriesOfAll(comments, settings), null, read.warnings, options)
}

function* entriesOfAll(comments: unknown[], settings: FeedSettings): Generator<Entry> {
  for (const [index, comment] of comments.entries()) yield* entriesOf(comment, `entry ${index + 1}`, settings)
}

/** A comment, and after it each response that came inside of it. */
function* entriesOf(value: unknown, place: string, settings: FeedSettings): Generator<Entry> {
  const story = readEntry(rawOf(value), place, settings)
  const isGone = 'item' in story && story.item.type === 'deletion'
  const id = isObject(value) ? idIn(value, 'commentId', 'commentRef') : null
  yield story
  // What answers a comment goes with it.
  if (!isObject(value) || isGone || id === null) return
  for (const [index, response] of listIn(value, 'response').entries()) {
    yield readEntry(rawOf(response, id), `${place}, response ${index + 1}`, settings)
  }
}

function readEntry(raw: string, place: string, settings: FeedSettings): Entry {
  return entryOfRaw(raw, place, (object) => readNhsComment(object, settings))
}
