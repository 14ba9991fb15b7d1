import t, { type Test } from 'tap'
import { askProbe } from '../../domain/probes.ts'
import { getSource, updateSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { administrator, everything, NOW } from '../domain/ingest-store.ts'
import { atom, caseCount, polledSource, pollSetting, rss, send, sourceRow } from './poll-setting.ts'
import { done, eventTypes } from './run-setting.ts'

/** rss-parser reads the first channel's items only. */
const odd = rss(['a'], {
  end: '</channel><channel><item><guid>b</guid><title>B</title></item></channel></rss>',
})

t.test('a look tells what both readers see, and takes nothing', async (t) => {
  const { db, look, detail, headers } = await setting(t, () => rss(['a', 'b']))
  await rows(db.pool, `update sources set etag = '"old"', polls = 7`)
  t.match(await look(), {
    kind: 'probe',
    state: 'succeeded',
    outcome: 'probed',
    detail: /reads the same/,
    pages: 1,
    seen: 2,
    created: 0,
  })
  t.match(await detail(), {
    flagged: false,
    secondOpinion: { verdict: 'agrees' },
    state: 'active',
    version: 2,
  })
  t.equal(await caseCount(db), 0)
  t.match(await sourceRow(db), { polls: 7 })
  t.notOk(headers().some((one) => 'if-none-match' in one))
})

t.test('readers that disagree flag the source, once, until they agree', async (t) => {
  let body = odd
  const { db, look, detail } = await setting(t, () => body)
  t.match(await look(), { state: 'succeeded', detail: /otherwise: we read 2 items, the other parser 1/ })
  await look()
  t.match(await detail(), { flagged: true, secondOpinion: { verdict: 'differs' } })
  t.same(await eventTypes(db, 'source.readers%'), ['source.readers_disagree'])
  body = rss(['a'])
  await look()
  t.match(await detail(), { flagged: false, secondOpinion: { verdict: 'agrees' } })
  t.same(await eventTypes(db, 'source.readers%'), ['source.readers_disagree', 'source.readers_agree'])
})

t.test('a person takes the flag away, and somebody who asks again raises it again', async (t) => {
  const { db, admin, look, detail } = await setting(t, () => odd)
  await look()
  await updateSource(db, admin, 'polled', { flagged: false }, { version: 2, now: NOW })
  t.match(await detail(), { flagged: false })
  await look()
  t.match(await detail(), { flagged: true })
})

t.test('what is no RSS has no second reader, and a flag stays as it is', async (t) => {
  const { db, look, detail } = await setting(t, () => atom(['a'], null))
  await rows(db.pool, 'update sources set flagged = true')
  t.match(await look(), { state: 'succeeded', detail: /no second reader/, seen: 1 })
  t.match(await detail(), { flagged: true, secondOpinion: { verdict: 'none' } })
})

t.test('a paused source can be looked at, and stays paused', async (t) => {
  const { db, admin, look, detail } = await setting(t, () => rss(['a']))
  await updateSource(db, admin, 'polled', { state: 'paused' }, { version: 2, now: NOW })
  t.match(await look(), { state: 'succeeded', seen: 1 })
  t.match(await detail(), { state: 'paused', nextCheckAt: null, secondOpinion: { verdict: 'agrees' } })
})

t.test('a look that fails tells why, and is no failure of the polls', async (t) => {
  const { db, look, detail } = await setting(t, () => '<!doctype html><html><body>Hello</body></html>')
  const before = await everything(db)
  t.match(await look(), { state: 'failed', outcome: 'not-a-feed', detail: /HTML/ })
  t.match(await detail(), { failures: 0, lastFailure: null, secondOpinion: null })
  t.equal((await everything(db)).length, before.length)
})

t.test('a source that is changed while it is looked at keeps no opinion of what it was', async (t) => {
  const { db, admin, look, detail } = await setting(t, async () => {
    await updateSource(db, admin, 'polled', { address: 'https://new.example/' }, { version: 2, now: NOW })
    return rss(['a'])
  })
  t.match(await look(), { state: 'succeeded' })
  t.match(await detail(), { secondOpinion: null })
})

async function setting(t: Test, body: () => string | Promise<string>) {
  const headers: object[] = []
  const { db, context, server } = await pollSetting(t, async (request, response) => {
    headers.push(request.headers)
    send(response, await body(), { etag: '"old"' })
  })
  await polledSource(db, server.url)
  const admin = await administrator(db)
  const look = async () => done(context, await askProbe(db, admin, 'polled', { key: undefined, now: NOW }))
  const detail = () => getSource(db, admin, 'polled')
  return { db, admin, look, detail, headers: () => headers }
}
