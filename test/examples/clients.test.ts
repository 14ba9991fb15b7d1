import t, { type Test } from 'tap'
import { createAndFollow } from '../../examples/integrator.ts'
import { pushItems } from '../../examples/push-items.ts'
import { readPublicCases } from '../../examples/read-public.ts'
import { type Harness, publishedCase, startHarness } from '../api/harness.ts'

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
  await t.rejects(pushItems({ ...provider, source: 'elsewhere' }), { code: 'not_your_source' })
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

async function listening(t: Test): Promise<{ url: string; harness: Harness }> {
  const harness = await startHarness(t)
  return { url: await harness.app.listen({ host: '127.0.0.1', port: 0 }), harness }
}
