import { get } from 'node:http'
import { DomUtils, parseDocument } from 'htmlparser2'
import t from 'tap'
import { grow } from '../../examples/provider/growth.ts'
import { ORGANISATIONS } from '../../examples/provider/organisations.ts'
import { type Provider, type ProviderOptions, startProvider } from '../../examples/provider/server.ts'
import { pastStories, type Story, seededRandom } from '../../examples/provider/stories.ts'

const NOW = new Date('2024-11-20T12:00:00Z')
const COMMENTS = '/organisations/hospitals/comments.atom?apikey=K%26Y'

t.test('sixty days hold about sixty stories of all trusts, each marked as invented', async (t) => {
  const stories = pastStories('care-connect', NOW)
  t.ok(stories.length >= 59 && stories.length <= 60)
  t.equal(new Set(stories.map(({ organisation }) => organisation.ods)).size, 18)
  t.equal(new Set(stories.map(({ topic }) => topic.name)).size, 7)
  t.equal(new Set(stories.map(({ id }) => id)).size, stories.length)
  for (const { parts, title, reply, published } of stories) {
    const text = Object.values(parts).join(' ')
    t.match(title === 'Rating without comment' ? '(Invented example.)' : text, '(Invented example.)')
    if (reply) t.match(reply.text, /Patient Experience Team \(Invented example\.\)$/)
    t.ok(published <= NOW && published.getTime() > NOW.getTime() - 61 * 86_400_000)
  }
})

t.test('the past is the same after a restart, and a day later only a day longer', async (t) => {
  const stories = pastStories('care-connect', NOW)
  t.same(pastStories('care-connect', NOW), stories)
  const later = pastStories('care-connect', new Date(NOW.getTime() + 86_400_000))
  const known = new Map(stories.map((story) => [story.id, story.published.getTime()]))
  const again = later.filter(({ id, published }) => known.get(id) === published.getTime())
  t.ok(again.length >= stories.length - 2)
  t.notSame(pastStories('another', NOW), stories)
})

t.test('it grows by a story each time, and now and then by a reply, an edit or a deletion', async (t) => {
  const random = seededRandom('growth')
  let stories: Story[] = pastStories('care-connect', NOW)
  const before = stories
  for (let step = 1; step <= 100; step++) stories = grow(stories, random, new Date(NOW.getTime() + step))
  t.equal(stories.length, before.length + 100)
  t.equal(new Set(stories.map(({ id }) => id)).size, stories.length, 'no id twice, even within a second')
  const isNew = (time: Date | null | undefined) => Boolean(time && time > NOW)
  t.ok(stories.some(({ reply }) => isNew(reply?.published)))
  t.ok(stories.some(({ updated, published }) => isNew(updated) && updated > published))
  t.ok(stories.some(({ deleted }) => isNew(deleted)))
})

t.test('the comments feed is paged in the NHS Choices format', async (t) => {
  const { url } = await provider(t)
  const stories = pastStories('care-connect', NOW).filter(
    ({ feed, deleted }) => feed === 'comments' && !deleted,
  )
  const pages = await allPages(url + COMMENTS)
  const entries = pages.flatMap(({ document }) => elements(document, 'entry'))
  const types = entries.map((entry) => elements(entry, 'category')[0]?.attribs.term)
  t.equal(count(types, 'comment'), stories.length)
  t.equal(count(types, 'reply'), stories.filter(({ reply }) => reply).length)
  t.ok(count(types, 'reply') > 5)
  t.equal(count(types, 'deletion'), 0)

  t.ok(pages.length > 2)
  for (const [place, page] of pages.entries()) {
    t.equal(page.body.startsWith('\uFEFF'), place % 2 === 1, 'every other page has a byte order mark')
    t.match(
      text(page.document, 'title'),
      `(invented examples) - Comments - Page ${place + 1} of ${pages.length}`,
    )
    for (const link of elements(page.document, 'link')) t.notMatch(link.attribs.href, '.atom')
  }
})

t.test('entries have the habits of the original', async (t) => {
  const { url } = await provider(t)
  const entries = (await allPages(url + COMMENTS)).flatMap(({ document }) => elements(document, 'entry'))
  const ids = entries.map((entry) => text(entry, 'id'))
  const choicesIds = new Set<string | undefined>()
  for (const [place, entry] of entries.entries()) {
    const about = elements(entry, 'link').find(({ attribs }) => attribs.title === 'Organisation commented on')
    const match = /\/organisations\/hospitals\/(\d+)\?apikey=K%26Y$/.exec(about?.attribs.href ?? '')
    choicesIds.add(match?.[1])
    for (const name of ['postingid', 'postingorganisationid', 'commentattribution']) {
      t.match(elements(entry, name)[0]?.attribs.xmlns, /schemas\/comments$/, name)
    }
    const answered = elements(entry, 'in-reply-to')[0]?.attribs.ref
    if (answered) t.ok(ids.indexOf(answered) > place, 'a reply comes before its comment')
  }
  t.same(
    [...choicesIds].sort(),
    ORGANISATIONS.map(({ choicesId }) => String(choicesId)),
  )
  const all = entries.map((entry) => DomUtils.getOuterHTML(entry, { xmlMode: true })).join('')
  for (const sign of [
    'type="Scale" minValue="1" maxValue="5"',
    '<questionText>Overall rating<',
    '<div id="liked">',
    '<div id="improved">',
    '<content type="xhtml"/>',
    'Visited in . Posted on',
    '&amp;amp;',
    '&amp;apos;',
    '/services/types/srv',
    '<postingid xmlns="http://syndication.nhschoices.nhs.uk/schemas/comments"/>',
    '+01:00<',
    '+00:00<',
    'Z<',
  ]) {
    t.ok(all.includes(sign), sign)
  }
})

t.test('what changed since a day lists deletions, and one page alone is complete', async (t) => {
  const { url } = await provider(t)
  const since = await allPages(`${url}/organisations/hospitals/commentssince/2024/9/20.atom?apikey=K`)
  const deleted = pastStories('care-connect', NOW).filter(
    (story) => story.feed === 'comments' && story.deleted,
  )
  const found = since
    .flatMap(({ document }) => elements(document, 'entry'))
    .filter((entry) => elements(entry, 'category')[0]?.attribs.term === 'deletion')
  t.same(found.map((entry) => text(entry, 'id')).sort(), deleted.map(({ id }) => String(id)).sort())
  t.ok(deleted.length > 0)
  t.match(text(since[0]?.document, 'title'), 'Comments Since 20 September 2024 - Page 1 of')

  const recent = await allPages(`${url}/organisations/hospitals/commentssince/2024/11/15.atom?apikey=K`)
  t.equal(recent.length, 1)
  t.match(
    elements(recent[0]?.document, 'complete')[0]?.attribs.xmlns,
    'http://purl.org/syndication/history/1.0',
  )
  t.same(
    elements(recent[0]?.document, 'link')
      .filter(({ parent }) => isFeed(parent))
      .map(({ attribs }) => attribs.rel),
    ['self'],
  )
})

t.test('the feed of stories is RSS 2.0 with places and ODS codes', async (t) => {
  const { url } = await provider(t)
  const { document, headers } = await ask(`${url}/stories.rss`)
  const items = elements(document, 'item')
  const stories = pastStories('care-connect', NOW).filter(({ feed, deleted }) => feed === 'rss' && !deleted)
  t.equal(items.length, stories.length)
  t.match(headers['content-type'], 'application/rss+xml')
  t.equal(text(document, 'ttl'), '1')
  for (const item of items) {
    const domain = 'https://feedback-provider.example/ods'
    const ods = elements(item, 'category').find(({ attribs }) => attribs.domain === domain)
    const trust = ORGANISATIONS.find((organisation) => ods && organisation.ods === DomUtils.textContent(ods))
    t.equal(text(item, 'georss:point'), `${trust?.latitude} ${trust?.longitude}`)
    t.match(text(item, 'description'), '(Invented example.)')
    t.ok(text(item, 'dc:creator'))
  }
})

t.test('both feeds answer 304 to who has them already', async (t) => {
  const { url } = await provider(t)
  for (const path of [COMMENTS, '/stories.rss']) {
    const { headers } = await ask(url + path)
    const etag = String(headers.etag)
    t.equal((await ask(url + path, { 'if-none-match': `"other", W/${etag}` })).status, 304)
    t.equal((await ask(url + path, { 'if-modified-since': String(headers['last-modified']) })).status, 304)
    t.equal((await ask(url + path, { 'if-none-match': '"other"' })).status, 200)
  }
})

t.test('it refuses as the original did', async (t) => {
  const { url } = await provider(t)
  const withoutAgent = await new Promise((resolve) =>
    get(url + COMMENTS, (answer) => resolve(answer.resume().statusCode)),
  )
  t.equal(withoutAgent, 403)
  const answers: [string, number][] = [
    ['/organisations/hospitals/comments.atom', 401],
    ['/organisations/hospitals/comments.atom?apikey=', 401],
    ['/organisations/clinics/comments.atom?apikey=K', 404],
    ['/organisations/hospitals/commentssince/2030/1/1.atom?apikey=K', 404],
    ['/organisations/hospitals/commentssince/2024/2/30.atom?apikey=K', 404],
    [`${COMMENTS}&page=99`, 404],
    [`${COMMENTS}&page=x`, 404],
    ['/', 404],
  ]
  for (const [path, status] of answers) {
    const answer = await ask(url + path)
    t.equal(answer.status, status, path)
    t.match(answer.headers['content-type'], 'text/html', path)
  }
  const suffixless = await ask(`${url}/organisations/hospitals/comments?apikey=K`, { accept: '*/*' })
  t.match(suffixless.headers['content-type'], 'text/html', 'without the suffix the format follows Accept')
})

t.test('it grows while it runs', async (t) => {
  const { url } = await provider(t, { growEveryMs: 5, now: () => new Date() })
  const first = (await ask(`${url}/stories.rss`)).headers.etag
  let grown = false
  for (let tries = 0; tries < 1_000 && !grown; tries++)
    grown = (await ask(`${url}/stories.rss`)).headers.etag !== first
  t.ok(grown)
})

type Document = ReturnType<typeof parseDocument>
type Element = ReturnType<typeof DomUtils.getElementsByTagName>[number]
type Teardown = { teardown: (stop: () => Promise<unknown>) => unknown }

let lastHost = 1

async function provider(t: Teardown, options: Partial<ProviderOptions> = {}): Promise<Provider> {
  const host = `127.0.1.${lastHost++}`
  const started = await startProvider({ port: 0, host, now: () => NOW, growEveryMs: 0, ...options })
  t.teardown(() => started.close())
  return started
}

async function ask(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers: { 'user-agent': 'test', ...headers } })
  const body = Buffer.from(await response.arrayBuffer()).toString('utf8')
  const document = parseDocument(body.replace(/^\uFEFF/, ''), { xmlMode: true })
  if (/xml/.test(response.headers.get('content-type') ?? '')) mustBeWellFormed(body)
  return { status: response.status, headers: Object.fromEntries(response.headers), body, document }
}

/** Follows `next` as a reader of this format does: with the suffix put back. */
async function allPages(url: string) {
  const pages: Awaited<ReturnType<typeof ask>>[] = []
  let next: string | undefined = url
  while (next) {
    const page = await ask(next)
    pages.push(page)
    const href = elements(page.document, 'link').find(({ attribs }) => attribs.rel === 'next')?.attribs.href
    next = href?.replace('?', '.atom?')
  }
  return pages
}

/** Every tag is closed in its order, and every ampersand starts an entity. */
function mustBeWellFormed(xml: string) {
  const open: string[] = []
  for (const [tag, name = ''] of xml.matchAll(/<([/!?]?[\w:-]+)(?:"[^"]*"|[^">])*>/g)) {
    if (name.startsWith('/')) {
      if (open.pop() !== name.slice(1)) throw new Error(`${tag} closes nothing`)
    } else if (!name.startsWith('?') && !tag.endsWith('/>')) open.push(name)
  }
  if (open.length > 0) throw new Error(`not closed: ${open}`)
  if (/&(?!(amp|lt|gt|quot|apos);)/.test(xml)) throw new Error('an ampersand that starts no entity')
}

function elements(within: Document | Element | undefined, name: string): Element[] {
  return within ? DomUtils.getElementsByTagName(name, within) : []
}

function text(within: Document | Element | undefined, name: string): string {
  const [first] = elements(within, name)
  return first ? DomUtils.textContent(first) : ''
}

function count(types: (string | undefined)[], type: string): number {
  return types.filter((other) => other === type).length
}

function isFeed(node: Element['parent']): boolean {
  return node !== null && 'name' in node && node.name === 'feed'
}
