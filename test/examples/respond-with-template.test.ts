import type { AddressInfo } from 'node:net'
import t from 'tap'
import { addTemplate, respond, templatesFor } from '../../examples/respond-with-template.ts'
import { publishedCase, startHarness } from '../api/harness.ts'

t.test('a case handler answers with a template that fits', async (t) => {
  const harness = await startHarness(t)
  await harness.app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(harness.app.server.address() as AddressInfo).port}`
  const { reference } = await publishedCase(harness, { organisation: 'T0101', service: 'SRV1' })
  const handler = { url, key: harness.keys.case_handler, person: 'person-1' }

  await addTemplate(handler)
  await addTemplate(handler)
  t.same(await templatesFor(handler, reference, 'resolved'), [])
  const [best, ...others] = await templatesFor(handler, reference, 'in_progress')
  t.same(others, [])
  t.match(best?.text, new RegExp(`about Example Ward\\. .*${reference}`))

  await respond(handler, reference, { text: `${best?.text} We write again soon.`, status: 'in_progress' })
  const { body } = await harness.call({ url: `/v1/cases/${reference}` })
  t.match(body, {
    status: 'in_progress',
    responses: [{ organisation: null, text: /Example Ward.*again soon/ }],
  })
})
