import { PROVIDER } from './atom.ts'
import type { Story } from './stories.ts'
import { escapeXml } from './xml.ts'

const NEWEST = 100

/** The newest stories as RSS 2.0 with Dublin Core and GeoRSS Simple; what was taken down is not in it. */
export function renderStories(stories: readonly Story[], feedUrl: string): string {
  const shown = stories
    .filter(({ feed, deleted }) => feed === 'rss' && deleted === null)
    .slice(-NEWEST)
    .reverse()
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:atom="http://www.w3.org/2005/Atom" xmlns:georss="http://www.georss.org/georss">',
    `<channel><title>${PROVIDER}</title><link>https://feedback-provider.example/</link>`,
    '<description>Invented stories about care, for trying things out</description>',
    `<language>en-GB</language><ttl>1</ttl><atom:link rel="self" type="application/rss+xml" href="${escapeXml(feedUrl)}"/>`,
    ...shown.map(renderItem),
    '</channel></rss>',
  ].join('\n')
}

function renderItem(story: Story): string {
  const { id, organisation, tags, parts } = story
  const paragraphs = Object.values(parts).flatMap((text) => (text ? [`<p>${escapeXml(text)}</p>`] : []))
  return [
    `<item><guid isPermaLink="false">story-${id}</guid><title>${escapeXml(story.title)}</title>`,
    `<link>https://feedback-provider.example/stories/${id}</link>`,
    `<pubDate>${story.published.toUTCString()}</pubDate>`,
    `<dc:creator>${escapeXml(story.author)}</dc:creator>`,
    `<category domain="https://feedback-provider.example/ods">${organisation.ods}</category>`,
    ...tags.map((tag) => `<category>${escapeXml(tag)}</category>`),
    `<georss:point>${organisation.latitude} ${organisation.longitude}</georss:point>`,
    `<description>${escapeXml(paragraphs.join(''))}</description></item>`,
  ].join('')
}
