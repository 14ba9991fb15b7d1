import Parser from 'rss-parser'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { refused } from './answers.ts'
import { casesIn, itemsIn, linkIn, read, walk } from './feed-reading.ts'
import {
  type Answer,
  createCase,
  type Harness,
  PUBLIC_URL,
  publishedCase,
  staff,
  startHarness,
} from './harness.ts'
import { type MadeCase, makeCases } from './made-cases.ts'
import { makeMap } from './map-cases.ts'

const FEED = '/v1/feeds/cases.atom'
const tagOf = (reference: string) => `tag:api.test.example,2026:case:${reference}`

t.test('the Atom feed', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const feed = async (query = ''): Promise<Answer> => {
    await indexCases(db)
    return call({ url: `${FEED}${query}` })
  }

  await t.test('of nothing is a feed without entries', async (t) => {
    const { text, headers } = await feed()
    t.equal(headers['content-type'], 'application/atom+xml; charset=utf-8')
    t.same(read(text).entries, [])
    t.match(text, '<updated>2')
    t.notMatch(text, 'prev-archive')
    t.notMatch(text, 'rel="hub"')
    t.equal(headers.link, undefined)
  })

  await t.test('an entry is read back by our own reader of feeds', async (t) => {
    const { reference } = await publishedCase(harness, { privacy: 'named', organisation: 'T0101' })
    const { body } = await call({ url: `/v1/cases/${reference}` })
    const { text } = await feed()
    t.strictSame(itemsIn(text).stories, [
      {
        type: 'story',
        externalId: tagOf(reference),
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
    t.match(text, `<updated>${body.updatedAt}</updated>\n<generator>`, 'as new as what is newest in it')
    const [listed] = (await call({ url: '/v1/categories' })).body.items.filter(
      ({ code }: { code: string }) => code === 'delays',
    )
    t.match(text, `<category term="delays" scheme="${PUBLIC_URL}/v1/categories" label="${listed.label}"/>`)
    t.match(await new Parser().parseString(text), {
      title: 'Care Connect: published cases',
      items: [{ title: 'Concern about Example Site', author: 'Invented Person', isoDate: body.reportedAt }],
    })
  })

  await t.test('an answer is an entry of its own that names its case', async (t) => {
    const { reference, version } = await publishedCase(harness, { organisation: 'T01' })
    t.notMatch((await feed('?organisation=T01')).text, 'rel="replies"')
    const { response, version: after } = await answer(harness, reference, version)
    const { text } = await feed('?organisation=T01')
    const [reply, ...others] = itemsIn(text).replies
    t.same(others, [])
    t.match(reply, {
      externalId: `tag:api.test.example,2026:response:${response}`,
      inReplyTo: tagOf(reference),
      text: 'We are sorry. (Invented.)',
      authorName: 'Example Trust One',
      organisations: [{ scheme: 'ods', code: 'T01' }],
    })
    const replies = `${PUBLIC_URL}/v1/cases/${reference}/responses`
    t.match(text, `<link rel="replies" type="application/json" href="${replies}" thr:count="1"/>`)
    t.equal((await call({ url: replies.slice(PUBLIC_URL.length) })).status, 200, 'which is there')
    t.equal(itemsIn(text).stories[0]?.externalId, tagOf(reference), 'and its case has changed last')

    const decided = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses/${response}/decisions`,
      key: keys.case_handler,
      headers: staff(after),
      body: { action: 'remove', reason: 'vexatious' },
    })
    t.equal(decided.status, 201, decided.text)
    const { replies: left, deletions } = itemsIn((await feed('?organisation=T01')).text)
    t.same(left, [])
    t.same(
      deletions.map(({ externalId }) => externalId),
      [`tag:api.test.example,2026:response:${response}`],
      'a removed one is a tombstone',
    )
  })

  await t.test('a case that leaves the public is a tombstone with all its answers', async (t) => {
    const { reference, version } = await publishedCase(harness, { organisation: 'T02' })
    const { response, version: after } = await answer(harness, reference, version, keys.other_provider)
    await feed()
    const decided = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(after),
      body: { action: 'remove', reason: 'vexatious' },
    })
    t.equal(decided.status, 201, decided.text)
    for (const query of ['', '?organisation=T02', '?kind=concern&region=North']) {
      const { text } = await feed(query)
      t.notMatch(text, '<content type="text">We are sorry')
      const { stories, replies, deletions } = itemsIn(text)
      t.notOk(
        [...stories, ...replies].some((one) => one.externalId.includes(reference)),
        query,
      )
      const gone = deletions.map(({ externalId }) => externalId)
      t.ok(gone.includes(tagOf(reference)), `its case: ${query}`)
      t.ok(gone.includes(`tag:api.test.example,2026:response:${response}`), `its answer: ${query}`)
    }
    t.notMatch((await feed('?organisation=T01')).text, tagOf(reference), 'not where it has never been')
  })

  await t.test('a case that leaves the selection is a tombstone there, and an entry elsewhere', async (t) => {
    const { reference, version } = await publishedCase(harness, { organisation: 'T01', kind: 'feedback' })
    await feed()
    const changed = await call({
      method: 'PATCH',
      url: `/v1/cases/${reference}`,
      key: keys.case_handler,
      headers: staff(version),
      body: { category: 'food' },
    })
    t.equal(changed.status, 200, changed.text)
    const gone = itemsIn((await feed('?category=delays&organisation=T01')).text).deletions
    t.ok(gone.some(({ externalId }) => externalId === tagOf(reference)))
    t.match((await feed('?category=food')).text, `<id>${tagOf(reference)}</id>`)
  })

  await t.test('a case that another organisation takes over leaves the feed of the one before', async (t) => {
    const { reference, version } = await publishedCase(harness, { organisation: 'T01' })
    await feed()
    const referral = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/referrals`,
      key: keys.provider,
      headers: staff(version),
      body: { organisation: 'T02' },
    })
    t.equal(referral.status, 201, referral.text)
    const taken = itemsIn((await feed('?organisation=T02')).text).stories
    t.ok(taken.some(({ externalId }) => externalId === tagOf(reference)))
    const gone = itemsIn((await feed('?organisation=T01')).text).deletions
    t.ok(gone.some(({ externalId }) => externalId === tagOf(reference)))
  })

  await t.test('any text is text', async (t) => {
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
    const { text } = await feed('?organisation=AMP')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
    t.notMatch(text, /[\u0001\u0008\u000b\u001f\ufffe\uffff]/)
    const stories = itemsIn(text).stories
    t.match(
      stories.find(({ title }) => title?.startsWith('<b>')),
      {
        title: '<b>Bold</b> & "quoted"',
        text: 'a < b && c > d ]]> <script>alert(1)</script> &amp; é 😀. (Invented.)',
        authorName: null,
        position: null,
        publishedAt: '2026-01-01T00:00:00.250Z',
      },
    )
    t.match(text, '<content type="text" xml:lang="cy">')
    t.match(
      stories.find(({ title }) => title?.startsWith('Question')),
      {
        title: 'Question about Fish & Chips "Ward" <1>',
        text: /^Control end\.\nNext\sline\. \(Invented\.\)$/,
      },
    )
    t.match(text, '<author><name>Anonymous</name></author>')
    t.equal((await new Parser().parseString(text)).items.length, 2, 'a strict parser takes it')
  })

  await t.test('what the public does not read is not in it', async (t) => {
    const { reference } = await createCase(harness, { organisation: 'T02' })
    for (const { text } of await walk(harness, FEED)) t.notMatch(text, reference)
    t.notMatch((await feed('?organisation=T02')).text, reference)
  })

  await makeMap(db, 420)
  await indexCases(db)

  await t.test('its newest part and its archive pages are all that is published', async (t) => {
    const documents = await walk(harness, FEED)
    t.ok(documents.length >= 3, `${documents.length} documents`)
    t.same([...casesIn(documents)].sort(), await publishedReferences(harness))
    const [newest, first] = documents.map(({ text }) => text) as [string, string]
    t.notMatch(newest, '<fh:archive/>')
    for (const { text } of documents) {
      t.match(text, `<id>${PUBLIC_URL}${FEED}</id>`, 'they are one feed')
      t.notMatch(text, 'fh:complete')
    }
    for (const { text } of documents.slice(1)) {
      t.match(text, '<fh:archive/>')
      t.equal(linkIn(text, 'current'), `${PUBLIC_URL}${FEED}`)
    }
    t.equal(linkIn(newest, 'self'), `${PUBLIC_URL}${FEED}`)
    t.equal(linkIn(newest, 'prev-archive'), linkIn(first, 'self'))
    t.equal(linkIn(documents[2]?.text ?? '', 'next-archive'), linkIn(first, 'self'), 'and back')
    t.notMatch(documents.at(-1)?.text, 'prev-archive')
    t.ok(itemsIn(newest).stories.length >= 50)
  })

  await t.test('whoever walks meets every case, whatever is changed meanwhile', async (t) => {
    const before = await publishedReferences(harness)
    const moving = await db.prisma.case.findMany({
      where: { publication: 'published' },
      orderBy: { id: 'asc' },
      select: { id: true, reference: true, organisationId: true },
    })
    const documents = await walk(harness, FEED, async (n) => {
      // Old ones come to the top while the walk is on its way down to them.
      for (const { id, reference, organisationId } of moving.slice((n - 1) * 40, n * 40))
        await db.pool.query(
          `insert into events (type, case_id, case_reference, organisation_id, fields) values ('case.changed', $1, $2, $3, '{text}')`,
          [id, reference, organisationId],
        )
      await indexCases(db)
    })
    t.same([...casesIn(documents)].sort(), before)
    const top = itemsIn((await feed()).text).stories.map(({ externalId }) => externalId)
    t.ok(top.includes(tagOf(String(moving[0]?.reference))), 'what changed last is in the newest part')
  })

  await t.test('an archive page keeps what was in it, also what is gone', async (t) => {
    const page = '/v1/feeds/archives/1/cases.atom'
    const idsOf = (text: string) =>
      [...itemsIn(text).stories, ...itemsIn(text).deletions].map(({ externalId }) => externalId).sort()
    const before = (await call({ url: page })).text
    const some = itemsIn(before).stories.at(-1)?.externalId.split(':').at(-1)
    await db.pool.query(
      `with gone as (update cases set publication = 'removed' where reference = $1 returning *)
       insert into events (type, case_id, case_reference, organisation_id) select 'case.removed', id, reference, organisation_id from gone`,
      [some],
    )
    await indexCases(db)
    const after = (await call({ url: page })).text
    t.same(idsOf(after), idsOf(before))
    t.ok(itemsIn(after).deletions.some(({ externalId }) => externalId === tagOf(String(some))))
  })

  await t.test('it takes the filters of the list, and no others', async (t) => {
    for (const query of [
      'kind=concern&kind=question&category=food',
      'status=open&bbox=-1,51,1,52',
      'near=-0.12,51.5&radius=5000',
      'polygon=-1,51,1,51,1,52,-1,52',
      'reportedFrom=2026-01-02T00:00:00Z&reportedTo=2026-01-03T00:00:00%2B01:00',
      'organisation=FIJI&organisation=LEEDS&q=hours',
      'q=kind',
      'language=cy',
      'region=North',
    ]) {
      const listed = await publishedReferences(harness, query)
      t.ok(listed.length > 0, query)
      const documents = await walk(harness, `${FEED}?${query}`)
      t.same([...casesIn(documents)].sort(), listed, query)
      const self = String(linkIn(documents[0]?.text ?? '', 'self'))
      t.equal(
        (await call({ url: self.slice(PUBLIC_URL.length) })).text,
        documents[0]?.text,
        'its own address',
      )
    }
    for (const query of [
      'limit=10',
      'after=x',
      'view=mine',
      'colour=blue',
      'bbox=1,2,3',
      'organisation=NONE',
    ])
      refused(t, await call({ url: `${FEED}?${query}` }), 400, 'validation_failed')
    t.equal(
      linkIn((await feed('?organisation=t%2001')).text, 'self'),
      `${PUBLIC_URL}${FEED}?organisation=T01`,
    )
  })

  await t.test('it takes a saved query', async (t) => {
    const { body, status, text } = await call({
      method: 'POST',
      url: '/v1/queries',
      key: keys.supplier,
      body: { name: 'Food (invented)', view: 'public', filter: { category: ['food'], kind: ['concern'] } },
    })
    t.equal(status, 201, text)
    const documents = await walk(harness, `${FEED}?query=${body.id}`)
    t.same([...casesIn(documents)].sort(), await publishedReferences(harness, 'category=food&kind=concern'))
    t.equal(linkIn(documents[0]?.text ?? '', 'self'), `${PUBLIC_URL}${FEED}?query=${body.id}`)
    refused(t, await call({ url: `${FEED}?query=0000-0000-0000-0` }), 400, 'validation_failed')
  })

  await t.test('an archive page that is not whole, or none, is not there', async (t) => {
    for (const archive of ['999', '9007199254740991'])
      refused(t, await call({ url: `/v1/feeds/archives/${archive}/cases.atom` }), 404, 'not_found')
    for (const archive of ['0', '-1', 'x', '1.5'])
      refused(t, await call({ url: `/v1/feeds/archives/${archive}/cases.atom` }), 400, 'validation_failed')
  })

  await t.test('what somebody has is not sent again', async (t) => {
    for (const url of [
      FEED,
      '/v1/feeds/archives/1/cases.atom',
      `${FEED}?organisation=POLE&status=in_progress&q=nothing`,
    ]) {
      const { headers } = await call({ url })
      t.equal((await call({ url, headers: { 'if-none-match': String(headers.etag) } })).status, 304)
    }
  })
})

function made(title: string | null, text: string, language: string | null = null): MadeCase {
  return {
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
  }
}

async function answer({ call, keys }: Harness, reference: string, version: number, key = keys.provider) {
  const { body, status, text } = await call({
    method: 'POST',
    url: `/v1/cases/${reference}/responses`,
    key,
    headers: staff(version),
    body: { text: 'We are sorry. (Invented.)' },
  })
  if (status !== 201) throw new Error(text)
  return { response: body.response.reference as string, version: body.case.version as number }
}

/** Of the list, all its pages. */
async function publishedReferences({ call }: Harness, query = ''): Promise<string[]> {
  const found: string[] = []
  for (let after = ''; ; ) {
    const { body } = await call({ url: `/v1/cases?limit=100&${query}${after}` })
    found.push(...body.items.map(({ reference }: { reference: string }) => reference))
    if (body.next === null) return found.sort()
    after = `&after=${body.next}`
  }
}
