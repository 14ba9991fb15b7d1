/** The namespaces in force at one place of a document, and the names already resolved there. */
export type XmlScope = {
  prefixes: Map<string, string>
  elements: Map<string, XmlName>
  inner: Map<string, XmlScope>
}

export type XmlName = { namespace: string; name: string }

export const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'

// A feed has few names and says them often; a hostile one makes up a new one each time.
const mostKnown = 1_000

/** The scope outside of any element. */
export function outermostScope(): XmlScope {
  return { prefixes: new Map(), elements: new Map(), inner: new Map() }
}

/** The scope of an element that declares namespaces itself; equal declarations share one scope. */
export function innerScope(outer: XmlScope, declared: [string, string][], limit: number): XmlScope {
  const key = declared.flat().join('\n')
  const known = outer.inner.get(key)
  if (known) return known
  const prefixes = new Map(outer.prefixes)
  for (const [prefix, uri] of declared) {
    if (prefixes.has(prefix) || prefixes.size < limit) prefixes.set(prefix, uri)
  }
  const scope = { prefixes, elements: new Map(), inner: new Map() }
  if (outer.inner.size < mostKnown) outer.inner.set(key, scope)
  return scope
}

/**
 * Resolves an element's name (Namespaces in XML 1.0, section 6). An undeclared prefix is taken for what
 * feeds mean by it, or stays part of the name, so that `x:title` never passes for `title`.
 */
export function elementName(scope: XmlScope, qname: string): XmlName {
  const known = scope.elements.get(qname)
  if (known) return known
  const resolved = resolve(scope, qname, scope.prefixes.get('') ?? '')
  if (scope.elements.size < mostKnown) scope.elements.set(qname, resolved)
  return resolved
}

/** Resolves an attribute's name: without a prefix it is in no namespace. */
export function attributeName(scope: XmlScope, qname: string): XmlName {
  return resolve(scope, qname, '')
}

/** The declarations in force, as attributes for a start tag. */
export function declarations(scope: XmlScope): string {
  let text = ''
  for (const [prefix, uri] of scope.prefixes) {
    text += ` xmlns${prefix && ':'}${prefix}="${escapeAttribute(uri)}"`
  }
  return text
}

/** Escapes a value for a double-quoted attribute. */
export function escapeAttribute(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')
}

// Feeds that forget the declaration mean these.
const customary = new Map([
  ['xml', xmlNamespace],
  ['atom', 'http://www.w3.org/2005/Atom'],
  ['content', 'http://purl.org/rss/1.0/modules/content/'],
  ['dc', 'http://purl.org/dc/elements/1.1/'],
  ['georss', 'http://www.georss.org/georss'],
  ['geo', 'http://www.w3.org/2003/01/geo/wgs84_pos#'],
  ['gml', 'http://www.opengis.net/gml'],
  ['thr', 'http://purl.org/syndication/thread/1.0'],
  ['at', 'http://purl.org/atompub/tombstones/1.0'],
  ['fh', 'http://purl.org/syndication/history/1.0'],
  ['media', 'http://search.yahoo.com/mrss/'],
])

function resolve(scope: XmlScope, qname: string, unprefixed: string): XmlName {
  const colon = qname.indexOf(':')
  if (colon === -1) return { namespace: unprefixed, name: qname }
  const prefix = qname.slice(0, colon)
  const namespace = scope.prefixes.get(prefix) ?? customary.get(prefix)
  if (namespace === undefined) return { namespace: '', name: qname }
  return { namespace, name: qname.slice(colon + 1) }
}
