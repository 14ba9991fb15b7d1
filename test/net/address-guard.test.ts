import t from 'tap'
import { isPublicAddress, urlProblem } from '../../net/address-guard.ts'
import { fetcherFor, serve, serveRaw } from './servers.ts'

const REFUSED = {
  loopback: '127.0.0.1',
  'loopback beyond .1': '127.8.9.10',
  'this network': '0.0.0.0',
  'private 10/8': '10.0.0.1',
  'private 172.16/12': '172.31.255.255',
  'private 192.168/16': '192.168.1.1',
  'cloud metadata': '169.254.169.254',
  'carrier-grade NAT': '100.64.0.1',
  'protocol assignments': '192.0.0.8',
  documentation: '203.0.113.7',
  benchmarking: '198.18.0.1',
  '6to4 relay': '192.88.99.1',
  multicast: '224.0.0.1',
  reserved: '240.0.0.1',
  broadcast: '255.255.255.255',
  'unspecified v6': '::',
  'loopback v6': '::1',
  'mapped private': '::ffff:10.0.0.1',
  'mapped loopback in hexadecimal': '::ffff:7f00:1',
  'v4-compatible loopback': '::127.0.0.1',
  'v4-translated': '::ffff:0:7f00:1',
  'link-local v6': 'fe80::1',
  'link-local v6 with zone': 'fe80::1%eth0',
  'public v6 with zone': '2606:4700::1111%eth0',
  'unique local': 'fc00::1',
  'unique local fd': 'fd12:3456::1',
  'site-local': 'fec0::1',
  'multicast v6': 'ff02::1',
  NAT64: '64:ff9b::7f00:1',
  'local NAT64': '64:ff9b:1::7f00:1',
  '6to4': '2002:7f00:1::1',
  Teredo: '2001::1',
  'documentation v6': '2001:db8::1',
  'discard only': '100::1',
  'not assigned': '4000::1',
  'short form': '127.1',
  hexadecimal: '0x7f.1',
  'one number': '2130706433',
  octal: '0177.0.0.1',
  'with port': '8.8.8.8:80',
  'in brackets': '[2606:4700::1111]',
  'a name': 'localhost',
  nothing: '',
}

const PUBLIC = ['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '::ffff:8.8.8.8', '2606:4700::1111']

t.test('only globally reachable unicast addresses are public', async (t) => {
  for (const [what, ip] of Object.entries(REFUSED)) t.equal(isPublicAddress(ip), false, `${what}: ${ip}`)
  for (const ip of PUBLIC) t.equal(isPublicAddress(ip), true, ip)
})

t.test(
  'a URL is refused for its scheme, its credentials or its literal address, however it is written',
  async (t) => {
    const refused = [
      'ftp://provider.example/feed',
      'file:///etc/passwd',
      'gopher://provider.example/',
      'data:text/xml,<rss/>',
      'http://127.1/',
      'http://0x7f.1/',
      'http://2130706433/',
      'http://017700000001/',
      'http://127.0.0.1:80/',
      'http://127。0。0。1/',
      'http://[::1]/',
      'http://[::ffff:10.0.0.1]/',
      'http://[::ffff:0a00:1]/',
      'http://[64:ff9b::7f00:1]/',
      'http://169.254.169.254/latest/meta-data/',
      'http://0/',
      'http://provider.example@127.0.0.1/',
      'https://user:secret@provider.example/feed',
      'http://127.0.0.1:4011/',
      'http://127.0.0.2:4010/',
      'http://[::1]:4011/',
    ]
    for (const url of refused)
      t.type(urlProblem(new URL(url), ['127.0.0.1:4010', '[::1]:4010']), 'string', url)
  },
)

t.test('an allowed pair is taken literally: host and port, nothing near it', async (t) => {
  const allowed = ['127.0.0.1:4010', '[::1]:4010', '127.0.0.1:443']
  for (const url of ['http://127.0.0.1:4010/feed', 'http://[::1]:4010/', 'https://127.0.0.1/']) {
    t.equal(urlProblem(new URL(url), allowed), null, url)
  }
  t.equal(urlProblem(new URL('https://provider.example/feed?apikey=1'), []), null)
})

t.test('a literal private address never sees a connection', async (t) => {
  let connections = 0
  const server = await serveRaw(t, () => connections++, '127.0.0.1')
  const fetcher = fetcherFor(t, [])
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f.1',
    '2130706433',
    '[::ffff:127.0.0.1]',
    'public.example@127.0.0.1',
  ]) {
    const result = await fetcher.fetchDocument({ url: `http://${host}:${server.port}/` })
    t.match(result, { outcome: 'failed', reason: 'forbidden-address' }, host)
  }
  t.equal(connections, 0)
})

t.test('a name is refused when any of its addresses is private', async (t) => {
  let connections = 0
  const server = await serveRaw(t, () => connections++, '127.0.0.1')
  for (const addresses of [
    ['127.0.0.1'],
    ['10.0.0.1'],
    ['8.8.8.8', '127.0.0.1'],
    ['::1'],
    ['::ffff:169.254.169.254'],
    ['fd00::1'],
  ]) {
    const fetcher = fetcherFor(t, [], { lookup: async () => addresses.map(resolved) })
    for (const name of ['localhost', 'localhost.', 'internal.provider.example']) {
      const result = await fetcher.fetchDocument({ url: `http://${name}:${server.port}/feed?apikey=SECRET` })
      t.match(result, { outcome: 'failed', reason: 'forbidden-address' }, `${name} is ${addresses}`)
    }
  }
  t.equal(connections, 0)
})

t.test('the checked address is the one connected to, and the name stays in Host', async (t) => {
  const server = await serve(t, (request, response) => response.end(request.headers.host))
  const [host = ''] = server.authority.split(':')
  const answers = [[host], ['127.0.0.250']]
  let lookups = 0
  const name = `feeds.provider.example:${server.port}`
  const fetcher = fetcherFor(t, [{ authority: name }], {
    lookup: async () => (answers[lookups++] ?? []).map(resolved),
  })
  const result = await fetcher.fetchDocument({ url: `http://${name}/` })
  t.equal(result.outcome === 'document' && result.bytes.toString(), name)
  t.equal(lookups, 1, 'a second lookup could have given another address')
})

t.test('when the first address of a name is dead, the next is tried', async (t) => {
  const server = await serve(t, (_request, response) => response.end('alive'))
  const [host = ''] = server.authority.split(':')
  const name = `feeds.provider.example:${server.port}`
  const fetcher = fetcherFor(t, [{ authority: name }], {
    lookup: async () => ['127.0.0.251', host].map(resolved),
  })
  t.match(await fetcher.fetchDocument({ url: `http://${name}/` }), { outcome: 'document', status: 200 })
})

t.test('over TLS the name goes out as SNI while the connection is pinned', async (t) => {
  let hello = ''
  const server = await serveRaw(t, (socket) =>
    socket.once('data', (data) => {
      hello = data.toString('latin1')
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    }),
  )
  const [host = ''] = server.authority.split(':')
  const name = `feeds.provider.example:${server.port}`
  const fetcher = fetcherFor(t, [{ authority: name }], { lookup: async () => [resolved(host)] })
  t.match(await fetcher.fetchDocument({ url: `https://${name}/` }), { outcome: 'failed', reason: 'tls' })
  t.match(hello, 'feeds.provider.example')
})

t.test('a redirect to a private address is refused, whatever form it takes', async (t) => {
  let connections = 0
  const inner = await serveRaw(t, () => connections++, '127.0.0.1')
  for (const target of [
    `http://127.0.0.1:${inner.port}/`,
    `//127.1:${inner.port}/`,
    `http://[::ffff:7f00:1]:${inner.port}/`,
    `http://inner.example:${inner.port}/`,
    'file:///etc/passwd',
    'http://169.254.169.254/latest/meta-data/',
  ]) {
    const server = await serve(t, (_request, response) => response.writeHead(302, { location: target }).end())
    const fetcher = fetcherFor(t, [server], { lookup: async () => [resolved('127.0.0.1')] })
    const result = await fetcher.fetchDocument({ url: `${server.url}/feed` })
    t.match(result, { outcome: 'failed', reason: 'forbidden-address' }, target)
  }
  t.equal(connections, 0)
})

t.test('a name that does not resolve, or not in time, is a DNS failure', async (t) => {
  const lookups = {
    'an error': () => Promise.reject(Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })),
    'no address': async () => [],
    'no answer': () => new Promise<never>(() => {}),
  }
  for (const [what, lookup] of Object.entries(lookups)) {
    const fetcher = fetcherFor(t, [], { lookup, limits: { connectMs: 50 } })
    const result = await fetcher.fetchDocument({ url: 'https://feeds.provider.example/?apikey=SECRET' })
    t.match(result, { outcome: 'failed', reason: 'dns' }, what)
  }
})

function resolved(address: string) {
  return { address, family: address.includes(':') ? 6 : 4 }
}
