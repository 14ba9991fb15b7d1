import Parser from 'rss-parser'
import t from 'tap'
import type { Reading } from '../../connectors/connector.ts'
import { feed } from '../../connectors/feed.ts'
import { indexCases } from '../../domain/case-index.ts'
import type { Story } from '../../domain/items.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, PUBLIC_URL, publishedCase, startHarness } from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'
import { makeMap, onMap } from './map-cases.ts'

const FEED = '/v1/feeds/cases.atom'

t.test('the Atom feed', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness

  await t.test('of nothing is a feed without entries', async (t) => {
    const { text, headers } = await call({ url: FEED })
    t.equal(headers['content-type'], 'application/atom+xml; charset=utf-8')
    t.same(read(text).entries, [])
    t.match(text, '<updated>2')
    t.notMatch(text, 'rel="next"')
  })

  await t.test('an entry is read back by our own reader of feeds', async (t) => {
    const { reference } = await publishedCase(harness, { privacy: 'named', organisation: 'T0101' })
    const { body } = await call({ url: `/v1/cases/${reference}` })
    const { text } = await call({ url: FEED })
    t.strictSame(stories(text), [
      {
        type: 'story',
        externalId: `tag:api.test.example,2026:case:${reference}`,
        title: 'Concern about Example Site',
        text: 'They waited for hours. (Invented.)',
        authorName: 'Invented Person',
        publishedAt: body.reportedAt,
        updatedAt: body.updatedAt,
        link: `${PUBLIC_URL}/v1/cases/${reference}`,
        organisations: [{ scheme: 'ods', code: 'T0101' }],
        service: null,
        visitMonth: null,
        tags: ['delays', 'concern', 'open'],
        ratings: [],
        position: { latitude: 51.51, longitude: -0.1 },
        language: null,
        warnings: [],
      },
    ])
    t.match(text, '<georss:point>51.51 -0.1</georss:point>', 'latitude first')
    t.match(
      text,
      `<updated>${body.updatedAt}</updated>\n<generator>`,
      'the feed is as new as what is newest in it',
    )
    const [listed] = (await call({ url: '/v1/categories' })).body.items.filter(
      ({ code }: { code: string }) => code === 'delays',
    )
    t.match(text, `<category term="delays" scheme="${PUBLIC_URL}/v1/categories" label="${listed.label}"/>`)

    const parsed = await new Parser().parseString(text)
    t.match(parsed, {
      title: 'Care Connect: published cases',
      items: [{ title: 'Concern about Example Site', author: 'Invented Person', isoDate: body.reportedAt }],
    })
  })

  await t.test('any text is text', async (t) => {
    const made = (title: string | null, text: string, language: string | null = null): MadeCase => ({
      organisation: 'AMP',
      kind: 'question',
      category: 'staff',
      status: 'open',
      publication: 'published',
      privacy: 'anonymous',
      language,
      title,
      text,
      response: null,
      reportedAt: new Date('2026-01-01T00:00:00.250Z'),
    })
    await db.prisma.organisation.create({
      data: { code: 'AMP', name: 'Fish & Chips "Ward" <1>', kind: 'trust' },
    })
    await makeCases(db, [
      made(
        '<b>Bold</b> & "quoted"',
        'a < b && c > d ]]> <script>alert(1)</script> &amp; é 😀. (Invented.)',
        'cy',
      ),
      made(null, 'Control\u0001\u0008\u000b\u001f\u007f\ufffe\uffff end.\r\nNext\tline. (Invented.)'),
    ])
    const { text } = await call({ url: `${FEED}?organisation=AMP` })
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    t.notMatch(text, /[\u0001\u0008\u000b\u001f\ufffe\uffff]/)
    const [second, first] = stories(text)
    t.match(first, {
      title: '<b>Bold</b> & "quoted"',
      text: 'a < b && c > d ]]> <script>alert(1)</script> &amp; é 😀. (Invented.)',
      language: null,
      authorName: null,
      position: null,
      publishedAt: '2026-01-01T00:00:00.250Z',
    })
    t.match(text, '<content type="text" xml:lang="cy">')
    t.match(second, {
      title: 'Question about Fish & Chips "Ward" <1>',
      text: /^Control end\.\nNext\sline\. \(Invented\.\)$/,
    })
    t.match(text, '<author><name>Anonymous</name></author>')
    t.equal((await new Parser().parseString(text)).items.length, 2, 'a strict parser takes it')
  })

  const cases = await makeMap(db, 120)
  await indexCases(db)
  const published = cases.filter(({ publication }) => publication === 'published').length + 3

  await t.test('its pages are all published cases, newest first, and one feed', async (t) => {
    const pages: Answer[] = []
    for (let url: string | null = `${FEED}?limit=40`; url !== null; ) {
      const page: Answer = await call({ url })
      const { next } = read(page.text)
      const [, header = null] = /^<(.+)>; rel="next"$/.exec(String(page.headers.link ?? '')) ?? []
      t.equal(header, next)
      pages.push(page)
      url = next?.slice(PUBLIC_URL.length) ?? null
    }
    const found = pages.flatMap(({ text }) => stories(text).map(({ link }) => link?.split('/').at(-1)))
    t.equal(found.length, published)
    t.same(
      found.slice(0, 100),
      (await call({ url: '/v1/cases?limit=100' })).body.items.map(
        (one: { reference: string }) => one.reference,
      ),
    )
    for (const { text } of pages) {
      t.match(text, `<id>${PUBLIC_URL}${FEED}</id>`)
      t.match(text, `<link rel="first" type="application/atom+xml" href="${PUBLIC_URL}${FEED}?limit=40"/>`)
    }
    t.match(
      pages[0]?.text,
      `<link rel="self" type="application/atom+xml" href="${PUBLIC_URL}${FEED}?limit=40"/>`,
    )
    const placed = pages.flatMap(({ text }) => stories(text)).filter(({ position }) => position !== null)
    t.equal(placed.length, onMap(cases).length + 1)
  })

  await t.test('it takes the filters of the list, and no others', async (t) => {
    for (const query of [
      'kind=concern&kind=question&category=food',
      'status=open&bbox=-1,51,1,52',
      'near=-0.12,51.5&radius=5000',
      'polygon=-1,51,1,51,1,52,-1,52',
      'reportedFrom=2026-01-02T00:00:00Z&reportedTo=2026-01-03T00:00:00%2B01:00',
      'organisation=FIJI&organisation=LEEDS&q=hours',
    ]) {
      const { body } = await call({ url: `/v1/cases?limit=100&${query}` })
      const { text } = await call({ url: `${FEED}?limit=100&${query}` })
      t.ok(body.items.length > 0, query)
      t.same(
        stories(text).map(({ link }) => link),
        body.items.map(({ url }: { url: string }) => url),
      )
      const self = /<link rel="self" type="application\/atom\+xml" href="([^"]+)"/
        .exec(text)?.[1]
        ?.replaceAll('&amp;', '&')
      const again = await call({ url: String(self).slice(PUBLIC_URL.length) })
      t.equal(again.text, text, 'its own address leads to it')
    }
    for (const query of [
      'limit=101',
      'limit=0',
      'after=x',
      'view=mine',
      'colour=blue',
      'bbox=1,2,3',
      'organisation=NONE',
    ])
      refused(t, await call({ url: `${FEED}?${query}` }), 400, 'validation_failed')
  })

  await t.test('what the public does not read is not in it', async (t) => {
    const { reference } = await createCase(harness, { organisation: 'T02' })
    const { text } = await call({ url: `${FEED}?organisation=T02` })
    t.notMatch(text, reference)
    t.same(stories(text), [])
  })

  await t.test('what somebody has is not sent again', async (t) => {
    const { headers } = await call({ url: `${FEED}?limit=5` })
    t.equal(
      (await call({ url: `${FEED}?limit=5`, headers: { 'if-none-match': String(headers.etag) } })).status,
      304,
    )
  })
})

const settings = { organisationCategory: { domain: `${PUBLIC_URL}/v1/organisations`, scheme: 'ods' } }

function read(text: string): Reading {
  const document = {
    bytes: Buffer.from(text),
    contentType: 'application/atom+xml; charset=utf-8',
    status: 200,
    url: `${PUBLIC_URL}${FEED}`,
  }
  const reading = feed.read(document, settings)
  if ('failure' in reading) throw new Error(reading.detail)
  if (reading.warnings.length > 0) throw new Error(reading.warnings.join())
  return reading
}

function stories(text: string): Story[] {
  return read(text).entries.map((entry) => {
    if (!('item' in entry) || entry.item.type !== 'story') throw new Error(JSON.stringify(entry))
    return entry.item
  })
}
