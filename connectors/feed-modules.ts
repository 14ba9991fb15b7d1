import type { FeedSettings } from './feed-settings.ts'
import { threading } from './feed-vocabulary.ts'
import { oneLine } from './text.ts'
import { attributeOf, childOf, textOf, type XmlElement } from './xml-element.ts'

/** What an entry answers (RFC 4685): null when it does not say, undefined when it answers nothing. */
export function repliesTo(entry: XmlElement): string | null | undefined {
  const reply = childOf(entry, threading, 'in-reply-to')
  if (reply === null) return undefined
  return attributeOf(reply, 'ref')?.trim() || attributeOf(reply, 'href')?.trim() || null
}

/** The text of the element that the settings name for the organisation. */
export function organisationIn(entry: XmlElement, settings: FeedSettings): string | null {
  const wanted = settings.organisationElement
  return (wanted && oneLine(textOf(childOf(entry, wanted.namespace, wanted.name)))) || null
}

/** The text of a field as it is written, or null when the field is not there. */
export function written(element: XmlElement | null): string | null {
  return element && textOf(element)
}
