import type { ItemRating, OrganisationKey, Reply, Story } from '../domain/items.ts'
import { fitting } from './feed-entry.ts'
import type { FeedSettings } from './feed-settings.ts'
import { isObject, type JsonObject, listIn, objectIn, stringIn, valueIn } from './json.ts'
import {
  authorIn,
  dateIn,
  deletionOf,
  idIn,
  type Judged,
  parentOf,
  publicationOf,
  textIn,
} from './json-story.ts'
import { httpLink } from './links.ts'
import { oneLine, plainText, titleText } from './text.ts'

/** One object of the NHS website's comments as an item: a comment, a response, or the end of either. */
export function readNhsComment(object: JsonObject, settings: FeedSettings): Judged {
  const parent = parentOf(object)
  const id = parent === null ? idIn(object, 'commentId', 'commentRef') : idIn(object, 'responseId')
  if (id === null) return { problem: 'no id', externalId: null }
  // Not the publisher's: what is removed is sent without its publisher.
  const externalId = fitting(parent === null ? id : `response:${id}`)
  const publication = publicationOf(object)
  if (publication === 'gone') return { item: deletionOf(object, externalId, ['lastUpdated']) }
  if (publication === 'unknown') return { problem: 'an unknown status', externalId }
  const warnings: string[] = []
  const item =
    parent === null
      ? storyOf(object, externalId, settings, warnings)
      : replyOf(object, externalId, fitting(parent), warnings)
  const saysNothing =
    item.text === '' && (item.type === 'reply' || (item.title === null && item.ratings.length === 0))
  return saysNothing ? { problem: 'it says nothing', externalId } : { item }
}

function storyOf(object: JsonObject, externalId: string, settings: FeedSettings, warnings: string[]): Story {
  const department = titleText(stringIn(object, 'department'))
  return {
    type: 'story',
    externalId,
    title: titleText(textIn(object, 'title', warnings)) || null,
    text: plainText(textIn(object, 'commentText', warnings)),
    authorName: authorIn(object, 'screenName'),
    ...datesOf(object, warnings),
    link: httpLink(stringIn(object, 'commentOriginalURL'), null),
    organisations: organisationsOf(object, settings),
    service: department === '' ? null : { code: null, name: department },
    visitMonth: visitMonthOf(objectIn(object, 'visit')),
    tags: [],
    ratings: listIn(object, 'ratings').filter(isObject).flatMap(ratingOf),
    position: null,
    language: null,
    warnings,
  }
}

function replyOf(object: JsonObject, externalId: string, inReplyTo: string, warnings: string[]): Reply {
  return {
    type: 'reply',
    externalId,
    inReplyTo,
    text: plainText(textIn(object, 'responseText', warnings)),
    authorName: authorIn(object, 'author'),
    ...datesOf(object, warnings),
    link: null,
    organisations: [],
    warnings,
  }
}

function datesOf(object: JsonObject, warnings: string[]) {
  const publishedAt = dateIn(object, 'published', ['dateSubmitted'], warnings)
  if (publishedAt === null) warnings.push('published: none given, the first sight is used')
  return { publishedAt, updatedAt: dateIn(object, 'updated', ['lastUpdated'], warnings) }
}

function organisationsOf(object: JsonObject, { organisation }: FeedSettings): OrganisationKey[] {
  const code = oneLine(stringIn(object, 'odsCode'))
  const keys: OrganisationKey[] = code === '' ? [] : [{ scheme: 'ods', code }]
  return organisation ? [...keys, organisation] : keys
}

function visitMonthOf(visit: JsonObject): string | null {
  const year = valueIn(visit, 'year')
  const month = valueIn(visit, 'month')
  if (!isWhole(year, 1970, 9999) || !isWhole(month, 1, 12)) return null
  return `${year}-${String(month).padStart(2, '0')}`
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
}

/** The source says no ends of a scale: the value is kept as it is, and is no star score. */
function ratingOf(rating: JsonObject): ItemRating[] {
  const question = stringIn(rating, 'question')
  const given = valueIn(rating, 'rating')
  const value = typeof given === 'number' && Number.isFinite(given) ? given : null
  const answer = typeof given === 'string' ? stringIn(rating, 'rating') || null : null
  return question === '' ? [] : [{ question, answer, value, scale: null }]
}
