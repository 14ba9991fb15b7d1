import t from 'tap'
import { references } from './answers.ts'
import { createCase, publishedCase, staff, startHarness } from './harness.ts'

t.test('acceptance scenarios that no other file tests', async (t) => {
  const harness = await startHarness(t)
  const { call, keys } = harness

  await t.test(
    'V07: the public list has the moderated text alone, the staff list the original',
    async (t) => {
      const text = 'What Dr Example said to me. (Invented.)'
      const { reference } = await publishedCase(harness, { organisation: 'T02', text })
      const list = await call({ url: '/v1/cases?organisation=T02' })
      t.same(references(list), [reference])
      t.equal(list.body.items[0].text, 'They waited for hours. (Invented.)')
      t.notMatch(list.text, 'Dr Example')
      const mine = await call({ url: '/v1/cases?view=mine', key: keys.other_provider })
      t.equal(mine.body.items[0].original.text, text)
    },
  )

  await t.test(
    'V09: the five newest published cases, none that waits, and no answer among them',
    async (t) => {
      const published: string[] = []
      for (const kind of ['feedback', 'concern', 'question', 'feedback', 'concern', 'feedback'])
        published.unshift((await publishedCase(harness, { kind })).reference)
      await createCase(harness, { kind: 'feedback' })
      const [newest] = published
      const { body } = await call({ url: `/v1/cases/${newest}`, key: keys.case_handler })
      const answer = await call({
        method: 'POST',
        url: `/v1/cases/${newest}/responses`,
        key: keys.case_handler,
        headers: staff(body.version),
        body: { text: 'Thank you. (Invented.)' },
      })
      t.equal(answer.status, 201)
      t.same(references(await call({ url: '/v1/cases?organisation=T01&limit=5' })), published.slice(0, 5))
    },
  )

  await t.test('M04: what is kept private leaves the queue', async (t) => {
    const { reference, version } = await createCase(harness, { privacy: 'named' })
    const queue = async (): Promise<string[]> => {
      const { body } = await call({ url: '/v1/queue?limit=100', key: keys.case_handler })
      return body.items.map((item: { case: { reference: string } }) => item.case.reference)
    }
    t.ok((await queue()).includes(reference))
    const { body } = await call({
      method: 'POST',
      url: `/v1/cases/${reference}/decisions`,
      key: keys.case_handler,
      headers: staff(version),
      body: { action: 'keep_private', reason: 'reporter_asked', commissioned: 'locally' },
    })
    t.match(body, { publication: 'kept_private', privacyChosen: 'named' })
    t.notOk((await queue()).includes(reference))
  })
})
