import { atomLink, bodyOf } from './atom-entry.ts'
import { type FeedEntry, languageTag } from './feed-entry.ts'
import { mediaText, mediaTitle } from './feed-media.ts'
import { organisationIn, repliesTo, written } from './feed-modules.ts'
import { placeOf } from './feed-place.ts'
import type { FeedSettings } from './feed-settings.ts'
import { atom, contentModule, dublinCore, dublinCoreTerms, isRss, rdf } from './feed-vocabulary.ts'
import { elementToText, htmlToText } from './html-text.ts'
import { httpLink } from './links.ts'
import { oneLine, titleText } from './text.ts'
import { attributeOf, childOf, elementsIn, textOf, type XmlElement } from './xml-element.ts'

/** Reads an item of RSS 2.0, 1.0 (RDF Site Summary) or 0.9x, with Dublin Core, content and threading modules. */
export function readRssItem(item: XmlElement, settings: FeedSettings): FeedEntry {
  const warnings: string[] = []
  const guid = rssChild(item, 'guid')
  const guidText = oneLine(textOf(guid))
  return {
    guid: guidText || attributeOf(item, 'about', rdf) || attributeOf(item, 'about') || null,
    link: linkOf(item, guid, guidText, warnings),
    title: titleOfItem(item) || null,
    text: textOfItem(item),
    published: written(rssChild(item, 'pubDate') ?? childOf(item, dublinCore, 'date')),
    updated: written(childOf(item, dublinCoreTerms, 'modified') ?? childOf(item, atom, 'updated')),
    authors: authorsOf(item),
    categories: categoriesOf(item),
    position: placeOf(item, warnings),
    language: languageTag(written(childOf(item, dublinCore, 'language')) ?? item.language),
    inReplyTo: repliesTo(item),
    organisation: organisationIn(item, settings),
    apart: null,
    warnings,
  }
}

/** The first child of that name in any of the namespaces of RSS, or null. */
export function rssChild(element: XmlElement, name: string): XmlElement | null {
  for (const child of element.children) {
    if (typeof child !== 'string' && child.name === name && isRss(child.namespace)) return child
  }
  return null
}

function linkOf(
  item: XmlElement,
  guid: XmlElement | null,
  guidText: string,
  warnings: string[],
): string | null {
  const element = rssChild(item, 'link')
  const address = element ? oneLine(textOf(element)) || (attributeOf(element, 'href') ?? '') : ''
  const link = httpLink(address, item.base) ?? atomLink(item, 'alternate')
  if (link !== null) return link
  if (address !== '') warnings.push('link: not an http address')
  const permanent = guid !== null && attributeOf(guid, 'isPermaLink') !== 'false'
  return permanent ? httpLink(guidText, null) : null
}

function titleOfItem(item: XmlElement): string {
  const title = rssChild(item, 'title') ?? childOf(item, dublinCore, 'title')
  return titleText(textOf(title)) || mediaTitle(item)
}

function textOfItem(item: XmlElement): string {
  for (const element of [childOf(item, contentModule, 'encoded'), rssChild(item, 'description')]) {
    const text = element ? markupOf(element) : ''
    if (text !== '') return text
  }
  return bodyOf(item) || mediaText(item)
}

/** Text that is HTML when escaped, and read as it stands when the markup was left unescaped. */
function markupOf(element: XmlElement): string {
  return elementsIn(element).length > 0 ? elementToText(element) : htmlToText(textOf(element))
}

function authorsOf(item: XmlElement): string[] {
  const creators = elementsIn(item).filter(
    ({ namespace, name }) => name === 'creator' && namespace === dublinCore,
  )
  if (creators.length > 0) return creators.map((creator) => oneLine(textOf(creator)))
  const author = oneLine(textOf(rssChild(item, 'author')))
  // RSS 2.0 wants "address (name)" here: the address of a person is no name.
  const name = author.match(/\(([^()]+)\)/)?.[1]?.trim() ?? author
  return name === '' || name.includes('@') ? [] : [name]
}

function categoriesOf(item: XmlElement): FeedEntry['categories'] {
  const categories: FeedEntry['categories'] = []
  for (const child of elementsIn(item)) {
    const isCategory = child.name === 'category' && isRss(child.namespace)
    const isSubject = child.name === 'subject' && child.namespace === dublinCore
    if (!isCategory && !isSubject) continue
    const term = oneLine(textOf(child))
    if (term !== '') categories.push({ domain: isCategory ? attributeOf(child, 'domain') : null, term })
  }
  return categories
}
