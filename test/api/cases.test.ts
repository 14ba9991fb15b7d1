import t from 'tap'
import { createCase, draft, publishedCase, staff, startHarness } from './harness.ts'

t.test('a case from intake to published', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness

  await t.test("a form's page creates with a publishable key", async (t) => {
    const { status, body, headers } = await call({
      method: 'POST',
      url: '/v1/cases',
      key: keys.form,
      body: draft(),
    })
    t.equal(status, 201)
    t.equal(body.status, 'open')
    t.equal(body.publication, 'awaiting_moderation')
    t.match(headers.location, body.reference)
    const stub = await call({ url: `/v1/cases/${body.reference}` })
    t.equal(stub.body.view, 'stub')
    t.notMatch(stub.text, /waited/)
  })

  await t.test('an integrator creates and reads back its own', async (t) => {
    const { reference } = await createCase(harness)
    const { body } = await call({ url: `/v1/cases/${reference.toLowerCase()}`, key: keys.integrator })
    t.equal(body.view, 'own')
    const mine = await call({ url: '/v1/cases?view=mine', key: keys.integrator })
    t.ok(mine.body.items.some((one: { reference: string }) => one.reference === reference))
  })

  await t.test('published it is in the list, by itself and on the map', async (t) => {
    const { reference, version } = await publishedCase(harness)
    const answered = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses`,
      key: keys.provider,
      headers: staff(version),
      body: { text: 'We are sorry. (Invented.)', status: 'resolved' },
    })
    t.equal(answered.status, 201, answered.text)
    const list = await call({ url: '/v1/cases?organisation=T01&status=resolved' })
    t.equal(list.body.items[0].reference, reference)
    const one = await call({ url: `/v1/cases/${reference}` })
    t.equal(one.body.text, 'They waited for hours. (Invented.)')
    t.equal(one.body.responses[0].text, 'We are sorry. (Invented.)')
    const map = await call({ url: '/v1/geo-feed?bbox=-0.2,51.4,0,51.6' })
    t.equal(map.body.features[0].id, reference)
    t.same(map.body.features[0].geometry.coordinates, [-0.12, 51.5])
  })
})
