import type { Item, ItemCore, ItemRating, OrganisationKey } from '../domain/items.ts'
import { storable } from './decode.ts'
import { languageTag } from './feed-entry.ts'
import { hasTags, oneLine, plainText } from './text.ts'

/** What an item does not keep of the rules in `domain/items.ts`, in words and without anybody's words in them. */
export function itemFindings(item: Item): string[] {
  const names = fields[item.type]
  if (names === undefined) return ['type: neither story, reply nor deletion']
  const missing = names.filter((name) => !Object.hasOwn(item, name)).map((name) => `${name}: missing`)
  const unknown = Object.keys(item).filter((name) => !names.includes(name))
  if (missing.length > 0) return missing
  return [
    ...unknown.map((name) => `${name}: not known`),
    ...idFindings('externalId', item.externalId),
    ...timeFindings('updatedAt', item.updatedAt),
    ...listFindings('warnings', item.warnings, () => null),
    ...(allStorable(item) ? [] : ['U+0000 or half a character: it cannot be kept']),
    ...(item.type === 'deletion' ? [] : coreFindings(item)),
    ...(item.type === 'reply' ? replyFindings(item) : []),
    ...(item.type === 'story' ? storyFindings(item) : []),
  ]
}

const core = ['type', 'externalId', 'updatedAt', 'warnings']
const said = [...core, 'authorName', 'publishedAt', 'link', 'text', 'organisations']
const fields: Record<string, string[] | undefined> = {
  story: [...said, 'title', 'service', 'visitMonth', 'tags', 'ratings', 'position', 'language'],
  reply: [...said, 'inReplyTo'],
  deletion: core,
}

const longest = { id: 400, name: 200, link: 2_000, language: 35, code: 100 }

function coreFindings(item: ItemCore & { text: string; organisations: OrganisationKey[] }): string[] {
  const { authorName, publishedAt, link, text, organisations } = item
  return [
    ...(authorName === null ? [] : lineFindings('authorName', authorName, longest.name)),
    ...timeFindings('publishedAt', publishedAt),
    ...(link === null || isHttp(link) ? [] : ['link: no http address of its own, or with a password']),
    ...textFindings('text', text),
    ...listFindings('organisations', organisations, organisationFinding),
  ]
}

function replyFindings({ externalId, inReplyTo }: Extract<Item, { type: 'reply' }>): string[] {
  const toItself = inReplyTo === externalId ? ['inReplyTo: it answers itself'] : []
  return [...idFindings('inReplyTo', inReplyTo), ...toItself]
}

function storyFindings(story: Extract<Item, { type: 'story' }>): string[] {
  const { title, service, visitMonth, tags, ratings, position, language } = story
  return [
    ...(title === null ? [] : lineFindings('title', title, Number.POSITIVE_INFINITY)),
    ...(service === null ? [] : lineFindings('service', service.name, Number.POSITIVE_INFINITY)),
    ...(visitMonth === null || /^\d{4}-(0[1-9]|1[0-2])$/.test(visitMonth) ? [] : ['visitMonth: not YYYY-MM']),
    ...listFindings('tags', tags, (tag) => lineFindings('', tag, Number.POSITIVE_INFINITY)[0] ?? null),
    ...(new Set(tags).size === tags.length ? [] : ['tags: one stands there twice']),
    ...listFindings('ratings', ratings, ratingFinding),
    ...(position === null || isOnEarth(position) ? [] : ['position: not on Earth']),
    ...(language === null || isLanguage(language) ? [] : ['language: no BCP 47 tag']),
  ]
}

function idFindings(name: string, id: unknown): string[] {
  if (typeof id !== 'string' || id.trim() === '') return [`${name}: empty`]
  return id.length > longest.id ? [`${name}: longer than ${longest.id} characters`] : []
}

function timeFindings(name: string, time: string | null): string[] {
  if (time === null) return []
  const isTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(time)
  // What does not come back as it was is no date: 30 February becomes a day of March.
  const again = isTime && !Number.isNaN(Date.parse(time)) ? new Date(time).toISOString() : ''
  return again.slice(0, 19) === time.slice(0, 19) ? [] : [`${name}: not RFC 3339 in UTC`]
}

function textFindings(name: string, text: unknown): string[] {
  if (typeof text !== 'string') return [`${name}: no text`]
  return [
    ...(plainText(text) === text ? [] : [`${name}: needless whitespace or control characters`]),
    ...(hasTags(text) ? [`${name}: markup`] : []),
  ]
}

function lineFindings(name: string, line: unknown, most: number): string[] {
  if (typeof line !== 'string' || line === '') return [`${name}: empty`]
  const isPlain = oneLine(line) === line && !hasTags(line)
  return [
    ...(isPlain ? [] : [`${name}: not plain text on one line`]),
    ...(line.length > most ? [`${name}: longer than ${most} characters`] : []),
  ]
}

function listFindings<T>(name: string, list: T[], findingOf: (one: T) => string | null): string[] {
  if (!Array.isArray(list)) return [`${name}: no list`]
  return list.flatMap((one, index) => {
    const finding = findingOf(one)
    return finding === null ? [] : [`${name}/${index}${finding.startsWith(':') ? '' : ': '}${finding}`]
  })
}

function organisationFinding({ scheme, code }: OrganisationKey): string | null {
  if (scheme !== 'ods' && scheme !== 'source') return 'neither ods nor source'
  return typeof code === 'string' && code.trim() !== '' && code.length <= longest.code
    ? null
    : `a code needs 1 to ${longest.code} characters`
}

function ratingFinding({ question, answer, value, scale }: ItemRating): string | null {
  if (typeof question !== 'string' || question.trim() === '') return 'no question'
  if (answer !== null && typeof answer !== 'string') return 'an answer is a text or null'
  if (value !== null && !Number.isFinite(value)) return 'a value is a number or null'
  if (scale === null) return null
  const isScale = scale.min < scale.max && (scale.best === 'min' || scale.best === 'max')
  return isScale ? null : 'no scale'
}

function isHttp(link: string): boolean {
  const url = URL.parse(link)
  if (url === null || link.length > longest.link) return false
  return (url.protocol === 'http:' || url.protocol === 'https:') && url.username === '' && url.password === ''
}

function isOnEarth({ latitude, longitude }: { latitude: number; longitude: number }): boolean {
  return Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180
}

function isLanguage(language: string): boolean {
  return languageTag(language) === language && language.length <= longest.language
}

function allStorable(value: unknown): boolean {
  if (typeof value === 'string') return storable(value) === value
  if (typeof value !== 'object' || value === null) return true
  return Object.values(value).every(allStorable)
}
