import type { ItemRating, OrganisationKey, Reply, Story } from '../domain/items.ts'
import { fitting, languageTag } from './feed-entry.ts'
import type { FeedSettings } from './feed-settings.ts'
import { isObject, type JsonObject, listIn, stringIn, valueIn } from './json.ts'
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
import { markdownToText } from './markdown.ts'
import { titleText } from './text.ts'

/** One object of Care Opinion as an item: a story, a response, or the end of either. */
export function readOpinion(object: JsonObject, settings: FeedSettings): Judged {
  const id = idIn(object, 'id')
  if (id === null) return { problem: 'no id', externalId: null }
  const parent = parentOf(object) ?? answeredBy(object, id)
  // Stories and responses are counted apart.
  const externalId = fitting(parent === null ? id : `response:${id}`)
  const publication = publicationOf(object)
  if (publication === 'gone') return { item: deletionOf(object, externalId, changeDates) }
  if (publication === 'unknown') return { problem: 'an unknown status', externalId }
  const warnings: string[] = []
  const item =
    parent === null
      ? storyOf(object, externalId, settings, warnings)
      : replyOf(object, externalId, fitting(parent), warnings)
  const isEmpty = item.text === '' && (item.type === 'reply' || item.title === null)
  return isEmpty ? { problem: 'it says nothing', externalId } : { item }
}

const changeDates = ['dateOfLastUpdate', 'dateOfUpdate', 'lastUpdated']

/** A response that came in a list of its own says what it answers. */
function answeredBy(object: JsonObject, id: string): string | null {
  const named = idIn(object, 'opinionId') ?? linksIn(object).find(({ rel }) => rel === 'opinion')?.id ?? null
  return named === id || named === '' ? null : named
}

function storyOf(object: JsonObject, externalId: string, settings: FeedSettings, warnings: string[]): Story {
  const links = linksIn(object)
  const services = [...listIn(object, 'healthservices'), ...listIn(object, 'healthServices')].filter(isObject)
  const organisations = organisationsOf(links, services, settings)
  return {
    type: 'story',
    externalId,
    title: titleText(textIn(object, 'title', warnings)) || null,
    text: markdownToText(textIn(object, 'body', warnings)),
    // The role ("a relative") is nobody's name; it stays in the raw text.
    authorName: authorIn(object, 'authorName', 'author', 'username'),
    ...datesOf(object, warnings),
    link: pageOf(links),
    organisations,
    service: serviceOf(object, services),
    visitMonth: null,
    tags: tagsOf(object),
    ratings: [object, ...services].flatMap((holder) =>
      listIn(holder, 'ratings').filter(isObject).flatMap(ratingOf),
    ),
    position: null,
    language: languageTag(stringIn(object, 'language')),
    warnings,
  }
}

function replyOf(object: JsonObject, externalId: string, inReplyTo: string, warnings: string[]): Reply {
  return {
    type: 'reply',
    externalId,
    inReplyTo,
    text: markdownToText(textIn(object, 'body', warnings)),
    authorName: authorIn(object, 'authorName', 'author', 'respondentName'),
    ...datesOf(object, warnings),
    link: pageOf(linksIn(object)),
    organisations: [],
    warnings,
  }
}

function datesOf(object: JsonObject, warnings: string[]) {
  const published = dateIn(object, 'published', ['dateOfPublication'], warnings)
  const submitted = published === null ? dateIn(object, 'submitted', ['dateOfSubmission'], warnings) : null
  if (submitted !== null) warnings.push('published: none that can be read, the submission is used')
  else if (published === null) warnings.push('published: none given, the first sight is used')
  const updatedAt = dateIn(object, 'updated', changeDates, warnings)
  return { publishedAt: published ?? submitted, updatedAt }
}

type Link = { rel: string; id: string; href: string }

/** Links are written in two ways: `rel`, `id`, `href` and, since 2026, `relation`, `id`, `link`. */
function linksIn(object: JsonObject): Link[] {
  return listIn(object, 'links')
    .filter(isObject)
    .map((link) => ({
      rel: (stringIn(link, 'rel') || stringIn(link, 'relation')).trim().toLowerCase(),
      id: idIn(link, 'id') ?? '',
      href: stringIn(link, 'href') || stringIn(link, 'link'),
    }))
}

/** "The entities of the API correspond to those of the website": its address is the same without `/api/v2`. */
function pageOf(links: Link[]): string | null {
  const self = links.find(({ rel }) => rel === 'self')
  const url = URL.parse(httpLink(self?.href ?? '', null) ?? '')
  if (url === null || !/^\/api\/v\d+\/opinions\/[^/]+$/.test(url.pathname)) return null
  return `${url.origin}${url.pathname.replace(/^\/api\/v\d+/, '')}`
}

/** The provider's own id first, as it is filed with us; the same as an ODS code, which it mostly is, second. */
function organisationsOf(
  links: Link[],
  services: JsonObject[],
  { organisation }: FeedSettings,
): OrganisationKey[] {
  const linked = links.filter(({ rel }) => rel === 'healthservice').map(({ id }) => [id])
  const embedded = services.map((service) => [
    idIn(service, 'id') ?? '',
    idIn(service, 'nacs') ?? '',
    idIn(service, 'siteNacs') ?? '',
  ])
  const keys = [...linked, ...embedded].flatMap((codes) => {
    const known = codes.filter((code) => code !== '')
    const ods = known.filter((code) => /^[A-Za-z0-9]{3,12}$/.test(code))
    return [
      ...known.slice(0, 1).map((code): OrganisationKey => ({ scheme: 'source', code })),
      ...ods.map((code): OrganisationKey => ({ scheme: 'ods', code })),
    ]
  })
  const all = organisation ? [...keys, organisation] : keys
  return [...new Map(all.map((key) => [`${key.scheme} ${key.code}`, key])).values()]
}

/** A treatment function, or a health service that is itself of the type "service". */
function serviceOf(object: JsonObject, services: JsonObject[]): Story['service'] {
  const functions = listIn(object, 'treatmentFunctions').filter(isObject)
  const parts = services.filter((service) => stringIn(service, 'type').trim().toLowerCase() === 'service')
  for (const part of [...functions, ...parts]) {
    const name = titleText(stringIn(part, 'name'))
    if (name !== '') return { code: idIn(part, 'id', 'nacs'), name }
  }
  return null
}

/** As names, or as objects with a name, a group and a polarity. */
function tagsOf(object: JsonObject): string[] {
  const names = listIn(object, 'tags').map((tag) => {
    if (isObject(tag)) return titleText(stringIn(tag, 'name'))
    return typeof tag === 'string' ? titleText(tag) : ''
  })
  return [...new Set(names)].filter((name) => name !== '')
}

function ratingOf(rating: JsonObject): ItemRating[] {
  const question = stringIn(rating, 'questionText')
  const score = valueIn(rating, 'score')
  const value = typeof score === 'number' && Number.isFinite(score) ? score : null
  const answer = stringIn(rating, 'scoreText') || null
  // The source gives no ends: a score is the number of an answer.
  return question === '' ? [] : [{ question, answer, value, scale: null }]
}
