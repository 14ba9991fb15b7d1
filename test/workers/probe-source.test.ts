import t from 'tap'
import { getSource, type SourceDetail } from '../../domain/sources.ts'
import { type Db, rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { probeSource } from '../../workers/probe-source.ts'
import { administrator } from '../domain/ingest-store.ts'
import { atom, caseCount, polledSource, pollSetting, rss, runsOf, send, sourceRow } from './poll-setting.ts'

t.test(
  'a first look that both readers agree on makes a source active, due at once, without cases yet',
  async (t) => {
    const { db, server, context, clock } = await pollSetting(t, (_, response) =>
      send(response, rss(['a', 'b'])),
    )
    const source = await polledSource(db, server.url, { probing: true })
    await probeSource(context, source)
    t.match(await detail(db), {
      state: 'active',
      flagged: false,
      secondOpinion: { verdict: 'agrees', differences: [] },
      nextCheckAt: clock.now().toISOString(),
      version: 3,
    })
    t.match(await runsOf(db), [{ state: 'succeeded', outcome: 'probed', seen: 2, created: 0 }])
    t.equal(await caseCount(db), 0)
    await pollSource(context, source)
    t.equal(await caseCount(db), 2)
  },
)

t.test('a document that the second reader reads otherwise is flagged, and polled all the same', async (t) => {
  // An item outside of the channel's first: rss-parser reads only the first channel's items.
  const two = rss(['a'], {
    end: '</channel><channel><item><guid>b</guid><title>B</title></item></channel></rss>',
  })
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, two))
  const source = await polledSource(db, server.url, { probing: true })
  await probeSource(context, source)
  const { state, flagged, secondOpinion } = await detail(db)
  t.same([state, flagged, secondOpinion?.verdict], ['active', true, 'differs'])
  t.ok(secondOpinion && secondOpinion.differences.length > 0)
  t.notMatch(secondOpinion?.differences.join(), /Words|Story/)
})

t.test('a second reader that fails has no opinion, and the source becomes active', async (t) => {
  // A bare ampersand and an unclosed tag are enough to make it give up; ours reads on.
  const broken = rss(['a']).replace('Words of a.', 'Fish & chips <b>')
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, broken))
  const source = await polledSource(db, server.url, { probing: true })
  await probeSource(context, source)
  t.match(await detail(db), { state: 'active', flagged: false, secondOpinion: { verdict: 'none' } })
  await pollSource(context, source)
  t.equal(await caseCount(db), 1)
})

t.test('a document that is no RSS has no second reader', async (t) => {
  const { db, server, context } = await pollSetting(t, (_, response) => send(response, atom(['a'], null)))
  const source = await polledSource(db, server.url, { probing: true })
  await probeSource(context, source)
  t.match(await detail(db), { state: 'active', secondOpinion: { verdict: 'none' } })
})

t.test('a source that cannot be read stays probing, with a reason and ever longer waits', async (t) => {
  const { db, server, context, clock } = await pollSetting(t, (_, response) =>
    send(response, '<!doctype html><html><body>Hello</body></html>'),
  )
  const source = await polledSource(db, server.url, { probing: true })
  const waits: number[] = []
  for (let look = 1; look <= 3; look++) {
    await probeSource(context, source)
    waits.push(new Date(String((await sourceRow(db)).next_check_at)).getTime() - clock.now().getTime())
  }
  t.match(await detail(db), { state: 'probing', secondOpinion: null, failures: 3 })
  t.match((await runsOf(db))[0], { state: 'failed', outcome: 'not-a-feed', detail: /HTML/ })
  t.same(
    waits,
    [15, 30, 60].map((minutes) => minutes * 60_000),
  )
})

t.test('an address that may not be called stays probing and is never called', async (t) => {
  const { db, context } = await pollSetting(t, () => t.fail('it was asked'))
  const source = await polledSource(db, 'http://127.0.0.1:9/feed?key=SECRET', { probing: true })
  await probeSource(context, source)
  const [run] = await runsOf(db)
  t.match(run, { state: 'failed', outcome: 'forbidden-address' })
  t.notMatch(run?.detail, /SECRET/)
})

t.test('a source with broken settings stays probing, and the log has the error', async (t) => {
  const { db, server, context, lines } = await pollSetting(t, (_, response) => send(response, rss(['a'])))
  const source = await polledSource(db, server.url, { probing: true })
  await rows(db.pool, `update sources set settings = '{"nonsense": 1}'`)
  await probeSource(context, source)
  t.match(await detail(db), { state: 'probing', failures: 1 })
  t.match(lines[0], { level: 'warn', sourceId: source })
})

async function detail(db: Db): Promise<SourceDetail> {
  return getSource(db, await administrator(db), 'polled')
}
