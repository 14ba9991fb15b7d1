import {
  addressesOf,
  entriesOf,
  type FeedDocument,
  type FeedEntry,
  goneOf,
  RIGHTS,
  rightsOf,
  titleOf,
} from './feed.ts'

/** A document of a feed as JSON Feed 1.1 (jsonfeed.org); what it has no words for stands in the extension `_care_connect`. */
export function jsonFeedView(document: FeedDocument): string {
  const { self, current, older, newer, list } = addressesOf(document, 'json')
  const { hub, page, publicUrl } = document
  return JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: titleOf(document),
    home_page_url: list,
    feed_url: self,
    ...(older !== null && { next_url: older }),
    ...(hub !== null && page.archive === null && { hubs: [{ type: 'WebSub', url: hub }] }),
    items: entriesOf(document).map(itemView),
    _care_connect: {
      about: `${publicUrl}/docs`,
      rights: RIGHTS,
      archive: page.archive !== null,
      current,
      prev_archive: older,
      next_archive: newer,
      gone: goneOf(document).map(({ id, at }) => ({ id, at })),
    },
  })
}

function itemView(entry: FeedEntry): object {
  const { source, place, inReplyTo, replies, categories } = entry
  const organisation = categories.find(([list]) => list === 'organisations')
  return {
    id: entry.id,
    url: entry.url,
    ...(source?.link && { external_url: source.link }),
    title: entry.title,
    content_text: entry.text,
    date_published: entry.published,
    date_modified: entry.updated,
    authors: [{ name: entry.author }],
    tags: categories.filter(([list]) => list !== 'organisations').map(([, code]) => code),
    ...(entry.language !== null && { language: entry.language }),
    _care_connect: {
      position: entry.position,
      organisation: organisation?.[1] ?? null,
      in_reply_to: inReplyTo?.id ?? null,
      replies: replies?.count ?? 0,
      place: place === null ? null : { latitude: place.latitude, longitude: place.longitude },
      rights: source === null ? null : rightsOf(source),
    },
  }
}
