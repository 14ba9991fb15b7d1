import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { parseAtomFeed, parseJsonFeed, parseRssFeed } from 'feedsmith'
import { RelaxNGValidator, XmlDocument } from 'libxml2-wasm'
import Parser from 'rss-parser'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { itemsIn, linkIn, walk } from './feed-reading.ts'
import { type Harness, PUBLIC_URL, publishedCase, staff, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'

const HUB = 'https://hub.example.org/?a=1&b=2'
const STORY = 'https://stories.example/story-1'
const FORMATS = ['atom', 'rss', 'json'] as const
const feedOf = (format: string) => `/v1/feeds/cases.${format}`

t.test('feeds in three formats', async (t) => {
  const harness = await startHarness(t, { hub: HUB })
  const { call, db } = harness
  const documents = await everythingOdd(harness)

  await t.test('each document is valid, as those who know nothing of us see it', async (t) => {
    const xml = { atom: grammar('atom'), rss: grammar('rss') }
    const json = jsonSchema()
    for (const format of FORMATS) {
      const pages = await walk(harness, feedOf(format))
      t.ok(pages.length >= 3)
      for (const { text, body } of pages) {
        if (format === 'json') t.ok(json(body), JSON.stringify(json.errors))
        else t.doesNotThrow(() => validate(xml[format], text), `${format}: ${text}`)
      }
    }
    // They would say no.
    const [atom, rss] = await Promise.all(
      ['atom', 'rss'].map(async (format) => (await call({ url: feedOf(format) })).text),
    )
    t.throws(() => validate(xml.atom, String(atom).replace(/<updated>[^<]*</, '<updated>yesterday<')))
    t.throws(() => validate(xml.rss, String(rss).replace(/<pubDate>[^<]*</, '<pubDate>2026-01-01<')))
    t.throws(() => validate(xml.rss, String(rss).replace(/<link>[^<]*<\/link>/, '')))
    t.notOk(json({ version: 'https://jsonfeed.org/version/1.1', title: 'x', items: [{ id: 'x' }] }))
  })

  await t.test('what the grammar of Atom cannot say holds too', async (t) => {
    for (const { text } of await walk(harness, feedOf('atom'))) {
      for (const entry of text.split('<entry>').slice(1)) {
        t.match(entry, '<author><name>', 'each entry has its author')
        t.equal(entry.match(/rel="alternate"/g)?.length, 1)
      }
      const ids = [...text.matchAll(/<id>([^<]+)<\/id>/g)].map(([, id]) => id)
      t.equal(new Set(ids).size, ids.length, 'no id twice in a document')
    }
  })

  await t.test('other people’s readers read back what there is', async (t) => {
    const [atom, rss, json] = await Promise.all(FORMATS.map((format) => call({ url: feedOf(format) })))
    const fromAtom = parseAtomFeed(String(atom?.text))
    const fromRss = parseRssFeed(String(rss?.text))
    const fromJson = parseJsonFeed(json?.body)
    const shown = itemsIn(String(atom?.text))
    const all = [...shown.stories, ...shown.replies].length
    t.same([fromAtom.entries?.length, fromRss.items?.length, fromJson.items?.length], [all, all, all])
    const reference = documents.pushed
    const theCase = (await call({ url: `/v1/cases/${reference}` })).body
    const id = `tag:api.test.example,2026:case:${reference}`
    const entry = fromAtom.entries?.find((one) => one.id === id)
    t.match(entry, {
      title: { value: 'A "quoted" & <b>bold</b> title' },
      content: { value: theCase.text },
      updated: theCase.updatedAt,
      published: theCase.reportedAt,
      authors: [{ name: 'Anonymous' }],
      categories: [{ term: 'other' }, { term: 'T01', label: 'Example Trust One' }, { term: 'feedback' }, {}],
    })
    t.ok(entry?.links?.some(({ rel, href }) => rel === 'via' && href === STORY))
    const item = fromRss.items?.find(({ guid }) => guid?.value === id)
    t.match(item, {
      title: 'A "quoted" & <b>bold</b> title',
      link: `${PUBLIC_URL}/v1/cases/${reference}`,
      guid: { isPermaLink: false },
      dc: { creators: ['Anonymous'] },
      source: { title: 'Example Source', url: STORY },
    })
    t.equal(
      new Date(String(item?.pubDate)).getTime(),
      Math.floor(Date.parse(theCase.reportedAt) / 1000) * 1000,
    )
    t.match(
      fromJson.items?.find((one) => one.id === id),
      {
        url: `${PUBLIC_URL}/v1/cases/${reference}`,
        external_url: STORY,
        title: 'A "quoted" & <b>bold</b> title',
        content_text: theCase.text,
        date_published: theCase.reportedAt,
        date_modified: theCase.updatedAt,
        authors: [{ name: 'Anonymous' }],
        tags: ['other', 'feedback', 'no_action_needed'],
      },
    )
    const reply = fromAtom.entries?.find((one) => one.thr?.inReplyTos?.some(({ ref }) => ref === id))
    t.match(reply, {
      title: { value: 'Answer from Example Trust One' },
      content: { value: 'Thanks. (Invented.)' },
    })

    t.match(fromRss, { title: 'Care Connect: published cases', description: /./, lastBuildDate: / GMT$/ })
    t.match(fromJson, { title: 'Care Connect: published cases', hubs: [{ type: 'WebSub', url: HUB }] })
    for (const links of [fromAtom.links, fromRss.atom?.links])
      t.same(
        ['self', 'hub', 'prev-archive'].map((rel) => links?.some((link) => link.rel === rel)),
        [true, true, true],
      )
    for (const { text } of [atom, rss] as { text: string }[])
      t.equal((await new Parser().parseString(text)).items.length, all)
  })

  await t.test('our own reader finds the same in each: another Care Connect can take them in', async (t) => {
    for (const page of [0, 1]) {
      const [atom, rss, json] = await Promise.all(
        FORMATS.map(async (format) => {
          const { text } = (await walk(harness, feedOf(format)))[page] as { text: string }
          const { stories, replies } = itemsIn(text, format)
          return { stories: stories.map(comparable), replies: replies.map(comparable) }
        }),
      )
      t.ok(atom?.replies.length)
      t.strictSame(rss, atom)
      t.strictSame(json, atom)
    }
  })

  await t.test('JSON Feed says what is gone, and where a case stands in the log', async (t) => {
    await removed(harness, documents.pushed)
    await indexCases(db)
    const { body } = await call({ url: feedOf('json') })
    const ids = body._care_connect.gone.map(({ id }: { id: string }) => id)
    t.ok(ids.includes(`tag:api.test.example,2026:case:${documents.pushed}`))
    t.ok(ids.some((id: string) => id.includes(':response:')))
    const positions = body.items.map(
      (item: { _care_connect: { position: number } }) => item._care_connect.position,
    )
    t.same(
      positions,
      [...positions].sort((one, other) => other - one),
      'what changed last first',
    )
    const { text } = await call({ url: feedOf('rss') })
    t.notMatch(text, documents.pushed, 'in RSS it is just not there')
  })

  await t.test('archive pages lead to each other, and are not topics of the hub', async (t) => {
    for (const format of FORMATS) {
      const [newest, first, second] = await walk(harness, feedOf(format))
      const linksOf = (page: typeof newest) =>
        format === 'json'
          ? {
              self: page?.body.feed_url,
              older: page?.body.next_url,
              newer: page?.body._care_connect.next_archive ?? undefined,
              hub: page?.body.hubs?.[0].url,
            }
          : {
              self: linkIn(String(page?.text), 'self'),
              older: linkIn(String(page?.text), 'prev-archive'),
              newer: linkIn(String(page?.text), 'next-archive'),
              hub: linkIn(String(page?.text), 'hub'),
            }
      t.equal(linksOf(newest).older, linksOf(first).self)
      t.equal(linksOf(second).newer, linksOf(first).self)
      t.same(
        [newest, first, second].map((page) => linksOf(page).hub),
        [HUB, undefined, undefined],
      )
      t.equal(first?.headers.link, undefined)
      t.match(
        first?.headers['content-type'],
        format === 'json' ? 'application/feed+json' : `application/${format}+xml`,
      )
      refused(t, await call({ url: `/v1/feeds/archives/999/cases.${format}` }), 404, 'not_found')
      refused(
        t,
        await call({ url: `/v1/feeds/archives/1/cases.${format}?limit=3` }),
        400,
        'validation_failed',
      )
      refused(t, await call({ url: `${feedOf(format)}?organisation=NONE` }), 400, 'validation_failed')
    }
  })

  await t.test('what somebody has is not sent again', async (t) => {
    for (const url of [
      ...FORMATS.map(feedOf),
      '/v1/feeds/archives/1/cases.rss',
      '/v1/feeds/archives/1/cases.json',
    ]) {
      const { headers } = await call({ url })
      t.equal((await call({ url, headers: { 'if-none-match': String(headers.etag) } })).status, 304)
    }
  })
})

/** Cases with all that is odd, those of a source and those of our own, so many that there are archive pages. */
async function everythingOdd(harness: Harness): Promise<{ pushed: string }> {
  const { db, call, keys } = harness
  const { body } = await call({
    method: 'POST',
    url: '/v1/sources/pushed/items',
    key: keys.feed_provider,
    body: {
      items: [
        {
          type: 'story',
          organisation: 'T01',
          title: 'A "quoted" & <b>bold</b> title',
          text: 'They were kind.\n\nAll of them & <more>. (Invented.)',
          externalId: 'story-1',
          link: STORY,
          publishedAt: '2026-11-01T10:00:00Z',
        },
        {
          type: 'reply',
          organisation: 'T01',
          externalId: 'answer-1',
          inReplyTo: 'story-1',
          text: 'Thanks. (Invented.)',
          link: `${STORY}#answer`,
        },
      ],
    },
  })
  const pushed = body.items[0].reference
  await makeCases(db, [
    odd('Plain', 'Words. (Invented.)'),
    odd(null, 'a < b && c > d ]]> <script>alert(1)</script> &amp; é 😀. (Invented.)', 'cy'),
    odd('Line\nbreaks\tand  blanks', 'One\r\ntwo\rthree\n\n\nfour. (Invented.)', 'en-GB'),
    odd('Signs \u0001\u0008\u001f\ufffe', 'End \u000b\u007f. (Invented.)'),
    ...Array.from({ length: 430 }, (_, n) =>
      odd(`Title ${n}`, `Text ${n}. (Invented.)`, null, n % 9 === 0 ? `Answer ${n}. (Invented.)` : null),
    ),
  ])
  await indexCases(db)
  await publishedCase(harness, { privacy: 'named', organisation: 'T0101' })
  await decide(harness, pushed, {
    action: 'publish',
    reason: 'fit_to_publish',
    moderatedTitle: 'A "quoted" & <b>bold</b> title',
    moderatedText: 'They were kind.\n\nAll of them & <more>. (Invented.)',
  })
  await indexCases(db)
  return { pushed }
}

function odd(
  title: string | null,
  text: string,
  language: string | null = null,
  response: string | null = null,
): MadeCase {
  return {
    organisation: 'T01',
    kind: 'question',
    category: 'staff',
    status: 'open',
    publication: 'published',
    privacy: 'anonymous',
    language,
    title,
    text,
    response,
    reportedAt: new Date('2026-01-01T00:00:00.000Z'),
  }
}

async function removed(harness: Harness, reference: string): Promise<void> {
  await decide(harness, reference, { action: 'remove', reason: 'vexatious' })
}

async function decide({ call, keys }: Harness, reference: string, decision: object): Promise<void> {
  const { body } = await call({ url: `/v1/cases/${reference}`, key: keys.case_handler })
  const answer = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/decisions`,
    key: keys.case_handler,
    headers: staff(body.version),
    body: decision,
  })
  if (answer.status !== 201) throw new Error(answer.text)
}

// RSS has whole seconds; in its titles and those of JSON Feed our reader takes tags for markup; in Atom it has the language of the whole entry only.
function comparable<
  T extends {
    publishedAt: string | null
    updatedAt: string | null
    language?: unknown
    title?: string | null
  },
>(item: T): object {
  const { publishedAt, language: _language, title, ...others } = item
  return { ...others, title: title?.replace(/<\/?b>/g, ''), publishedAt: publishedAt?.slice(0, 19) }
}

const schemas = join(import.meta.dirname, '../feeds/schemas')

function grammar(name: 'atom' | 'rss'): RelaxNGValidator {
  return RelaxNGValidator.fromDoc(XmlDocument.fromString(readFileSync(join(schemas, `${name}.rng`), 'utf8')))
}

function validate(by: RelaxNGValidator, text: string): void {
  const document = XmlDocument.fromString(text)
  try {
    by.validate(document)
  } finally {
    document.dispose()
  }
}

function jsonSchema() {
  const ajv = new Ajv({ strict: false })
  addFormats.default(ajv)
  return ajv.compile(JSON.parse(readFileSync(join(schemas, 'json-feed.json'), 'utf8')))
}
