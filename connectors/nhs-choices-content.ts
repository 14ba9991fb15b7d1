import { elementToText } from './html-text.ts'
import { oneLine, plainText } from './text.ts'
import { attributeOf, elementsIn, textOf, type XmlElement } from './xml-element.ts'

export type Part = { label: string | null; text: string }

/** The parts of a comment, from the divs `liked`, `improved` and `anythingElse`, each optional. */
export function partsOf(content: XmlElement): Part[] {
  const parts: Part[] = []
  collect(content, parts)
  return parts.filter(({ text }) => text !== '')
}

/** The comment as one text: with more than one part, each under a line that says which. */
export function textOfParts(parts: Part[]): string {
  const [only] = parts
  if (only && parts.length === 1) return only.text
  return parts.map(({ label, text }) => (label === null ? text : `${label}\n${text}`)).join('\n\n')
}

/** The tags of a comment, from the list `commentTags`. */
export function tagsOf(content: XmlElement): string[] {
  return [
    ...new Set(
      tagLists(content)
        .flatMap(itemsOf)
        .map((tag) => oneLine(textOf(tag))),
    ),
  ].filter(Boolean)
}

const labels = new Map([
  ['liked', 'What I liked'],
  ['improved', 'What could be improved'],
  ['anythingElse', 'Anything else'],
])

function collect(element: XmlElement, parts: Part[]): void {
  for (const child of element.children) {
    if (typeof child === 'string') parts.push({ label: null, text: plainText(child) })
    else {
      const id = attributeOf(child, 'id') ?? ''
      if (id === 'commentTags') continue
      const label = labels.get(id)
      if (label === undefined && holdsParts(child)) collect(child, parts)
      // The provider sends what people typed: line breaks are theirs.
      else parts.push({ label: label ?? null, text: elementToText(child, 'keep') })
    }
  }
}

function holdsParts(element: XmlElement): boolean {
  return elementsIn(element).some((child) => {
    const id = attributeOf(child, 'id') ?? ''
    return labels.has(id) || id === 'commentTags' || holdsParts(child)
  })
}

function tagLists(element: XmlElement): XmlElement[] {
  const inner = elementsIn(element)
  return inner.flatMap((child) => (attributeOf(child, 'id') === 'commentTags' ? [child] : tagLists(child)))
}

function itemsOf(list: XmlElement): XmlElement[] {
  return elementsIn(list).flatMap((child) => (child.name === 'li' ? [child] : itemsOf(child)))
}
