import t, { type Test } from 'tap'
import type { SourceDraft } from '../../domain/sources.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { storedCases } from '../domain/ingest-store.ts'
import { atom, polledSource, pollSetting, rss, runsOf, send, sourceRow } from './poll-setting.ts'

const MINUTE = 60_000
const COMPLETE = '<complete xmlns="http://purl.org/syndication/history/1.0"/>'

t.test('what is gone from a full listing twice is taken back and counted', async (t) => {
  const { answer, poll, publications } = await listing(t)
  answer.body = rss(['a', 'b', 'c'])
  await poll()
  answer.body = rss(['a', 'b'])
  t.match(await poll(), { deleted: 0 })
  answer.body = rss(['a', 'b', 'd'])
  t.match(await poll(), { outcome: 'changed', created: 1, deleted: 1 })
  answer.body = rss(['a', 'b', 'c', 'd'])
  t.match(await poll(), { created: 0, deleted: 0 })
  t.same(await publications(), { a: 'published', b: 'published', c: 'removed', d: 'published' })
})

t.test('the same listing again is a second time, by its bytes and by a 304', async (t) => {
  for (const etag of [null, '"one"']) {
    const { answer, poll, publications } = await listing(t)
    answer.etag = etag
    answer.body = rss(['a', 'b'])
    await poll()
    answer.etag = etag && '"two"'
    answer.body = rss(['a'])
    t.match(await poll(), { deleted: 0 })
    t.match(await poll(), { outcome: 'changed', deleted: 1, pages: 0 })
    t.match(await poll(), { outcome: etag === null ? 'unchanged' : 'not-modified', deleted: 0 })
    t.same(await publications(), { a: 'published', b: 'removed' })
  }
})

t.test('a document that says itself that it is complete is a full listing', async (t) => {
  const { answer, poll, publications } = await listing(t, { fullListing: false })
  const feed = (ids: string[]) => atom(ids, null, COMPLETE).replaceAll('tag:stories.example,2026:', '')
  answer.body = feed(['a', 'b'])
  await poll()
  answer.body = feed(['a'])
  await poll()
  t.match(await poll(), { deleted: 1 })
  t.same(await publications(), { a: 'published', b: 'removed' })
})

t.test('a source that does not say so loses nothing', async (t) => {
  const { answer, poll, publications } = await listing(t, { fullListing: false })
  answer.body = rss(['a', 'b'])
  await poll()
  for (let time = 0; time < 3; time++) {
    answer.body = rss(['a', `c${time}`])
    await poll()
  }
  t.match(await publications(), { a: 'published', b: 'published' })
})

t.test('a walk that was cut, has failed or has led in a circle is no listing', async (t) => {
  const { answer, poll, publications } = await listing(t)
  answer.body = rss(['a', 'b'])
  await poll()
  const partly = [
    rss(['a'], { end: '<item><guid>' }),
    '<!doctype html><html><body>Maintenance</body></html>',
    atom([], '?page=1').replace('?page=1', '/list'),
  ]
  for (const body of [...partly, ...partly]) {
    answer.body = body
    await poll()
  }
  t.same(await publications(), { a: 'published', b: 'published' })
})

t.test('a listing of several pages that takes several polls counts as one', async (t) => {
  const { answer, poll, publications } = await listing(t, {}, { pages: 1 })
  const lists = (second: string[]) => {
    answer.pages = { '/list': page(['a'], '/list?page=2'), '/list?page=2': page(second, null) }
  }
  lists(['b', 'c'])
  t.match(await poll(), { outcome: 'incomplete' })
  t.match(await poll(), { outcome: 'changed' })
  lists(['b'])
  for (let time = 0; time < 3; time++) t.match(await poll(), { deleted: 0 })
  t.match(await poll(), { deleted: 1 })
  t.same(await publications(), { a: 'published', b: 'published', c: 'removed' })
})

t.test('a full listing is asked for whole each time, and its archives belong to it', async (t) => {
  const { answer, asked, poll, publications } = await listing(t)
  const archive = '<link rel="prev-archive" href="/archive"/>'
  answer.pages = { '/list': page(['a'], null, archive), '/archive': page(['old'], null) }
  for (let time = 0; time < 3; time++) await poll()
  t.same(asked, ['/list', '/archive', '/list', '/archive', '/list', '/archive'])
  t.same(await publications(), { a: 'published', old: 'published' })
})

t.test('a 404 that means nothing to read takes no whole list away', async (t) => {
  const { db, server, context, clock } = await pollSetting(t, (request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(404, { 'content-type': 'text/html' }).end('<html></html>')
  })
  const asked: string[] = []
  const source = await polledSource(db, `${server.url}/trusts`, {
    connector: 'nhs-choices',
    settings: {},
    fullListing: true,
  })
  await pollSource(context, source)
  clock.pass(15 * MINUTE)
  await pollSource(context, source)
  t.same(asked, ['/trusts/comments.atom', '/trusts/comments.atom'])
})

t.test('when too much is gone, the run says so and nothing is taken back', async (t) => {
  const { db, answer, poll, publications } = await listing(t)
  answer.body = rss(['a', 'b', 'c'])
  await poll()
  for (let time = 0; time < 3; time++) {
    answer.body = rss([]).replace('Invented', `Invented ${time}`)
    t.match(await poll(), { state: 'succeeded', deleted: 0, detail: /lacks 3 items.*a person is asked/ })
  }
  t.match(await sourceRow(db), { gone_waiting: 3 })
  t.same(await publications(), { a: 'published', b: 'published', c: 'published' })
})

function page(ids: string[], next: string | null, head = ''): string {
  return atom(ids, next, head).replaceAll('tag:stories.example,2026:', '')
}

/** A provider that lists what the test says, and a source that polls it. */
async function listing(t: Test, draft: Partial<SourceDraft> = {}, settings: { pages?: number } = {}) {
  const answer: { body: string; etag: string | null; pages: Record<string, string> } = {
    body: '',
    etag: null,
    pages: {},
  }
  const asked: string[] = []
  const { db, server, context, clock } = await pollSetting(
    t,
    (request, response) => {
      asked.push(request.url ?? '')
      const { body, etag, pages } = answer
      if (etag !== null && request.headers['if-none-match'] === etag) return response.writeHead(304).end()
      return send(response, pages[request.url ?? ''] ?? body, etag === null ? {} : { etag })
    },
    settings,
  )
  const source = await polledSource(db, `${server.url}/list`, { fullListing: true, ...draft })
  return {
    db,
    answer,
    asked,
    async poll() {
      await pollSource(context, source)
      clock.pass(15 * MINUTE)
      return (await runsOf(db))[0]
    },
    async publications() {
      const cases = await storedCases(db)
      return Object.fromEntries(Object.entries(cases).map(([key, { publication }]) => [key, publication]))
    },
  }
}
