import t from 'tap'
import { openDocument } from '../../domain/run-documents.ts'
import { refused } from './answers.ts'
import { type Answer, PUBLIC_URL, startHarness } from './harness.ts'

const RSS =
  '<rss version="2.0"><channel><item><guid>a</guid><title>Kind. (Invented.)</title></item></channel></rss>'

t.test('a feed document as body', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const push = (
    body: unknown,
    {
      headers = {},
      name = 'pushed',
      key = keys.feed_provider,
    }: { headers?: Record<string, string>; name?: string; key?: string | null } = {},
  ): Promise<Answer> =>
    call({
      method: 'POST',
      url: `/v1/sources/${name}/documents`,
      ...(key !== null && { key }),
      headers: { 'content-type': 'application/rss+xml', ...headers },
      body,
    })
  const kept = async ({ body }: Answer) => {
    const run = await db.prisma.run.findUniqueOrThrow({ where: { reference: body.reference } })
    return openDocument(db, Number(run.id))
  }

  await t.test('is kept for a worker, and the answer names the run', async (t) => {
    const answer = await push(RSS, { headers: { 'content-type': 'text/xml; charset=windows-1252' } })
    t.equal(answer.status, 202)
    t.match(answer.body, { kind: 'document', state: 'waiting', source: 'pushed', seen: 0, finishedAt: null })
    t.equal(answer.headers.location, answer.body.url)
    const path = String(answer.headers.location).slice(PUBLIC_URL.length)
    t.same((await call({ url: path, key: keys.feed_provider })).body, answer.body)
    t.same((await call({ url: `${path}/results`, key: keys.feed_provider })).body, { items: [], next: null })
    t.same(await kept(answer), {
      bytes: Buffer.from(RSS),
      contentType: 'text/xml; charset=windows-1252',
    })
  })

  await t.test('is sealed, byte by byte as it came', async (t) => {
    const bytes = Buffer.from([0x00, 0xff, 0xfe, 0x3c, 0x80])
    const answer = await push(bytes, { headers: { 'content-type': 'application/octet-stream' } })
    t.match(await kept(answer), { bytes })
    const { rows } = await db.pool.query('select sealed from run_documents')
    for (const { sealed } of rows) t.match(sealed, /^v1\.test\.[\w-]+\.[\w-]+\.[\w-]+$/)
    t.equal(await openDocument(db, 999_999), null)
  })

  await t.test('goes with its run when that is cancelled', async (t) => {
    const answer = await push(RSS)
    const url = `/v1/sources/pushed/runs/${answer.body.reference}/cancellations`
    const headers = { 'acting-user': 'admin-1' }
    const cancelled = await call({ method: 'POST', url, key: keys.administrator, headers })
    t.match(cancelled.body, { state: 'cancelled', kind: 'document' })
    t.equal(await kept(answer), null)
  })

  await t.test('comes once under its key, also five times at once', async (t) => {
    const headers = { 'idempotency-key': 'document-1' }
    const runs = async () => db.prisma.run.count({ where: { kind: 'document' } })
    const before = await runs()
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => push(RSS, { headers })))
    t.equal(new Set(answers.map(({ body }) => body.reference)).size, 1)
    t.equal(await runs(), before + 1)
    refused(t, await push(`${RSS} `, { headers }), 422, 'idempotency_key_reused')
  })

  await t.test('is something, of a known kind, and of at most 8 MiB', async (t) => {
    refused(t, await push(Buffer.alloc(0)), 400, 'validation_failed', ['body  too_short'])
    refused(t, await push(undefined), 400, 'validation_failed', ['body  too_short'])
    for (const type of ['application/json', 'text/html'])
      refused(t, await push('{}', { headers: { 'content-type': type } }), 415, 'media_type_unsupported')
    refused(t, await push('x'.repeat(8 * 1024 * 1024 + 1)), 413, 'body_too_large')
    t.equal((await push('x'.repeat(8 * 1024 * 1024))).status, 202)
  })

  await t.test('is taken from the provider of the source alone, while that is not paused', async (t) => {
    refused(t, await push(RSS, { key: null }), 401, 'key_missing')
    refused(t, await push(RSS, { key: keys.administrator }), 403, 'scope_missing')
    refused(t, await push(RSS, { name: 'elsewhere' }), 403, 'not_your_source')
    refused(t, await push(RSS, { name: 'nothing' }), 404, 'not_found')
    await db.pool.query("update sources set state = 'paused' where name = 'pushed'")
    refused(t, await push(RSS), 409, 'source_paused')
    t.notMatch(harness.logged(), /Invented/)
  })
})
