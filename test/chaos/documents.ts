import type { PushedItem } from '../../connectors/pushed-item.ts'
import type { ProviderList, Story, Telling } from './world.ts'

/** A document of a provider: what it answers to a request for this path and query. */
export type Rendered = { type: string; body: string }

const PAGE = 8

/** The page of a list that `url` asks for, in the list's format. */
export function render(list: ProviderList, url: URL): Rendered {
  switch (list.format) {
    case 'atom':
      return { type: 'application/atom+xml', body: atomPage(list, url) }
    case 'comments':
      return { type: 'application/atom+xml', body: commentsPage(list, url) }
    case 'rss':
      return { type: 'application/rss+xml', body: rssDocument(list) }
    case 'json':
      return { type: 'application/feed+json', body: jsonFeed(list) }
    case 'opinions':
      return { type: 'application/json', body: opinions(list, url) }
    case 'pushed':
      throw new Error('nobody asks a list that is pushed')
  }
}

/** All that a list has, as its provider pushes it. */
export function pushedItems({ stories }: ProviderList): PushedItem[] {
  const all = stories.flatMap((story) => [
    ...(story.reply === null ? [] : [pushedReply(story.reply, story)]),
    pushedStory(story),
  ])
  return all
}

function pushedStory(story: Story): PushedItem {
  if (story.gone) return { type: 'deletion', externalId: story.id }
  return { ...times(story), type: 'story', externalId: story.id, organisation: 'RX1', text: story.text }
}

function pushedReply(reply: Telling, { id }: Story): PushedItem {
  if (reply.gone) return { type: 'deletion', externalId: reply.id }
  return { ...times(reply), type: 'reply', externalId: reply.id, inReplyTo: id, text: reply.text }
}

function times({ published, updated }: Telling): { publishedAt: string; updatedAt: string } {
  return { publishedAt: published.toISOString(), updatedAt: updated.toISOString() }
}

type Line = { telling: Telling; answers: Story | null }

/** What changed last comes first, so that an answer mostly comes before what it answers. */
function newestFirst({ stories }: ProviderList): Line[] {
  const lines: Line[] = stories.flatMap((story) => [
    { telling: story, answers: null },
    ...(story.reply === null ? [] : [{ telling: story.reply, answers: story }]),
  ])
  return lines.sort((a, b) => b.telling.updated.getTime() - a.telling.updated.getTime())
}

function pageOf(list: ProviderList, url: URL): { lines: Line[]; next: string | null } {
  const page = Number(url.searchParams.get('page') ?? 1)
  const all = newestFirst(list)
  const next = page * PAGE < all.length ? `${url.origin}${url.pathname}?page=${page + 1}` : null
  return { lines: all.slice((page - 1) * PAGE, page * PAGE), next }
}

function atomPage(list: ProviderList, url: URL): string {
  const { lines, next } = pageOf(list, url)
  return [
    '<feed xmlns="http://www.w3.org/2005/Atom" xmlns:thr="http://purl.org/syndication/thread/1.0" xmlns:at="http://purl.org/atompub/tombstones/1.0">',
    `<title>${list.name} (invented)</title>`,
    next === null ? '' : `<link rel="next" href="${next}"/>`,
    ...lines.map(atomEntry),
    '</feed>',
  ].join('\n')
}

function atomEntry({ telling, answers }: Line): string {
  const { id, text, published, updated, gone } = telling
  if (gone) return `<at:deleted-entry ref="${id}" when="${updated.toISOString()}"/>`
  return `<entry><id>${id}</id><title>Title ${id}</title><published>${published.toISOString()}</published>
<updated>${updated.toISOString()}</updated>${answers ? `<thr:in-reply-to ref="${answers.id}"/>` : ''}<content>${text}</content></entry>`
}

const COMMENTS = 'xmlns="http://syndication.nhschoices.nhs.uk/schemas/comments"'

function commentsPage(list: ProviderList, url: URL): string {
  const { lines, next } = pageOf(list, url)
  return [
    '<feed xmlns="http://www.w3.org/2005/Atom">',
    next === null
      ? '<complete xmlns="http://purl.org/syndication/history/1.0"/>'
      : `<link rel="next" href="${next.replace('.atom', '')}"/>`,
    ...lines.map(commentEntry),
    '</feed>',
  ].join('\n')
}

function commentEntry({ telling, answers }: Line): string {
  const { id, text, published, updated, gone } = telling
  const type = gone ? 'deletion' : answers === null ? 'comment' : 'reply'
  const content =
    type === 'comment'
      ? `<content type="xhtml"><div id="liked">${text}</div></content>`
      : `<content type="text">${text}</content>`
  return `<entry><id>${id}</id><title type="text">Title ${id}</title><published>${published.toISOString()}</published>
<updated>${updated.toISOString()}</updated><link rel="related" title="Organisation commented on" href="http://provider.example/organisations/hospitals/70001?apikey=K"/>
<category scheme="commentType" term="${type}"/>${content}
${answers ? `<in-reply-to xmlns="http://purl.org/syndication/thread/1.0" postingid="${answers.id}" postingorganisationid="0" ref="${answers.id}"/>` : ''}
<postingid ${COMMENTS}>${id}</postingid><postingorganisationid ${COMMENTS}>0</postingorganisationid></entry>`
}

function rssDocument(list: ProviderList): string {
  const items = list.stories
    .filter(({ gone }) => !gone)
    .map(
      ({ id, text, published }) =>
        `<item><guid isPermaLink="false">${id}</guid><title>Title ${id}</title><pubDate>${published.toUTCString()}</pubDate><description>${text}</description></item>`,
    )
  return `<rss version="2.0"><channel><title>${list.name} (invented)</title>\n${items.join('\n')}\n</channel></rss>`
}

function jsonFeed(list: ProviderList): string {
  const items = list.stories.map(({ id, text, published, updated }) => ({
    id,
    title: `Title ${id}`,
    content_text: text,
    date_published: published,
    date_modified: updated,
  }))
  return JSON.stringify({
    version: 'https://jsonfeed.org/version/1.1',
    title: `${list.name} (invented)`,
    items,
  })
}

function opinions(list: ProviderList, url: URL): string {
  const skip = Number(url.searchParams.get('skip'))
  const all = list.stories.map((story) => ({
    id: story.id,
    title: `Title ${story.id}`,
    body: story.text,
    dateOfPublication: story.published,
    dateOfLastUpdate: story.updated,
    ...(story.gone && { status: 'removed' }),
    responses: story.reply === null ? [] : [opinionReply(story.reply)],
  }))
  return JSON.stringify(all.slice(skip, skip + Number(url.searchParams.get('take'))))
}

function opinionReply({ id, text, published, updated, gone }: Telling) {
  return {
    id,
    body: text,
    dateOfPublication: published,
    dateOfLastUpdate: updated,
    ...(gone && { status: 'removed' }),
  }
}
