import type { Entry, Item } from '../domain/items.ts'
import { type Apart, hashOf, toldApart } from './feed-entry.ts'
import { parseJson } from './json.ts'
import { rawJsonItem } from './json-feed.ts'
import { attributeOf, type XmlElement } from './xml-element.ts'

/**
 * Gives items that share a guid, as some trusts reuse one for every item, ids that tell them apart: by link,
 * else by link and a hash of what they say. With `revisions` the same id and link is one thing.
 */
export function tellApart(entries: Entry[], revisions: boolean): { entries: Entry[]; warnings: string[] } {
  const groups = new Map<string, Item[]>()
  for (const entry of entries) {
    if (!('item' in entry) || entry.item.type === 'deletion') continue
    const group = groups.get(entry.item.externalId)
    if (group) group.push(entry.item)
    else groups.set(entry.item.externalId, [entry.item])
  }
  const ways = new Map<Item, Apart>()
  const warnings: string[] = []
  for (const group of groups.values()) {
    const apart = group.length > 1 ? wayApart(group, revisions) : null
    if (apart === null) continue
    warnings.push(`${group.length} items share one id: told apart by their ${apart}`)
    for (const item of group) ways.set(item, apart)
  }
  if (ways.size === 0) return { entries, warnings }
  return { entries: entries.map((entry) => apartEntry(entry, ways)), warnings: [...new Set(warnings)] }
}

/** How an entry was told apart when it was read among others: a mark on its raw text. */
export function markOf(element: XmlElement): Apart | null {
  const mark = attributeOf(element, markName)
  return mark === 'link' || mark === 'text' ? mark : null
}

const markName = 'care-connect-apart'

function wayApart(group: Item[], revisions: boolean): Apart | null {
  const links = new Set(group.map(linkOf))
  if (links.size === group.length) return 'link'
  if (revisions) return links.size > 1 ? 'link' : null
  const said = new Set(group.map((item) => `${linkOf(item)} ${hashOf(item)}`))
  return said.size > 1 ? 'text' : null
}

function linkOf(item: Item): string {
  return item.type === 'deletion' ? '' : (item.link ?? '')
}

function apartEntry(entry: Entry, ways: Map<Item, Apart>): Entry {
  const apart = 'item' in entry ? ways.get(entry.item) : undefined
  if (!('item' in entry) || apart === undefined) return entry
  return { raw: marked(entry.raw, apart), item: toldApart(entry.item, apart) }
}

function marked(raw: string, apart: Apart): string {
  if (!raw.startsWith('{')) return raw.replace(/^<[^\s>]+/, `$& ${markName}="${apart}"`)
  const json = parseJson(raw)
  return 'value' in json ? rawJsonItem(json.value, apart) : raw
}
