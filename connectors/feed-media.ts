import { isMedia } from './feed-vocabulary.ts'
import { htmlToText } from './html-text.ts'
import { plainText, titleText } from './text.ts'
import { attributeOf, elementsIn, textOf, type XmlElement } from './xml-element.ts'

/** The title that Media RSS gives an entry, for those that have none themselves; empty for none. */
export function mediaTitle(entry: XmlElement): string {
  for (const title of mediaElements(entry, 'title')) {
    const text = titleText(plainOrHtml(title))
    if (text !== '') return text
  }
  return ''
}

/** The description that Media RSS gives an entry, or the words of what it shows; empty for neither. */
export function mediaText(entry: XmlElement): string {
  for (const element of [...mediaElements(entry, 'description'), ...mediaElements(entry, 'text')]) {
    const text = plainOrHtml(element)
    if (text !== '') return text
  }
  return ''
}

/** Elements of that name in the entry, in its groups and in what these hold, the outermost first. */
function mediaElements(entry: XmlElement, name: string): XmlElement[] {
  const found: XmlElement[] = []
  for (let level = mediaIn(entry); level.length > 0; level = level.filter(isHolder).flatMap(mediaIn)) {
    found.push(...level.filter((element) => element.name === name))
  }
  return found
}

function mediaIn(element: XmlElement): XmlElement[] {
  return elementsIn(element).filter(({ namespace }) => isMedia(namespace))
}

function isHolder({ name }: XmlElement): boolean {
  return name === 'group' || name === 'content'
}

function plainOrHtml(element: XmlElement): string {
  const isHtml = attributeOf(element, 'type')?.trim().toLowerCase() === 'html'
  return isHtml ? htmlToText(textOf(element)) : plainText(textOf(element))
}
