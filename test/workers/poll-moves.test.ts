import t from 'tap'
import { getSource } from '../../domain/sources.ts'
import { rows } from '../../prisma/client.ts'
import { pollSource } from '../../workers/poll-source.ts'
import { administrator } from '../domain/ingest-store.ts'
import { fetcherFor, serve } from '../net/servers.ts'
import { atom, caseCount, polledSource, pollSetting, rss, runsOf, send } from './poll-setting.ts'

t.test(
  'a source that has moved for good is asked at its new address, with what is known of it',
  async (t) => {
    const asked: string[] = []
    const { db, server, context } = await pollSetting(t, (request, response) => {
      asked.push(`${request.url} ${request.headers['if-none-match'] ?? ''}`.trim())
      if (request.url?.startsWith('/old'))
        return response.writeHead(301, { location: '/new?key=OTHER' }).end()
      if (request.headers['if-none-match'] === '"one"') return response.writeHead(304).end()
      return send(response, rss(['a']), { etag: '"one"' })
    })
    const source = await polledSource(db, `${server.url}/old?key=SECRET`)
    await pollSource(context, source)
    t.match(await runsOf(db), [{ outcome: 'changed', created: 1, detail: 'The source has moved for good.' }])
    await pollSource(context, source)
    t.match((await runsOf(db))[0], { outcome: 'not-modified', detail: null })
    t.same(asked, ['/old?key=SECRET', '/new?key=OTHER', '/new?key=OTHER "one"'])
    t.match(await getSource(db, await administrator(db), 'polled'), {
      address: `${server.url}/new`,
      version: 3,
    })
    const stored = await rows(
      db.pool,
      'select to_jsonb(s) as s, (select json_agg(e) from events e) as e from sources s',
    )
    t.notMatch(JSON.stringify(stored), /SECRET|OTHER/)
  },
)

t.test('one permanent redirect among others that are not is followed each time', async (t) => {
  const asked: string[] = []
  const { db, server, context } = await pollSetting(t, (request, response) => {
    asked.push(request.url ?? '')
    if (request.url === '/old') return response.writeHead(308, { location: '/for-now' }).end()
    if (request.url === '/for-now') return response.writeHead(302, { location: '/there' }).end()
    return send(response, rss(['a']))
  })
  const source = await polledSource(db, `${server.url}/old`)
  for (let time = 0; time < 2; time++) await pollSource(context, source)
  t.same(asked, ['/old', '/for-now', '/there', '/old', '/for-now', '/there'])
})

t.test('a move to what cannot be read, or must not be asked, is not remembered', async (t) => {
  let location = '/page'
  const { db, server, context } = await pollSetting(t, (request, response) => {
    if (request.url === '/old') return response.writeHead(301, { location }).end()
    return send(response, '<!doctype html><html><body>Welcome</body></html>')
  })
  const source = await polledSource(db, `${server.url}/old`)
  await pollSource(context, source)
  location = 'http://10.0.0.1/feed'
  await pollSource(context, source)
  t.match(await runsOf(db), [{ outcome: 'forbidden-address' }, { outcome: 'not-a-feed' }])
  t.match(await getSource(db, await administrator(db), 'polled'), { address: `${server.url}/old` })
})

t.test('the address that a connector works with follows to another origin', async (t) => {
  const asked: string[] = []
  const moved = await serve(t, (request, response) => {
    asked.push(request.url ?? '')
    return send(response, atom([], null))
  })
  const { db, server, context } = await pollSetting(t, (request, response) =>
    response.writeHead(301, { location: `${moved.url}${request.url}` }).end(),
  )
  const fetcher = fetcherFor(t, [server, moved])
  const source = await polledSource(db, `${server.url}/trusts?apikey=K`, {
    connector: 'nhs-choices',
    settings: {},
  })
  await pollSource({ ...context, fetcher }, source)
  await pollSource({ ...context, fetcher }, source)
  t.same(asked, ['/trusts/comments.atom?apikey=K', '/trusts/commentssince/2026/11/15.atom?apikey=K'])
  t.match(await getSource(db, await administrator(db), 'polled'), { address: `${moved.url}/trusts` })
  t.equal(await caseCount(db), 0)
})
