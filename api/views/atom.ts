import {
  addressesOf,
  entriesOf,
  type FeedDocument,
  type FeedEntry,
  goneOf,
  pointOf,
  RIGHTS,
  rightsOf,
  titleOf,
  updatedOf,
} from './feed.ts'
import { type Attributes, element, empty } from './xml.ts'

/**
 * A document of a feed as Atom (RFC 4287), a part of an archived feed (RFC 5005), with answers (RFC 4685), tombstones (RFC
 * 6721) and places (GeoRSS Simple).
 */
export function atomView(document: FeedDocument): string {
  const { self, current, older, newer, list } = addressesOf(document, 'atom')
  const { hub, page, publicUrl } = document
  return [
    '<?xml version="1.0" encoding="utf-8"?>',
    `<feed ${NAMESPACES.map(([prefix, address]) => `xmlns${prefix}="${address}"`).join(' ')}>`,
    // All its documents are one feed.
    element('id', current),
    element('title', titleOf(document)),
    element('updated', updatedOf(document)),
    element('generator', 'Care Connect'),
    element('rights', RIGHTS),
    ...(page.archive === null ? [] : [empty('fh:archive', {}), link('current', current)]),
    link('self', self),
    ...(older === null ? [] : [link('prev-archive', older)]),
    ...(newer === null ? [] : [link('next-archive', newer)]),
    ...(hub === null || page.archive !== null ? [] : [empty('link', { rel: 'hub', href: hub })]),
    empty('link', { rel: 'alternate', type: 'application/json', href: list }),
    ...entriesOf(document).map((entry) => entryView(publicUrl, entry)),
    ...goneOf(document).map(({ id, at }) => empty('at:deleted-entry', { ref: id, when: at })),
    '</feed>',
    '',
  ].join('\n')
}

const ATOM = 'application/atom+xml'
const NAMESPACES = [
  ['', 'http://www.w3.org/2005/Atom'],
  [':at', 'http://purl.org/atompub/tombstones/1.0'],
  [':fh', 'http://purl.org/syndication/history/1.0'],
  [':georss', 'http://www.georss.org/georss'],
  [':thr', 'http://purl.org/syndication/thread/1.0'],
] as const

function link(rel: string, href: string): string {
  return empty('link', { rel, type: ATOM, href })
}

function entryView(publicUrl: string, entry: FeedEntry): string {
  const { source, place, inReplyTo, replies } = entry
  const lang: Attributes = entry.language === null ? {} : { 'xml:lang': entry.language }
  return [
    '<entry>',
    element('id', entry.id),
    element('title', entry.title, entry.ownTitle ? lang : {}),
    element('published', entry.published),
    element('updated', entry.updated),
    `<author>${element('name', entry.author)}</author>`,
    empty('link', { rel: 'alternate', type: 'application/json', href: entry.url }),
    ...(inReplyTo === null
      ? []
      : [empty('thr:in-reply-to', { ref: inReplyTo.id, href: inReplyTo.url, type: 'application/json' })]),
    ...(replies === null
      ? []
      : [
          empty('link', {
            rel: 'replies',
            type: 'application/json',
            href: replies.url,
            'thr:count': String(replies.count),
          }),
        ]),
    ...(source?.link ? [empty('link', { rel: 'via', href: source.link, title: source.title })] : []),
    // The scheme is the address where what it may be is listed.
    ...entry.categories.map(([list, term, label]) =>
      empty('category', { term, scheme: `${publicUrl}/v1/${list}`, ...(label !== undefined && { label }) }),
    ),
    ...(source === null ? [] : [element('rights', rightsOf(source))]),
    ...(place === null ? [] : [element('georss:point', pointOf(place))]),
    element('content', entry.text, { type: 'text', ...lang }),
    '</entry>',
  ].join('\n')
}
