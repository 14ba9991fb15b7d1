/** The namespaces of feeds. What has had several addresses is a set. */
export const atom = 'http://www.w3.org/2005/Atom'
export const atom03 = 'http://purl.org/atom/ns#'
export const xhtml = 'http://www.w3.org/1999/xhtml'
export const rdf = 'http://www.w3.org/1999/02/22-rdf-syntax-ns#'
export const dublinCore = 'http://purl.org/dc/elements/1.1/'
export const dublinCoreTerms = 'http://purl.org/dc/terms/'
export const contentModule = 'http://purl.org/rss/1.0/modules/content/'
export const syndication = 'http://purl.org/rss/1.0/modules/syndication/'
export const threading = 'http://purl.org/syndication/thread/1.0'
export const tombstones = 'http://purl.org/atompub/tombstones/1.0'
export const history = 'http://purl.org/syndication/history/1.0'
export const georss = 'http://www.georss.org/georss'
export const geo = 'http://www.w3.org/2003/01/geo/wgs84_pos#'
export const gml = ['http://www.opengis.net/gml', 'http://www.opengis.net/gml/3.2']

const media = new Set(['http://search.yahoo.com/mrss/', 'http://search.yahoo.com/mrss'])

const rss = new Set([
  '',
  'http://purl.org/rss/1.0/',
  'http://my.netscape.com/rdf/simple/0.9/',
  'http://channel.netscape.com/rdf/simple/0.9/',
  'http://backend.userland.com/rss2',
  'http://blogs.law.harvard.edu/tech/rss',
])

/** Whether a namespace is one of those that RSS has used; most often it is none. */
export function isRss(namespace: string): boolean {
  return rss.has(namespace)
}

/** Whether a namespace is that of Media RSS, which is written with and without its last slash. */
export function isMedia(namespace: string): boolean {
  return media.has(namespace)
}

/** Whether a namespace is Atom's, 1.0 or 0.3. */
export function isAtom(namespace: string): boolean {
  return namespace === atom || namespace === atom03
}
