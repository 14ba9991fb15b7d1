import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { createAndFollow } from '../../examples/integrator.ts'
import { mend, needsAPerson, waitingFor } from '../../examples/mend-quarantine.ts'
import { bookmarkOf, pushItems } from '../../examples/push-items.ts'
import { readPublicCases } from '../../examples/read-public.ts'
import { readQuery, saveQuery } from '../../examples/saved-query.ts'
import { makeSecret, sendWebhook } from '../../examples/send-webhook.ts'
import { type Copy, confirmRecalls, receiver, sendTest, subscribe } from '../../examples/webhooks/receive.ts'
import { workerFor } from '../api/asked.ts'
import { type Harness, publishedCase, staff, startHarness } from '../api/harness.ts'
import { webhookWorkerFor } from '../workers/webhook-setting.ts'

t.test('an integrator creates a case and reads back its own', async (t) => {
  const { url, harness } = await listening(t)
  const integrator = { url, key: harness.keys.integrator, organisation: 'T01' }
  const { created, listed, theCase, unchanged } = await createAndFollow(integrator)
  const { reference } = created
  t.match(theCase, { view: 'own', reference, status: 'open', publication: 'awaiting_moderation' })
  t.same(listed, [reference])
  t.ok(unchanged, 'what has not changed is not sent again')

  const key = await harness.addClient({ name: 'another app', role: 'integrator' })
  const other = await createAndFollow({ ...integrator, key })
  t.same(other.listed, [other.created.reference], 'it does not see the cases of another')
})

t.test('a feedback provider pushes, and the same again changes nothing', async (t) => {
  const { url, harness } = await listening(t)
  const provider = { url, key: harness.keys.feed_provider, source: 'pushed', organisation: 'T01' }
  const tried = await pushItems(provider, { dryRun: true })
  t.same(
    tried.map(({ outcome, reference }) => [outcome, reference]),
    [
      ['created', null],
      ['created', null],
      ['quarantined', null],
    ],
  )
  t.equal(await bookmarkOf(provider), null, 'and nothing is kept of a dry run')

  const first = await pushItems(provider)
  t.same(
    first.map(({ outcome }) => outcome),
    ['created', 'created', 'quarantined'],
  )
  t.match(first[2], { reason: 'organisation_unknown', detail: /NOBODY/ })

  const second = await pushItems(provider)
  t.same(
    second.map(({ outcome }) => outcome),
    ['unchanged', 'unchanged', 'quarantined'],
  )
  t.equal(second[0]?.reference, first[0]?.reference)
  t.equal(await bookmarkOf(provider), 'example-story-2')
  await t.rejects(pushItems({ ...provider, source: 'elsewhere' }), { code: 'not_your_source' })
})

t.test('an administrator mends what kept an item out, and it is taken', async (t) => {
  const { url, harness } = await listening(t)
  await pushItems({ url, key: harness.keys.feed_provider, source: 'pushed', organisation: 'T01' })
  const administrator = { url, key: harness.keys.administrator, source: 'pushed' }
  t.match(await needsAPerson(administrator), [/^pushed: quarantined 1 /])
  t.match(await waitingFor(administrator), [{ externalId: 'example-story-2', detail: /NOBODY/ }])

  const work = workerFor(t, harness.db)
  const ended = new AbortController()
  const worker = (async () => {
    while (!ended.signal.aborted) await work()
  })()
  const results = await mend(administrator, { code: 'NOBODY', organisation: 'T01' })
  ended.abort()
  await worker
  t.match(results, [{ externalId: 'example-story-2', outcome: 'created', reference: /-/ }])
  t.same(await needsAPerson(administrator), [])
})

t.test('a feedback provider signs a webhook, and the same again is taken once', async (t) => {
  const { url, harness } = await listening(t)
  const source = 'pushed'
  const { secret } = await makeSecret({ url, key: harness.keys.administrator, source })
  const data = { type: 'story', externalId: 'w-1', organisation: 'T01', text: 'Kind staff. (Invented.)' }
  const message = { type: 'item.created', timestamp: new Date().toISOString(), data }
  const first = await sendWebhook({ url, source, secret }, message, 'msg_1')
  t.match(first, { items: [{ externalId: 'w-1', outcome: 'created', reference: /-/ }] })
  t.same(await sendWebhook({ url, source, secret }, message, 'msg_1'), first)
  const anew = await sendWebhook({ url, source, secret }, message)
  t.match(anew.items, [{ outcome: 'unchanged', reference: first.items[0]?.reference }])
  const wrong = `whsec_${Buffer.alloc(32).toString('base64')}`
  await t.rejects(sendWebhook({ url, source, secret: wrong }, message), { code: 'signature_invalid' })
})

t.test('a supplier reads everything that is public over several pages, each case once', async (t) => {
  const { url, harness } = await listening(t)
  const published = new Set<string>()
  for (let n = 0; n < 5; n++) published.add((await publishedCase(harness)).reference)
  await createAndFollow({ url, key: harness.keys.integrator, organisation: 'T01' })

  const read = []
  for await (const { reference, text } of readPublicCases({ url, pageSize: 2 })) {
    read.push(reference)
    t.equal(text, 'They waited for hours. (Invented.)', 'the moderated text')
  }
  t.equal(read.length, 5)
  t.same(new Set(read), published)
})

t.test('a supplier saves a filter, and everybody reads by it', async (t) => {
  const { url, harness } = await listening(t)
  const { reference } = await publishedCase(harness)
  await publishedCase(harness, { organisation: 'T02' })
  await indexCases(harness.db)
  const query = { name: 'Of a trust (invented)', filter: { organisation: ['T01'] } }
  const supplier = { url, key: harness.keys.supplier }
  const { id, links } = await saveQuery(supplier, query)
  t.match(links.atom, id)
  const read = await readQuery(url, id)
  t.match(read, { total: 1, references: [reference], onMap: 1, happened: ['case.published'] })
  await t.rejects(saveQuery(supplier, query), { code: 'name_taken' })
})

t.test('a receiver verifies what is sent to it, takes it once, and forgets what is gone', async (t) => {
  const { url, harness } = await listening(t)
  const { db, call, keys } = harness
  const copy: Copy = { seen: new Set(), cases: new Map(), messages: [], recalls: new Set() }
  const secrets: string[] = []
  const server = receiver(copy, secrets)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => server.close(resolve)))
  const { port } = server.address() as AddressInfo
  const supplier = { url, key: keys.supplier }
  const { id, secret } = await subscribe(supplier, { url: `http://127.0.0.1:${port}/in` })
  const send = webhookWorkerFor(t, db, `127.0.0.1:${port}`)

  await sendTest(supplier, id)
  const { reference, version } = await publishedCase(harness)
  await send()
  t.equal(copy.seen.size, 0, 'who does not know the secret takes nothing')
  secrets.push(secret)
  await send(6_000)
  t.same([...copy.cases.keys()], [reference])
  const headers = { authorization: `Bearer ${keys.supplier}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ state: 'delivered' })
  await fetch(`${url}/v1/subscriptions/${id}/redeliveries`, { method: 'POST', headers, body })
  await send(6_000)
  t.equal(copy.messages.length, 1, 'the same again is taken once')
  await call({
    ...{ method: 'POST', url: `/v1/cases/${reference}/decisions`, key: keys.case_handler },
    ...{ headers: staff(version), body: { action: 'remove', reason: 'vexatious' } },
  })
  await send(6_000)
  t.same([...copy.cases.keys()], [])
  t.equal(copy.recalls.size, 1)
  await confirmRecalls(supplier, copy)
  t.equal(copy.recalls.size, 0)
  const { items } = (await call({ url: '/v1/recalls?open=false', key: keys.administrator })).body
  t.match(items, [{ case: reference, holders: [{ client: 'supplier' }] }])
})

async function listening(t: Test): Promise<{ url: string; harness: Harness }> {
  const harness = await startHarness(t)
  return { url: await harness.app.listen({ host: '127.0.0.1', port: 0 }), harness }
}
