import type { Rating, Story } from './stories.ts'
import { ukDate, ukTimestamp } from './uk-time.ts'
import { escapeXml } from './xml.ts'

export const PROVIDER = 'Feedback Provider (invented examples)'

export type CommentsPage = {
  /** `Comments` or `Comments Since 1 July 2024`. */
  subject: string
  /** Without suffix and query, as the paging links have it. */
  address: string
  apiKey: string
  page: number
}

/** What a comments feed lists: a comment, a reply or a deletion. */
export type CommentEntry = {
  type: 'comment' | 'reply' | 'deletion'
  story: Story
  created: Date
  changed: Date
}

const PAGE_SIZE = 20

/** Comments and replies, newest first, so that a reply comes before what it answers; deletions only where asked for. */
export function commentEntries(stories: readonly Story[], deletions: boolean): CommentEntry[] {
  return stories
    .filter(({ feed }) => feed === 'comments')
    .flatMap((story) => entriesOf(story))
    .filter(({ type }) => deletions || type !== 'deletion')
    .sort((a, b) => b.created.getTime() - a.created.getTime())
}

/** One page in the NHS Choices comments format (Atom, RFC 4287, with its own extensions); null when there is no such page. */
export function renderCommentsPage(entries: readonly CommentEntry[], request: CommentsPage): string | null {
  const pages = Math.ceil(entries.length / PAGE_SIZE)
  if (request.page > pages) return null
  const shown = entries.slice((request.page - 1) * PAGE_SIZE, request.page * PAGE_SIZE)
  const updated = new Date(Math.max(...shown.map(({ changed }) => changed.getTime())))
  const xml = [
    '<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">',
    `<title type="text">${PROVIDER} - ${request.subject} - Page ${request.page} of ${pages}</title>`,
    `<id>uuid:00000000-0000-4000-8000-000000000001;id=${request.page}</id>`,
    `<rights type="text">© ${PROVIDER}</rights><updated>${ukTimestamp(updated)}</updated>`,
    '<category term="CommentsAndRatings" /><logo>https://feedback-provider.example/logo.png</logo>',
    `<author><name>${PROVIDER}</name><uri>https://feedback-provider.example</uri><email>feeds@feedback-provider.example</email></author>`,
    ...pageLinks(request, pages),
    `<tracking xmlns="${SERVICES}">&lt;img alt="" src="https://feedback-provider.example/stats.gif?a=1&amp;amp;b=2"/&gt;</tracking>`,
    pages === 1 ? '<complete xmlns="http://purl.org/syndication/history/1.0" />' : '',
    ...shown.map((entry) => renderEntry(entry, request)),
    '</feed>',
  ].join('')
  // Every other page starts with a byte order mark.
  return request.page % 2 === 0 ? `\uFEFF${xml}` : xml
}

const SERVICES = 'http://syndication.nhschoices.nhs.uk/services'
const COMMENTS = 'http://syndication.nhschoices.nhs.uk/schemas/comments'
const RATINGS = 'http://syndication.nhschoices.nhs.uk/schemas/ratingsandcomments'
const THREAD = 'http://purl.org/syndication/thread/1.0'

function entriesOf(story: Story): CommentEntry[] {
  if (story.deleted) return [{ type: 'deletion', story, created: story.deleted, changed: story.deleted }]
  const comment: CommentEntry = { type: 'comment', story, created: story.published, changed: story.updated }
  if (!story.reply) return [comment]
  const { published } = story.reply
  return [comment, { type: 'reply', story, created: published, changed: published }]
}

function pageLinks({ address, apiKey, page }: CommentsPage, pages: number): string[] {
  const link = (rel: string, target: number | null) => {
    const query = `apikey=${encodeURIComponent(apiKey)}${target === null ? '' : `&page=${target}`}`
    const href = escapeXml(`${address}?${query}`)
    return `<link rel="${rel}" type="application/atom+xml" title="${rel}" length="1000" href="${href}" />`
  }
  if (pages === 1) return [link('self', null)]
  return [
    link('self', page === 1 ? null : page),
    link('first', 1),
    page > 1 ? link('prev', page - 1) : '',
    page < pages ? link('next', page + 1) : '',
    link('last', pages),
  ]
}

function renderEntry({ type, story, created, changed }: CommentEntry, request: CommentsPage): string {
  const id = type === 'reply' ? (story.reply?.id ?? '') : String(story.id)
  const title = titleOf(type, story)
  const author = { comment: story.author, reply: story.organisation.name, deletion: PROVIDER }[type]
  const winter = story.id % 2 ? 'Z' : '+00:00'
  return [
    `<entry><id>${id}</id><title type="text">${title}</title>`,
    `<published>${ukTimestamp(created, winter)}</published><updated>${ukTimestamp(changed, winter)}</updated>`,
    `<author><name>${escapeXml(author)}</name></author>`,
    ...entryLinks(id, title, story, request),
    `<category term="${type}" label="Whether this is a comment, reply or deletion" scheme="commentType" />`,
    contentOf(type, story),
    type === 'reply' ? inReplyTo(story, request) : '',
    type === 'comment' ? ratings(story.ratings) : '',
    // Replies have carried the comment's id here, or nothing.
    `<postingid xmlns="${COMMENTS}">${type === 'reply' && story.id % 2 ? '' : story.id}</postingid>`,
    `<postingorganisationid xmlns="${COMMENTS}">${story.postingOrganisation}</postingorganisationid>`,
    type === 'deletion' ? '' : attribution(type, story, created),
    '</entry>',
  ].join('')
}

/** A comment's title is escaped twice where it needs escaping at all, as the original's sometimes were. */
function titleOf(type: CommentEntry['type'], story: Story): string {
  if (type === 'deletion') return `Item ${story.id} deleted`
  return escapeXml(type === 'reply' ? `${story.organisation.name} replies:` : escapeXml(story.title))
}

function entryLinks(id: string, title: string, story: Story, { address, apiKey }: CommentsPage): string[] {
  const { origin } = new URL(address)
  const key = encodeURIComponent(apiKey)
  const about = organisationAddress(address, story)
  const related = (linkTitle: string, href: string) =>
    `<link rel="related" type="application/xhtml+xml" title="${linkTitle}" length="1000" href="${escapeXml(href)}" />`
  const service =
    story.service && `${origin}/services/types/${story.service.code}/co${story.id}?apikey=${key}`
  return [
    related('Organisation commented on', `${about}?apikey=${key}`),
    service ? related(escapeXml(story.service?.name ?? ''), service) : '',
    `<link rel="self" type="application/xhtml+xml" title="${title}" length="1000" href="${about}/comments/${id}?apikey=${key}" />`,
    `<link rel="alternate" type="text/html" title="Original comment" length="1000" href="https://feedback-provider.example/reviews?id=${story.organisation.ods}" />`,
  ]
}

function contentOf(type: CommentEntry['type'], story: Story): string {
  if (type === 'deletion') return '<content type="text">This item has been deleted.</content>'
  if (type === 'reply')
    return `<content type="text">${escapeXml(escapeXml(story.reply?.text ?? ''))}</content>`
  const parts = Object.entries(story.parts).map(([name, text]) =>
    text ? `<div id="${name}">${escapeXml(text)}</div>` : '',
  )
  if (!parts.some(Boolean)) return '<content type="xhtml"></content>'
  const tags = story.tags.map((tag) => {
    const href = `https://feedback-provider.example/reviews?id=${story.organisation.ods}&amp;tag=${encodeURIComponent(tag)}`
    return `<li class="commentTag"><a href="${href}">${escapeXml(tag)}</a></li>`
  })
  return `<content type="xhtml">${parts.join('')}<div id="commentTags"><ul>${tags.join('')}</ul></div></content>`
}

function inReplyTo(story: Story, { address, apiKey }: CommentsPage): string {
  const href = `${organisationAddress(address, story)}/comments/${story.id}?apikey=${encodeURIComponent(apiKey)}`
  return `<in-reply-to ref="${story.id}" type="xhtml" href="${escapeXml(href)}" postingid="${story.id}" postingorganisationid="${story.postingOrganisation}" xmlns="${THREAD}" />`
}

function ratings(given: readonly Rating[]): string {
  const rendered = given.map(({ question, answer, type, value }) => {
    const range = type === 'Scale' ? ' minValue="1" maxValue="5"' : ''
    return `<rating><questionText>${escapeXml(question)}</questionText><answerText>${escapeXml(answer)}</answerText><answerMetric value="${value}" type="${type}"${range} /></rating>`
  })
  return `<ratings xmlns="${RATINGS}">${rendered.join('')}</ratings>`
}

function attribution(type: 'comment' | 'reply', story: Story, created: Date): string {
  const posted = `Posted on ${ukDate(created).day} using ${PROVIDER}`
  const visited = `Visited in ${story.saysMonth ? ukDate(story.published).month : ''}. `
  return `<commentattribution xmlns="${COMMENTS}">${type === 'comment' ? visited : ''}${posted}</commentattribution>`
}

function organisationAddress(address: string, { organisation }: Story): string {
  return `${new URL(address).origin}/organisations/hospitals/${organisation.choicesId}`
}
