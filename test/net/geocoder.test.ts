import type { RequestListener } from 'node:http'
import t from 'tap'
import type { Place } from '../../domain/areas.ts'
import { createGeocoder } from '../../net/geocoder.ts'
import { fetcherFor, serve, type Teardown } from './servers.ts'

const MIDDLE: Place = [-1, 51]

/** A geocoder before a server that the test plays, with everything that was asked and heard. */
async function start(t: Teardown, play: RequestListener, allow = true) {
  const asked: string[] = []
  const left: string[] = []
  const failures: string[] = []
  const clock = { now: 0 }
  const server = await serve(t, (request, response) => {
    asked.push(request.url ?? '')
    play(request, response)
  })
  const geocoder = createGeocoder({
    url: `${server.url}/postcodes/{postcode}?key=a`,
    fetcher: fetcherFor(t, allow ? [server] : []),
    otherwise: async (postcode) => {
      left.push(postcode)
      return MIDDLE
    },
    failed: (reason) => failures.push(reason),
    now: () => clock.now,
  })
  return { geocoder, asked, left, failures, clock }
}

const found: RequestListener = (_, response) =>
  response.end(
    JSON.stringify({ status: 200, result: { latitude: 51.498, longitude: -0.118, country: 'England' } }),
  )

t.test('a whole postcode is asked for once, however it is written', async (t) => {
  const { geocoder, asked, left } = await start(t, found)
  for (const postcode of ['SE1 7EH', 'se17eh', ' Se1  7Eh '])
    t.same(await geocoder(postcode), [-0.118, 51.498])
  t.same(asked, ['/postcodes/SE17EH?key=a'])
  t.same(left, [])
})

t.test('half a postcode is not asked for', async (t) => {
  const { geocoder, asked, left } = await start(t, found)
  for (const postcode of ['SE1', 'EC1A', 'SE17', 'nonsense', '../../x'])
    t.same(await geocoder(postcode), MIDDLE)
  t.same(asked, [])
  t.equal(left.length, 5)
})

t.test('one that nobody has is unknown, and remembered so', async (t) => {
  const { geocoder, asked, failures } = await start(t, (_, response) =>
    response.writeHead(404).end('{"status":404}'),
  )
  t.equal(await geocoder('SE1 7ZZ'), null)
  t.equal(await geocoder('SE1 7ZZ'), null)
  t.equal(asked.length, 1)
  t.same(failures, [])
})

t.test('one that stands nowhere counts by its outward half', async (t) => {
  const { geocoder, failures } = await start(t, (_, response) =>
    response.end('{"result":{"latitude":null,"longitude":null}}'),
  )
  t.same(await geocoder('SE1 7EH'), MIDDLE)
  t.same(failures, [])
})

t.test(
  'while the geocoder fails the outward half counts, and it is left in peace for ten seconds',
  async (t) => {
    let broken = true
    const { geocoder, asked, failures, clock } = await start(t, (request, response) =>
      broken ? response.writeHead(500).end() : found(request, response),
    )
    t.same(await geocoder('SE1 7EH'), MIDDLE)
    broken = false
    t.same(await geocoder('SE1 7EH'), MIDDLE)
    t.equal(asked.length, 1)
    t.same(failures, ['http-status 500'])
    clock.now = 10_000
    t.same(await geocoder('SE1 7EH'), [-0.118, 51.498])
    clock.now = 10_001
    broken = true
    await geocoder('SE1 7AA')
    t.same(await geocoder('SE1 7EH'), [-0.118, 51.498], 'what is remembered still holds')
  },
)

for (const [what, play] of Object.entries<RequestListener>({
  'is no JSON': (_, response) => response.end('<html>'),
  'has no result': (_, response) => response.end('{"status":200}'),
  'has no numbers': (_, response) => response.end('{"result":{"latitude":"51","longitude":"0"}}'),
  'has a place that is none': (_, response) => response.end('{"result":{"latitude":151,"longitude":0}}'),
  'is endless': (_, response) => response.end('x'.repeat(200_000)),
  'leads elsewhere': (_, response) => response.writeHead(302, { location: '/elsewhere' }).end(),
  'asks for patience': (_, response) => response.writeHead(429).end(),
})) {
  t.test(`an answer that ${what} is a failure, told without the postcode`, async (t) => {
    const { geocoder, failures } = await start(t, play)
    t.same(await geocoder('SE1 7EH'), MIDDLE)
    t.equal(failures.length, 1)
    t.notMatch(failures.join(), /SE1|7EH/i)
  })
}

t.test('nobody waits for it longer than a second', async (t) => {
  const { geocoder, failures } = await start(t, () => undefined)
  const began = performance.now()
  t.same(await geocoder('SE1 7EH'), MIDDLE)
  t.ok(performance.now() - began < 5_000)
  t.same(failures, ['no answer within 1000 ms'])
})

t.test('a private address is called only when it is allowed', async (t) => {
  const { geocoder, asked, failures } = await start(t, found, false)
  t.same(await geocoder('SE1 7EH'), MIDDLE)
  t.same(asked, [])
  t.same(failures, ['forbidden-address'])
})
