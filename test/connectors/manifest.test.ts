import t, { type Test } from 'tap'
import type { Item, Story } from '../../domain/items.ts'
import { bytesOf, deletedIn, documentsIn, itemsOf, read, readAny, savedFolders } from './documents.ts'

type Expected = {
  id?: string
  title?: string
  title_raw?: string
  link?: string
  published?: string | null
  updated?: string
  author?: string
  authors?: string[]
  categories?: string[]
  tags?: string[]
  text?: string
  content?: string
  liked_text?: string
  lat?: number
  lon?: number
  language?: string
  in_reply_to?: string
  comment_type?: string
  ratings?: number
  posting_organisation?: string
  extension_rating?: number
  rating?: number
  ods?: string
  body_format?: 'markdown'
}

type Fixture = {
  file: string
  format: string
  bytes: number
  content_type: string
  items?: number
  min_items?: number
  first?: Expected
  item2?: Expected
  item3?: Expected
  next?: string | null
  deleted?: string[]
  removed?: string[]
  hub?: string
  ttl_minutes?: number
  prev_archive?: string
  feed_title?: string
  malformed?: boolean
  encoding?: string
  first_adapter_level?: { content_text: string }
}

const manifest: { fixtures: Fixture[] } = JSON.parse(bytesOf('manifest.json').toString())

const failing = ['attack', 'html-error']

t.test('every saved document but the oddities is in the manifest, and the other way round', async (t) => {
  const folders = [...savedFolders.filter((folder) => folder !== 'oddities'), 'attack']
  t.same(documentsIn(...folders).sort(), manifest.fixtures.map(({ file }) => file).sort())
})

for (const fixture of manifest.fixtures.filter(({ format }) => !failing.includes(format))) {
  t.test(`${fixture.file} is read as the manifest says`, async (t) => {
    const url = `https://${fixture.file.split('/')[0]}.example/document`
    const reading = read(fixture.file, { contentType: fixture.content_type, url })
    const items = itemsOf(reading)
    const deleted = deletedIn(reading).map(localId)
    // The manifest leaves tombstones out of its counts, and NHS deletions in neither list nor count.
    const entries = items.filter((item) => item.type !== 'deletion' && !isInside(fixture, item))
    t.equal(bytesOf(fixture.file).length, fixture.bytes)
    if (fixture.items !== undefined)
      t.equal(entries.length + countedDeletions(fixture, deleted), fixture.items)
    t.ok(entries.length >= (fixture.min_items ?? 0))
    t.same(deleted, fixture.deleted ?? fixture.removed ?? [])
    const places: [Expected | undefined, number][] = [
      [fixture.first, 0],
      [fixture.item2, 1],
      [fixture.item3, 2],
    ]
    for (const [expected, index] of places) {
      const entry = reading.entries.filter((one) => 'item' in one && one.item.type !== 'deletion')[index]
      if (expected && entry && 'item' in entry) check(t, entry.item, entry.raw, expected)
      else t.equal(expected, undefined)
    }
    if (fixture.hub) t.equal(reading.hub, fixture.hub)
    if (fixture.ttl_minutes) t.equal(reading.ttlMinutes, fixture.ttl_minutes)
    if (fixture.prev_archive) t.equal(reading.previousArchive, fixture.prev_archive)
    if (fixture.feed_title) t.equal(reading.title, fixture.feed_title)
    if (fixture.next !== undefined) t.equal(reading.next, withSuffix(fixture))
    const [first] = items
    if (fixture.first_adapter_level && first?.type === 'reply') {
      t.equal(first.text, fixture.first_adapter_level.content_text)
    }
    t.equal(reading.complete, fixture.file !== 'rss2/truncated.rss.xml')
  })
}

for (const fixture of manifest.fixtures.filter(({ format }) => format === 'html-error')) {
  t.test(`${fixture.file} is an error of the provider, not an empty feed`, async (t) => {
    const bytes = bytesOf(fixture.file)
    t.equal(bytes.length, fixture.bytes)
    t.match(readAny(fixture.file, bytes, { contentType: fixture.content_type }), { failure: 'not-a-feed' })
  })
}

function check(t: Test, item: Item, raw: string, expected: Expected): void {
  if (item.type === 'deletion') throw new Error('a deletion is no item')
  const story: Story | null = item.type === 'story' ? item : null
  if (expected.id) t.equal(localId(item.externalId), expected.id)
  if (expected.title && story) t.equal(story.title, expected.title)
  if (expected.title_raw) t.match(raw, expected.title_raw.replace('&', '&amp;'))
  if (expected.link) t.equal(item.link, expected.link)
  if (expected.published !== undefined) t.equal(item.publishedAt, expected.published)
  if (expected.updated) t.equal(item.updatedAt, expected.updated)
  if (expected.author) t.equal(item.authorName, expected.author)
  if (expected.authors) t.equal(item.authorName, expected.authors.join(', '))
  if (expected.categories ?? expected.tags) t.same(story?.tags, expected.categories ?? expected.tags)
  if (expected.text) t.equal(item.text.replace(/\s+/g, ' '), expected.text)
  if (expected.content) t.equal(item.text, expected.content.replace(/<[^>]*>/g, ''))
  if (expected.liked_text) t.equal(item.text, expected.liked_text)
  if (expected.lat) t.same(story?.position, { latitude: expected.lat, longitude: expected.lon })
  if (expected.language) t.equal(story?.language, expected.language)
  if (expected.in_reply_to) t.equal(item.type === 'reply' && localId(item.inReplyTo), expected.in_reply_to)
  if (expected.comment_type) t.equal(item.type, expected.comment_type)
  if (expected.ratings) t.equal(story?.ratings.length, expected.ratings)
  if (expected.posting_organisation) t.match(item.externalId, `${expected.posting_organisation}:`)
  if (expected.rating) t.equal(story?.ratings[0]?.value, expected.rating)
  if (expected.ods) t.match(item.organisations, [{ scheme: 'ods', code: expected.ods }])
  if (expected.body_format === 'markdown') t.notMatch(item.text, '*')
  // What a source adds in an extension of its own is kept with the entry.
  if (expected.extension_rating) t.equal(JSON.parse(raw)._feedback.rating, expected.extension_rating)
}

function localId(id: string): string {
  return id.replace(/^\d+:/, '')
}

/** In this format replies stand inside of what the manifest counts. */
function isInside({ format }: Fixture, item: Item): boolean {
  return format === 'nhs-comments-json' && item.type === 'reply'
}

function countedDeletions({ format, file }: Fixture, deleted: string[]): number {
  if (format === 'nhs-comments-json') return deleted.length
  return format === 'atom' && file.startsWith('nhs-choices') ? deleted.length : 0
}

/** The connector adds the suffix that this provider's paging links lack. */
function withSuffix({ file, next }: Fixture): string | null {
  if (next === null || next === undefined) return null
  return file.startsWith('nhs-choices') ? next.replace('?', '.atom?') : next
}
