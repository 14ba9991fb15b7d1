import type { Item, OrganisationKey, Reply, Story } from '../domain/items.ts'
import { atomChild, atomLink } from './atom-entry.ts'
import { decodeEntities } from './entities.ts'
import { datedAs, fitting, languageTag, personName } from './feed-entry.ts'
import { atom, threading } from './feed-vocabulary.ts'
import { httpLink } from './links.ts'
import { partsOf, tagsOf, textOfParts } from './nhs-choices-content.ts'
import { ratingsOf } from './nhs-choices-ratings.ts'
import { oneLine, plainText } from './text.ts'
import { attributeOf, childOf, childrenOf, textOf, type XmlElement } from './xml-element.ts'

export type BadComment = { problem: string; externalId: string | null }

/** One entry of the comments feed: a comment, a reply or a deletion, by its category "commentType". */
export function readComment(entry: XmlElement): Item | BadComment {
  const id = oneLine(textOf(atomChild(entry, 'id')))
  if (id === '') return { problem: 'no id', externalId: null }
  const poster = oneLine(textOf(childOf(entry, comments, 'postingorganisationid')))
  if (poster === '') return { problem: 'no posting organisation', externalId: null }
  const externalId = fitting(`${poster}:${id}`)
  const type = commentType(entry)
  if (type === 'comment') return storyOf(entry, externalId)
  if (type === 'reply') return replyOf(entry, externalId, poster)
  if (type === 'deletion') return deletionOf(entry, externalId)
  return { problem: type === null ? 'no comment type' : 'an unknown comment type', externalId }
}

const comments = 'http://syndication.nhschoices.nhs.uk/schemas/comments'

function storyOf(entry: XmlElement, externalId: string): Story {
  const content = atomChild(entry, 'content')
  return {
    type: 'story',
    externalId,
    title: oneLine(decodeEntities(textOf(atomChild(entry, 'title')))) || null,
    text: content ? textOfParts(partsOf(content)) : '',
    ...sharedFields(entry),
    service: serviceOf(entry),
    visitMonth: visitMonthOf(textOf(childOf(entry, comments, 'commentattribution'))),
    tags: content ? tagsOf(content) : [],
    ratings: ratingsOf(entry),
    position: null,
    language: languageTag(entry.language),
  }
}

function replyOf(entry: XmlElement, externalId: string, poster: string): Reply | BadComment {
  const answered = childOf(entry, threading, 'in-reply-to')
  const parent =
    answered && (attributeOf(answered, 'postingid')?.trim() || attributeOf(answered, 'ref')?.trim())
  if (!answered || !parent) return { problem: 'a reply that does not say to what', externalId }
  const parentPoster = attributeOf(answered, 'postingorganisationid')?.trim() || poster
  return {
    type: 'reply',
    externalId,
    inReplyTo: fitting(`${parentPoster}:${parent}`),
    text: plainText(decodeEntities(textOf(atomChild(entry, 'content')))),
    ...sharedFields(entry),
  }
}

function deletionOf(entry: XmlElement, externalId: string): Item {
  const warnings: string[] = []
  const updatedAt = datedAs('updated', textOf(atomChild(entry, 'updated')), warnings)
  return { type: 'deletion', externalId, updatedAt, warnings }
}

function sharedFields(entry: XmlElement) {
  const warnings: string[] = []
  const author = atomChild(entry, 'author')
  const publishedAt = datedAs('published', textOf(atomChild(entry, 'published')), warnings)
  const updatedAt = datedAs('updated', textOf(atomChild(entry, 'updated')), warnings)
  const organisations = organisationsOf(entry)
  if (organisations.length === 0) warnings.push('organisation: no link to one')
  const page = atomLink(entry, 'alternate')
  return {
    authorName: author && personName(oneLine(textOf(atomChild(author, 'name')))),
    publishedAt,
    updatedAt,
    link: page && withoutKeyParameter(page),
    organisations,
    warnings,
  }
}

function commentType(entry: XmlElement): string | null {
  const categories = childrenOf(entry, atom, 'category')
  const category = categories.find((one) => attributeOf(one, 'scheme') === 'commentType')
  return category ? (attributeOf(category, 'term')?.trim().toLowerCase() ?? null) : null
}

/** The provider's own id first: it is what the comment is filed under; the page's ODS code second. */
function organisationsOf(entry: XmlElement): OrganisationKey[] {
  const keys: OrganisationKey[] = []
  const related = relatedLinks(entry)
  const about = related.find(({ title, path }) => title === 'organisation commented on' && ownId.test(path))
  const found = (about ?? related.find(({ path }) => ownId.test(path)))?.path.match(ownId)
  if (found) keys.push({ scheme: 'source', code: `${found[1]?.toLowerCase()}/${found[2]}` })
  const page = atomLink(entry, 'alternate')
  const ods = page === null ? null : parameter(new URL(page), 'id')
  if (ods !== null && /^[A-Za-z0-9]{3,12}$/.test(ods)) keys.push({ scheme: 'ods', code: ods })
  return keys
}

const ownId = /\/organisations\/([a-z]+)\/(\d+)\/?$/i

function serviceOf(entry: XmlElement): Story['service'] {
  for (const { link, path } of relatedLinks(entry)) {
    const code = path.match(/\/services\/types\/([a-z0-9]+)/i)?.[1]
    const name = oneLine(decodeEntities(attributeOf(link, 'title') ?? ''))
    // The list of services writes SRV0017, these links srv0017.
    if (code !== undefined && name !== '') return { code: code.toUpperCase(), name }
  }
  return null
}

function relatedLinks(entry: XmlElement): { link: XmlElement; title: string; path: string }[] {
  return childrenOf(entry, atom, 'link')
    .filter((link) => attributeOf(link, 'rel') === 'related')
    .map((link) => {
      const address = httpLink(attributeOf(link, 'href') ?? '', link.base)
      const title = oneLine(attributeOf(link, 'title') ?? '').toLowerCase()
      return { link, title, path: address === null ? '' : new URL(address).pathname }
    })
}

function parameter(url: URL, name: string): string | null {
  for (const [key, value] of url.searchParams) if (key.toLowerCase() === name) return value
  return null
}

function withoutKeyParameter(address: string): string {
  const url = new URL(address)
  const names = [...url.searchParams.keys()].filter((name) => name.toLowerCase() === 'apikey')
  if (names.length === 0) return address
  for (const name of names) url.searchParams.delete(name)
  return url.href
}

const months = 'january february march april may june july august september october november december'.split(
  ' ',
)

/** From "Visited in July 2013. Posted on …"; "Visited in ." names no month. */
function visitMonthOf(attribution: string): string | null {
  const [, name = '', year] = attribution.trim().match(/^Visited in ([A-Za-z]+) (\d{4})\b/i) ?? []
  const month = months.indexOf(name.toLowerCase()) + 1
  return month === 0 ? null : `${year}-${String(month).padStart(2, '0')}`
}
