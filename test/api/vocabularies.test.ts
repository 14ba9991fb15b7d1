import t from 'tap'
import { refused } from './answers.ts'
import { SERVICE, startHarness } from './harness.ts'

const VOCABULARIES = ['statuses', 'publications', 'channels', 'kinds', 'privacies', 'reasons', 'instruments']

t.test('what a front end shows of this service', async (t) => {
  const { call, keys } = await startHarness(t)

  await t.test('the service says what is configured, to everybody', async (t) => {
    for (const key of [undefined, keys.form, keys.integrator]) {
      const answer = await call({ url: '/v1/service', ...(key !== undefined && { key }) })
      t.equal(answer.status, 200)
      t.same(answer.body, SERVICE)
    }
  })

  await t.test('every vocabulary is one page that can be asked for again', async (t) => {
    for (const name of VOCABULARIES) {
      const { status, body, headers } = await call({ url: `/v1/${name}` })
      t.equal(status, 200, name)
      t.ok(body.items.length > 2, name)
      t.equal(body.next, null)
      const again = await call({ url: `/v1/${name}`, headers: { 'if-none-match': headers.etag as string } })
      t.equal(again.status, 304, name)
      refused(t, await call({ url: `/v1/${name}?kind=concern` }), 400, 'validation_failed', [
        'query /kind unknown_field',
      ])
    }
  })

  await t.test('an instrument says which end of its scale is best', async (t) => {
    const { body } = await call({ url: '/v1/instruments' })
    for (const { questions } of body.items)
      for (const { scale, answers } of questions) {
        const values = answers.map(({ value }: { value: number | null }) => value).filter(Number.isFinite)
        t.same(scale, { min: Math.min(...values), max: Math.max(...values), best: 'max' })
      }
    const old = body.items.find(({ code }: { code: string }) => code === 'friends_and_family_2013')
    t.match(old.questions[0].answers[0], { code: 'extremely_likely', value: 5 })
    t.match(old.questions[0].answers.at(-1), { code: 'dont_know', value: null })
  })
})
