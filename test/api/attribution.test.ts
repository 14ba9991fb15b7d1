import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { type Answer, type Harness, ORIGIN, startHarness } from './harness.ts'

const WORDS = { attribution: 'Shown by kind permission. (Invented.)', licence: 'CC BY 4.0' }
const SITE = 'https://stories.example/'
const STORY = 'https://stories.example/story-1'
const ANSWER = 'https://stories.example/story-1#answer'

/** What has to be said of the source, with where the thing itself is told there. */
const from = (link: string) => ({ name: 'pushed', title: 'Example Source', link, ...WORDS })

t.test('every representation of an item’s case says where it came from', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness
  const handler = { key: keys.case_handler }
  await describeSource(harness)
  const [story, plain] = await pushed(harness)
  const url = `/v1/cases/${story}`

  await t.test('before it is published: the stub, the queue and the view of staff', async (t) => {
    const stub = (await call({ url })).body
    t.match(stub, { view: 'stub' })
    t.same(stub.source, from(SITE), 'with the site, as the page tells what is withheld')
    const { items } = (await call({ url: '/v1/queue', ...handler })).body
    const waiting = items.map((item: { case: object }) => item.case).find(isOf(story))
    t.same(waiting.source, from(STORY))
    t.same(waiting.responses[0].source, from(ANSWER))
    t.same((await call({ url, ...handler })).body.source, from(STORY))
    t.same((await call({ url, key: keys.provider })).body.source, from(STORY))
  })

  await t.test('as a decision answers', async (t) => {
    t.same((await publish(harness, story)).body.source, from(STORY))
    const { body } = await call({
      method: 'POST',
      url: '/v1/decisions',
      ...handler,
      headers: { 'acting-user': 'person-1' },
      body: {
        decisions: [{ reference: plain, version: await versionOf(harness, plain), decision: decision() }],
      },
    })
    t.same(body.items[0].case.source, from(SITE), 'and without a page of its own, its source’s')
  })

  await t.test('in public: the list, the page, its answers and the map', async (t) => {
    const one = (await call({ url })).body
    t.match(one, { view: 'public' })
    t.same(one.source, from(STORY))
    t.same(one.responses[0].source, from(ANSWER))
    t.same((await call({ url: `/v1/cases/${plain}` })).body.source, from(SITE))
    const listed = (await call({ url: '/v1/cases?source=pushed' })).body.items
    t.same(
      listed.map(({ source }: { source: object }) => source),
      [from(SITE), from(STORY)],
    )
    const answers = (await call({ url: `${url}/responses` })).body.items
    t.same(answers[0].source, from(ANSWER))
    const { features } = (await call({ url: '/v1/geo-feed' })).body
    const feature = features.find(({ id }: { id: string }) => id === story)
    t.same(feature.properties.attribution, from(STORY))
  })

  await t.test('for standard clients: OGC API - Features and the Atom feed', async (t) => {
    const { features } = (await call({ url: '/ogc/collections/cases/items?source=pushed' })).body
    t.same(features.find(({ id }: { id: string }) => id === story).properties.attribution, from(STORY))
    const feature = (await call({ url: `/ogc/collections/cases/items/${plain}` })).body
    t.same(feature.properties.attribution, from(SITE))

    await indexCases(harness.db)
    const { text } = await call({ url: '/v1/feeds/cases.atom?source=pushed' })
    const entries = text.split('<entry>').slice(1)
    t.equal(entries.length, 3)
    for (const [n, link] of [SITE, STORY, ANSWER].entries()) {
      t.match(entries[n], `<link rel="via" href="${link}" title="Example Source"/>`)
      t.match(entries[n], `<rights>Example Source · ${WORDS.attribution} · ${WORDS.licence}</rights>`)
    }
  })

  await t.test('for those who work on it: the list, an update, an answer, a referral', async (t) => {
    for (const key of [keys.case_handler, keys.provider, keys.commissioner]) {
      const { items } = (await call({ url: '/v1/cases?source=pushed', key })).body
      t.same(items.find(isOf(story)).source, from(STORY))
      const one = (await call({ url, key })).body
      t.same([one.source, one.responses[0].source], [from(STORY), from(ANSWER)], one.view)
    }
    const changed = await write(harness, 'PATCH', url, { status: 'in_progress' })
    t.same(changed.body.source, from(STORY), changed.text)
    const answered = await write(harness, 'POST', `${url}/responses`, { text: 'Thank you. (Invented.)' })
    t.same(answered.body.case.source, from(STORY), answered.text)
    t.equal(answered.body.response.source, null, 'an answer given here is from no source')
  })

  await t.test('a source without a site and without words leaves them out, and says its name', async (t) => {
    const source = await version(harness, '/v1/sources/pushed', keys.administrator)
    await call({
      method: 'PATCH',
      url: '/v1/sources/pushed',
      key: keys.administrator,
      headers: { 'acting-user': 'admin-1', 'if-match': `"${source}"` },
      body: { siteUrl: null, attribution: null, licence: null },
    })
    const none = { name: 'pushed', title: 'Example Source', attribution: null, licence: null }
    t.same((await call({ url: `/v1/cases/${plain}` })).body.source, { ...none, link: null })
    t.same((await call({ url })).body.source, { ...none, link: STORY })
  })

  await t.test('a case that came to us directly is from no source, in each view', async (t) => {
    const created = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.integrator,
      body: {
        kind: 'feedback',
        organisation: 'T01',
        text: 'It was fine. (Invented.)',
        privacy: 'anonymous',
        acceptsTerms: true,
      },
    })
    const own = `/v1/cases/${created.body.reference}`
    const views = [
      await call({ url: own, headers: { origin: ORIGIN } }),
      await call({ url: own, key: keys.integrator }),
      await call({ url: own, headers: { 'case-receipt': created.body.receipt } }),
      await call({ url: own, ...handler }),
    ]
    t.same(
      views.map(({ body }) => [body.view, body.source]),
      [
        ['stub', null],
        ['own', null],
        ['reporter', null],
        ['staff', null],
      ],
    )
  })
})

/** The source as it wants to be named. */
async function describeSource({ call, keys }: Harness): Promise<void> {
  const { status, text } = await call({
    method: 'PATCH',
    url: '/v1/sources/pushed',
    key: keys.administrator,
    headers: { 'acting-user': 'admin-1', 'if-match': '"1"' },
    body: { siteUrl: SITE, ...WORDS },
  })
  if (status !== 200) throw new Error(text)
}

/** Two stories, one with a page of its own and an answer; their references. */
async function pushed({ call, keys }: Harness): Promise<[string, string]> {
  const story = { type: 'story', organisation: 'T01', text: 'They were kind. (Invented.)' }
  const { body } = await call({
    method: 'POST',
    url: '/v1/sources/pushed/items',
    key: keys.feed_provider,
    body: {
      items: [
        { ...story, externalId: 'story-1', link: STORY, publishedAt: '2026-11-01T10:00:00Z' },
        { ...story, externalId: 'story-2', publishedAt: '2026-11-02T10:00:00Z' },
        {
          type: 'reply',
          externalId: 'answer-1',
          inReplyTo: 'story-1',
          text: 'Thanks. (Invented.)',
          link: ANSWER,
        },
      ],
    },
  })
  return [body.items[0].reference, body.items[1].reference]
}

function decision(): object {
  return { action: 'publish', reason: 'fit_to_publish', moderatedText: 'They were kind. (Invented.)' }
}

async function publish(harness: Harness, reference: string): Promise<Answer> {
  const answer = await write(harness, 'POST', `/v1/cases/${reference}/decisions`, decision())
  if (answer.status !== 201) throw new Error(answer.text)
  return answer
}

/** A write by a case handler to a case, whatever its version. */
async function write(harness: Harness, method: 'POST' | 'PATCH', url: string, body: object): Promise<Answer> {
  const [, reference = ''] = /^\/v1\/cases\/([^/]+)/.exec(url) ?? []
  const headers = { 'acting-user': 'person-1', 'if-match': `"${await versionOf(harness, reference)}"` }
  return harness.call({ method, url, key: harness.keys.case_handler, headers, body })
}

async function versionOf(harness: Harness, reference: string): Promise<number> {
  return version(harness, `/v1/cases/${reference}`, harness.keys.case_handler)
}

async function version({ call }: Harness, url: string, key: string): Promise<number> {
  return (await call({ url, key })).body.version
}

function isOf(reference: string): (theCase: { reference: string }) => boolean {
  return (theCase) => theCase.reference === reference
}
