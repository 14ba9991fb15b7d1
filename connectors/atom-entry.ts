import type { Deletion } from '../domain/items.ts'
import { datedAs, type FeedEntry, fitting, languageTag } from './feed-entry.ts'
import { mediaText, mediaTitle } from './feed-media.ts'
import { organisationIn, repliesTo, written } from './feed-modules.ts'
import { placeOf } from './feed-place.ts'
import type { FeedSettings } from './feed-settings.ts'
import { dublinCore, isAtom } from './feed-vocabulary.ts'
import { elementToText, htmlToText } from './html-text.ts'
import { httpLink } from './links.ts'
import { oneLine, plainText, titleText } from './text.ts'
import { attributeOf, childOf, elementsIn, textOf, type XmlElement } from './xml-element.ts'

/** Reads an entry of Atom 1.0 (RFC 4287) or 0.3, with threading (RFC 4685). */
export function readAtomEntry(entry: XmlElement, settings: FeedSettings): FeedEntry {
  const warnings: string[] = []
  return {
    guid: oneLine(textOf(atomChild(entry, 'id'))) || null,
    link: atomLink(entry, 'alternate'),
    title: titleOf(atomChild(entry, 'title')) || mediaTitle(entry) || null,
    text: bodyOf(entry) || mediaText(entry),
    published: written(
      atomChild(entry, 'published') ?? atomChild(entry, 'issued') ?? atomChild(entry, 'created'),
    ),
    updated: written(atomChild(entry, 'updated') ?? atomChild(entry, 'modified')),
    authors: authorsOf(entry),
    categories: categoriesOf(entry),
    position: placeOf(entry, warnings),
    language: languageTag(entry.language),
    inReplyTo: repliesTo(entry),
    organisation: organisationIn(entry, settings),
    apart: null,
    warnings,
  }
}

/** Reads a tombstone (RFC 6721), or null when it does not say what was deleted. */
export function readTombstone(entry: XmlElement): Deletion | null {
  const ref = attributeOf(entry, 'ref')?.trim()
  if (!ref) return null
  const warnings: string[] = []
  const updatedAt = datedAs('when', attributeOf(entry, 'when'), warnings)
  return { type: 'deletion', externalId: fitting(ref), updatedAt, warnings }
}

/** The first child of that name in Atom's namespace, or null. */
export function atomChild(element: XmlElement, name: string): XmlElement | null {
  for (const child of element.children) {
    if (typeof child !== 'string' && child.name === name && isAtom(child.namespace)) return child
  }
  return null
}

/** The address of the first Atom link with that relation, or null. */
export function atomLink(element: XmlElement, rel: string): string | null {
  for (const child of element.children) {
    if (typeof child === 'string' || child.name !== 'link' || !isAtom(child.namespace)) continue
    if ((attributeOf(child, 'rel') ?? 'alternate') !== rel) continue
    const link = httpLink(attributeOf(child, 'href') ?? '', child.base)
    if (link !== null) return link
  }
  return null
}

/** A title as text on one line (RFC 4287, section 3.1). */
export function titleOf(title: XmlElement | null): string {
  if (title === null) return ''
  const text = textConstruct(title)
  return typeOf(title) === 'text' ? oneLine(text) : titleText(text)
}

/** What an entry says: its content, or its summary. */
export function bodyOf(entry: XmlElement): string {
  for (const name of ['content', 'summary']) {
    const element = atomChild(entry, name)
    const text = element ? textConstruct(element) : ''
    if (text !== '') return text
  }
  return ''
}

function textConstruct(element: XmlElement): string {
  switch (typeOf(element)) {
    case 'html':
      return htmlToText(writtenIn(element))
    case 'text':
      return plainText(writtenIn(element))
    case 'xhtml':
      return elementToText(element)
    case 'other':
      return ''
  }
}

function writtenIn(element: XmlElement): string {
  const text = textOf(element)
  return attributeOf(element, 'mode') === 'base64' ? Buffer.from(text, 'base64').toString() : text
}

/** The three kinds of text, from the types of RFC 4287 (section 4.1.3) and the modes of Atom 0.3. */
function typeOf(element: XmlElement): 'text' | 'html' | 'xhtml' | 'other' {
  const type = (attributeOf(element, 'type') ?? 'text').trim().toLowerCase()
  if (type === 'html' || type === 'text/html') return elementsIn(element).length > 0 ? 'xhtml' : 'html'
  if (type === 'xhtml' || /(\+|\/)xml$/.test(type)) {
    const mode = attributeOf(element, 'mode')
    return mode === 'escaped' || mode === 'base64' ? 'html' : 'xhtml'
  }
  return type === 'text' || type.startsWith('text/') ? 'text' : 'other'
}

function authorsOf(entry: XmlElement): string[] {
  const authors = elementsIn(entry).filter(({ namespace, name }) => name === 'author' && isAtom(namespace))
  const names = authors.map((author) => oneLine(textOf(atomChild(author, 'name'))))
  const known = names.filter((name) => name !== '' && !name.includes('@'))
  if (known.length > 0) return known
  const creator = oneLine(textOf(childOf(entry, dublinCore, 'creator')))
  return creator === '' ? [] : [creator]
}

function categoriesOf(entry: XmlElement): FeedEntry['categories'] {
  const categories: FeedEntry['categories'] = []
  for (const child of elementsIn(entry)) {
    const isCategory = child.name === 'category' && isAtom(child.namespace)
    const isSubject = child.name === 'subject' && child.namespace === dublinCore
    const term = isCategory
      ? oneLine(attributeOf(child, 'term') ?? '')
      : isSubject
        ? oneLine(textOf(child))
        : ''
    if (term !== '') categories.push({ domain: isCategory ? attributeOf(child, 'scheme') : null, term })
  }
  return categories
}
