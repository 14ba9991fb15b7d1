import {
  addressesOf,
  entriesOf,
  type FeedDocument,
  type FeedEntry,
  pointOf,
  RIGHTS,
  titleOf,
  updatedOf,
} from './feed.ts'
import { element, empty, htmlOf } from './xml.ts'

/**
 * A document of a feed as RSS 2.0, with what it lacks from other formats: links (Atom), the parts of an archived feed (RFC
 * 5005, appendix B), answers (RFC 4685), names and languages (Dublin Core) and places (GeoRSS Simple).
 */
export function rssView(document: FeedDocument): string {
  const { self, current, older, newer, list } = addressesOf(document, 'rss')
  const { hub, page, publicUrl } = document
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<rss version="2.0" ${NAMESPACES.map(([prefix, address]) => `xmlns:${prefix}="${address}"`).join(' ')}>`,
    '<channel>',
    element('title', titleOf(document)),
    element('link', list),
    element('description', 'What patients have told about their care, and what was answered.'),
    element('copyright', RIGHTS),
    element('lastBuildDate', rfc822(updatedOf(document))),
    element('generator', 'Care Connect'),
    element('docs', 'https://www.rssboard.org/rss-specification'),
    ...(page.archive === null ? [] : [empty('fh:archive', {}), link('current', current)]),
    link('self', self),
    ...(older === null ? [] : [link('prev-archive', older)]),
    ...(newer === null ? [] : [link('next-archive', newer)]),
    ...(hub === null || page.archive !== null ? [] : [empty('atom:link', { rel: 'hub', href: hub })]),
    ...entriesOf(document).map((entry) => itemView(publicUrl, entry)),
    '</channel>',
    '</rss>',
    '',
  ].join('\n')
}

const RSS = 'application/rss+xml'
const NAMESPACES = [
  ['atom', 'http://www.w3.org/2005/Atom'],
  ['dc', 'http://purl.org/dc/elements/1.1/'],
  ['fh', 'http://purl.org/syndication/history/1.0'],
  ['georss', 'http://www.georss.org/georss'],
  ['thr', 'http://purl.org/syndication/thread/1.0'],
] as const

function link(rel: string, href: string): string {
  return empty('atom:link', { rel, type: RSS, href })
}

function itemView(publicUrl: string, entry: FeedEntry): string {
  const { source, place, inReplyTo } = entry
  return [
    '<item>',
    element('guid', entry.id, { isPermaLink: 'false' }),
    element('title', entry.title),
    element('link', entry.url),
    element('pubDate', rfc822(entry.published)),
    element('atom:updated', entry.updated),
    element('dc:creator', entry.author),
    ...(entry.language === null ? [] : [element('dc:language', entry.language)]),
    ...entry.categories.map(([list, term]) =>
      element('category', term, { domain: `${publicUrl}/v1/${list}` }),
    ),
    ...(source?.link ? [element('source', source.title, { url: source.link })] : []),
    ...(inReplyTo === null
      ? []
      : [empty('thr:in-reply-to', { ref: inReplyTo.id, href: inReplyTo.url, type: 'application/json' })]),
    ...(place === null ? [] : [element('georss:point', pointOf(place))]),
    // The one field that is HTML.
    element('description', htmlOf(entry.text)),
    '</item>',
  ].join('\n')
}

// RFC 822 with the year in four digits, as RSS wants it.
function rfc822(time: string): string {
  return new Date(time).toUTCString()
}
