import t from 'tap'
import { refused } from './answers.ts'
import { draft, type Harness, ORIGIN, startHarness } from './harness.ts'

t.test('what is sent in without a secret key is limited more tightly, by address', async (t) => {
  const harness = await startHarness(t, { intakePerMinute: 2 })
  const { call, keys } = harness
  const submit = (key: string) => call({ method: 'POST', url: '/v1/cases', key, body: draft() })

  for (const left of [1, 0]) {
    const { status, headers } = await submit(keys.form)
    t.equal(status, 201)
    t.same([headers['ratelimit-limit'], headers['ratelimit-remaining']].map(Number), [2, left])
  }
  const over = await submit(keys.form)
  refused(t, over, 429, 'too_many_requests')
  t.ok(Number(over.headers['retry-after']) >= 1)
  t.equal((await sendFrom(harness, '198.51.100.7')).statusCode, 201, 'another address has a count of its own')
  const image = await harness.app.inject({
    method: 'POST',
    url: '/v1/images',
    headers: { authorization: `Bearer ${keys.form}`, origin: ORIGIN, 'content-type': 'image/png' },
    payload: 'none',
  })
  t.equal(image.statusCode, 429, 'pictures are in the same count')
  t.equal((await call({ url: '/v1/categories' })).status, 200, 'reading is not in it')
  for (let n = 0; n < 4; n++) t.equal((await submit(keys.integrator)).status, 201, 'nor is a secret key')
})

t.test('a publishable key has a limit for all its readers together', async (t) => {
  const harness = await startHarness(t, { requestsPerMinute: 2 })
  const statuses: number[] = []
  for (let n = 0; n < 21; n++)
    statuses.push((await sendFrom(harness, `198.51.100.${1 + Math.floor(n / 2)}`)).statusCode)
  t.same(statuses, [...Array<number>(20).fill(201), 429])
  const other = await harness.addClient({ name: 'another form', role: 'form', origins: [ORIGIN] })
  t.equal((await sendFrom(harness, '198.51.100.99', other)).statusCode, 201, 'another key has its own')
})

function sendFrom({ app, keys }: Harness, remoteAddress: string, key = keys.form) {
  return app.inject({
    method: 'POST',
    url: '/v1/cases',
    remoteAddress,
    headers: { authorization: `Bearer ${key}`, origin: ORIGIN },
    payload: draft(),
  })
}
