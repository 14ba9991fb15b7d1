import t, { type Test } from 'tap'
import { Problem } from '../../examples/answer.ts'
import { sendForm } from '../../examples/form-page.ts'
import { createAndFollow } from '../../examples/integrator.ts'
import { pushItems } from '../../examples/push-items.ts'
import { readPublicCases } from '../../examples/read-public.ts'
import { type Harness, ORIGIN, publishedCase, startHarness } from '../api/harness.ts'

const FORM = { organisation: 'T01', category: 'staff', text: 'They were kind. (Invented.)' }

t.test('a form on a page creates a case, and a second click makes no second one', async (t) => {
  const { url, harness } = await listening(t)
  const page = { url, key: harness.keys.form, origin: ORIGIN }
  const thanks = await sendForm(page, FORM, 'click')
  t.match(thanks, { advice: null, notice: /999/ })
  t.same(await sendForm(page, FORM, 'click'), thanks)
  t.not((await sendForm(page, FORM)).reference, thanks.reference)

  const stub = await harness.call({ url: `/v1/cases/${thanks.reference}` })
  t.match(stub.body, { view: 'stub', withheld: 'awaiting_moderation' })
})

t.test('a form on a page that is not registered is refused, and can read why', async (t) => {
  const { url, harness } = await listening(t)
  const page = { url, key: harness.keys.form, origin: 'https://elsewhere.example' }
  await t.rejects(sendForm(page, FORM), { status: 403, code: 'origin_not_allowed' })
  const refused = sendForm({ ...page, origin: ORIGIN }, { ...FORM, category: 'weather' })
  const problem = await refused.catch((error: unknown) => error)
  t.ok(problem instanceof Problem)
  t.match(problem, { status: 400, errors: [{ pointer: '/category', code: 'unknown_category' }] })
})

t.test('an integrator creates a case and reads back its own', async (t) => {
  const { url, harness } = await listening(t)
  const integrator = { url, key: harness.keys.integrator, organisation: 'T01' }
  const { reference, listed, theCase } = await createAndFollow(integrator)
  t.match(theCase, { view: 'own', reference, status: 'open', publication: 'awaiting_moderation' })
  t.same(listed, [reference])

  const key = await harness.addClient({ name: 'another app', role: 'integrator' })
  const other = await createAndFollow({ ...integrator, key })
  t.same(other.listed, [other.reference], 'it does not see the cases of another')
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
