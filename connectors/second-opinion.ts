import type { Entry, Story } from '../domain/items.ts'
import { readDate } from './dates.ts'

/** An item as another parser read it; `id` is its guid. */
export type OtherItem = {
  id: string | null
  title: string | null
  link: string | null
  published: string | null
}

/** An item as we read it, as far as it is compared; `title` is null where it has none of its own. */
export type OurItem = { type: 'story' | 'reply' } & Pick<
  Story,
  'externalId' | 'title' | 'link' | 'publishedAt'
>

/** What of entries is compared: a small part of each. */
export function comparedOf(entries: readonly Entry[]): OurItem[] {
  return entries.flatMap((entry) => {
    if (!('item' in entry) || entry.item.type === 'deletion') return []
    const { type, externalId, link, publishedAt } = entry.item
    return [{ type, externalId, title: type === 'story' ? entry.item.title : null, link, publishedAt }]
  })
}

/** What two readings of the same RSS document disagree on, in words and without anybody's words in them. */
export function compareReadings({ entries }: { entries: readonly Entry[] }, theirs: OtherItem[]): string[] {
  return compareItems(comparedOf(entries), theirs)
}

/** The same, of what is compared. */
export function compareItems(read: readonly OurItem[], theirs: OtherItem[]): string[] {
  const differences: string[] = []
  if (read.length !== theirs.length) {
    differences.push(`we read ${read.length} items, the other parser ${theirs.length}`)
  }
  const partners = partnersOf(read, theirs)
  for (const [index, item] of read.entries()) {
    const other = partners[index]
    if (other) differences.push(...differencesOf(item, other, index + 1))
    else differences.push(`item ${index + 1}: only we read it`)
  }
  return differences
}

function partnersOf(ours: readonly OurItem[], theirs: OtherItem[]): (OtherItem | undefined)[] {
  if (ours.length === theirs.length) return theirs
  const byId = new Map(theirs.map((other) => [clean(other.id ?? other.link), other]))
  return ours.map((item) => byId.get(item.externalId))
}

function differencesOf(item: OurItem, other: OtherItem, number: number): string[] {
  const { externalId, link, publishedAt } = item
  const checks: [string, boolean][] = [
    ['ids', externalId === clean(other.id ?? other.link)],
    ['titles', item.type === 'reply' || clean(item.title) === clean(other.title)],
    ['links', sameAddress(link, other.link)],
    ['dates', sameTime(publishedAt, other.published)],
  ]
  return checks.filter(([, same]) => !same).map(([name]) => `item ${number}: the ${name} differ`)
}

function clean(text: string | null): string {
  return (text ?? '').trim().replace(/\s+/g, ' ')
}

function sameAddress(ours: string | null, theirs: string | null): boolean {
  const other = clean(theirs)
  return (ours ?? '') === (URL.parse(other)?.href ?? other)
}

function sameTime(ours: string | null, theirs: string | null): boolean {
  return ours === (theirs === null ? null : readDate(theirs).date)
}
