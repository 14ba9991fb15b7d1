import t from 'tap'
import { indexCases, noteDataChange } from '../../domain/case-index.ts'
import { announceVersion, watchDataVersion } from '../../domain/data-version.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { startIndexing } from '../../workers/keep-index.ts'
import { startPlacing } from '../../workers/keep-log.ts'
import { testDatabase } from '../database.ts'
import { publishedCase, startHarness } from './harness.ts'

t.test('public answers by the version of the data', async (t) => {
  let version: string | undefined = 'aaaa.1.0'
  const watch = { current: () => version, close: async () => undefined }
  const harness = await startHarness(t, { dataVersion: watch })
  const { call, db, keys } = harness
  await publishedCase(harness)
  await indexCases(db)

  // How many statements the store gets while `work` runs.
  const statements = async (work: () => Promise<unknown>): Promise<number> => {
    const { query } = db.pool
    let asked = 0
    db.pool.query = ((...given: Parameters<typeof query>) => {
      asked += 1
      return query.apply(db.pool, given)
    }) as typeof query
    try {
      await work()
    } finally {
      db.pool.query = query
    }
    return asked
  }
  const tagOf = async (url: string): Promise<string> => String((await call({ url })).headers.etag)
  const urls = [
    '/v1/cases',
    '/v1/cases?status=open&limit=5',
    '/v1/geo-feed?bbox=-1,51,1,52',
    '/v1/case-counts?by=status',
    '/v1/organisations',
    '/v1/geo-feed/changes',
  ]

  await t.test('a 304 touches no table', async (t) => {
    for (const url of urls) {
      const etag = await tagOf(url)
      const asked = await statements(async () => {
        const answer = await call({ url, headers: { 'if-none-match': `"other", W/${etag}` } })
        t.equal(answer.status, 304, url)
        t.equal(answer.headers.etag, etag)
        t.equal(answer.text, '')
        t.match(answer.headers['cache-control'], /no-cache/)
        t.ok(answer.headers.vary)
      })
      t.equal(asked, 0, `${url} asks the store nothing`)
    }
  })

  await t.test('a body is made once for a version, and is what it was', async (t) => {
    for (const url of urls) {
      const first = await call({ url })
      const asked = await statements(async () => {
        const again = await call({ url })
        t.equal(again.text, first.text)
        for (const name of ['etag', 'content-type', 'link', 'vary', 'cache-control'])
          t.equal(again.headers[name], first.headers[name], `${url} ${name}`)
      })
      t.equal(asked, 0, url)
    }
  })

  await t.test('another version is read anew; the same body of it is a 304 still', async (t) => {
    const url = '/v1/cases?limit=7'
    const before = await tagOf(url)
    version = 'aaaa.2.0'
    const same = await call({ url, headers: { 'if-none-match': before } })
    t.equal(same.status, 304)
    t.match(same.headers.etag, /^"aaaa\.2\.0-/)
    await publishedCase(harness)
    version = 'aaaa.3.0'
    const changed = await call({ url, headers: { 'if-none-match': before } })
    t.equal(changed.status, 200)
    t.equal(changed.body.items.length, 2)
  })

  await t.test('another query, and another query with the same ETag, are not it', async (t) => {
    const etag = await tagOf('/v1/cases?limit=1')
    t.equal((await call({ url: '/v1/cases?limit=2', headers: { 'if-none-match': etag } })).status, 200)
    t.equal((await call({ url: '/v1/cases', headers: { 'if-none-match': '*' } })).status, 304)
  })

  await t.test('what one key sees is not kept for others', async (t) => {
    const url = '/v1/cases?view=mine'
    const etag = String((await call({ url, key: keys.case_handler })).headers.etag)
    t.notMatch(etag, /aaaa/)
    const other = await call({ url, key: keys.provider, headers: { 'if-none-match': etag } })
    t.equal(other.status, 200)
    t.equal((await call({ url })).status, 400)
    const open = await call({ url: '/v1/cases', key: keys.supplier })
    t.match(open.headers['cache-control'], /^private/)
  })

  await t.test('without a version nothing is taken for unchanged', async (t) => {
    const url = '/v1/cases?limit=3'
    const etag = await tagOf(url)
    version = undefined
    await publishedCase(harness)
    const answer = await call({ url, headers: { 'if-none-match': etag } })
    t.equal(answer.status, 200)
    t.equal(answer.body.items.length, 3)
    t.notMatch(answer.headers.etag, /aaaa/)
  })

  await t.test('a key that does not work, and what is not valid, come before it', async (t) => {
    version = 'aaaa.4.0'
    const etag = await tagOf('/v1/cases')
    t.equal(
      (await call({ url: '/v1/cases', key: 'cc_sk_wrong', headers: { 'if-none-match': etag } })).status,
      401,
    )
    const bad = '/v1/cases?colour=blue'
    t.equal((await call({ url: bad, headers: { 'if-none-match': etag } })).status, 400)
  })
})

t.test('the version is followed over the store', async (t) => {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 6, applicationName: 'followed' })
  let now = 0
  const watch = watchDataVersion(db, () => now)
  t.teardown(async () => {
    await watch.close()
    await closeDb(db)
  })
  // Said until it is heard: who listens does not say when it began to.
  const heard = async (isIt: (version: string | undefined) => boolean): Promise<string | undefined> => {
    while (!isIt(watch.current())) {
      await announceVersion(db.pool)
      await new Promise(setImmediate)
    }
    return watch.current()
  }
  t.equal(watch.current(), undefined)
  const first = await heard((version) => version !== undefined)
  await noteDataChange(db.pool)
  const second = await heard((version) => version !== first)
  const changes = (version: string | undefined) => Number(/\.0\.(\d+)$/.exec(version ?? '')?.[1])
  t.equal(changes(second), changes(first) + 1)

  now += 3_400
  t.equal(watch.current(), second)
  now += 200
  t.equal(watch.current(), undefined, 'nobody has said that it holds')
  t.equal(await heard((version) => version !== undefined), second)

  await db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen%' and datname = current_database()`,
  )
  while (watch.current() !== undefined) await new Promise(setImmediate)
  t.equal(await heard((version) => version !== undefined), second, 'it listens again')
})

t.test('a worker keeps the index and says the version', async (t) => {
  const harness = await startHarness(t)
  const { call, db } = harness
  const watch = watchDataVersion(db)
  const log = { info() {}, warn() {}, error() {} } as never
  const placing = startPlacing({ db, log })
  const indexing = startIndexing({ db, log }, 10)
  t.teardown(async () => {
    await Promise.all([placing.stop(), indexing.stop()])
    await watch.close()
  })
  const { reference } = await publishedCase(harness)
  const count = async () => (await call({ url: '/v1/case-counts' })).body.total
  while ((await count()) !== 1 || !watch.current()?.includes('.2.')) await new Promise(setImmediate)
  t.match((await call({ url: '/v1/cases?q=waited' })).body.items, [{ reference }])
})
