/** A small element tree: names are values to compare, never keys of an object. */
export type XmlElement = {
  /** Empty for none. */
  namespace: string
  name: string
  attributes: XmlAttribute[]
  children: (XmlElement | string)[]
  /** What relative addresses in it are relative to (XML Base), and its language (xml:lang). */
  base: string | null
  language: string | null
}

export type XmlAttribute = { namespace: string; name: string; value: string }

/** The value of an attribute, or null. */
export function attributeOf(element: XmlElement, name: string, namespace = ''): string | null {
  for (const attribute of element.attributes) {
    if (attribute.name === name && attribute.namespace === namespace) return attribute.value
  }
  return null
}

/** The first child element of that name, or null. */
export function childOf(element: XmlElement, namespace: string, name: string): XmlElement | null {
  for (const child of element.children) {
    if (typeof child !== 'string' && child.name === name && child.namespace === namespace) return child
  }
  return null
}

/** All child elements of that name. */
export function childrenOf(element: XmlElement, namespace: string, name: string): XmlElement[] {
  return elementsIn(element).filter((child) => child.name === name && child.namespace === namespace)
}

/** All child elements. */
export function elementsIn(element: XmlElement): XmlElement[] {
  return element.children.filter((child) => typeof child !== 'string')
}

/** All text in it, in document order, markup left out. */
export function textOf(element: XmlElement | null): string {
  if (element === null) return ''
  const [first] = element.children
  if (element.children.length === 1 && typeof first === 'string') return first
  let text = ''
  for (const child of element.children) text += typeof child === 'string' ? child : textOf(child)
  return text
}
