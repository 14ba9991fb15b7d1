import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { brotliCompressSync, createGzip, deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { readBody } from '../../net/body.ts'
import { fetcherFor, serve } from './servers.ts'

const TEXT = '<feed>Patients’ stories</feed>'.repeat(100)
const LIMITS = { wireBytes: 5_000_000, decodedBytes: 20_000_000 }

t.test(
  'one layer of gzip, deflate (zlib or raw) or brotli is unpacked, and the hash is of what is inside',
  async (t) => {
    const packed: Record<string, Buffer> = {
      gzip: gzipSync(TEXT),
      'X-GZIP': gzipSync(TEXT),
      deflate: deflateSync(TEXT),
      ' Deflate ': deflateRawSync(TEXT),
      br: brotliCompressSync(TEXT),
      identity: Buffer.from(TEXT),
      'identity, gzip': gzipSync(TEXT),
      '': Buffer.from(TEXT),
    }
    const sha256 = createHash('sha256').update(TEXT).digest('hex')
    for (const [encoding, bytes] of Object.entries(packed)) {
      const body = await readBody(Readable.from([bytes.subarray(0, 1), bytes.subarray(1)]), encoding, LIMITS)
      t.equal(body.bytes.toString(), TEXT, encoding)
      t.equal(body.sha256, sha256, encoding)
    }
  },
)

t.test('an empty body is empty whatever encoding it names', async (t) => {
  for (const encoding of ['gzip', 'br', 'deflate', '']) {
    t.equal((await readBody(Readable.from([]), encoding, LIMITS)).bytes.length, 0, encoding)
  }
})

t.test('two layers, an unknown one, a broken or a cut one are refused', async (t) => {
  const cut = gzipSync(TEXT).subarray(0, -20)
  const bodies: [string, string, Buffer][] = [
    ['two layers', 'gzip, gzip', gzipSync(gzipSync(TEXT))],
    ['unknown', 'zstd', Buffer.from(TEXT)],
    ['not gzip', 'gzip', Buffer.from(TEXT)],
    ['not brotli', 'br', Buffer.from(TEXT)],
    ['not deflate', 'deflate', Buffer.from(TEXT)],
    ['cut gzip', 'gzip', cut],
    ['cut brotli', 'br', brotliCompressSync(TEXT).subarray(0, -5)],
  ]
  for (const [what, encoding, bytes] of bodies) {
    const server = await serve(t, (_request, response) =>
      response.writeHead(200, { 'content-encoding': encoding }).end(bytes),
    )
    const result = await fetcherFor(t, [server]).fetchDocument({ url: server.url })
    t.match(result, { outcome: 'failed', reason: 'encoding' }, what)
  }
})

t.test('a gzip bomb of 100 MB ends early', async (t) => {
  let unpacked = 0
  const server = await serve(t, (_request, response) => {
    response.writeHead(200, { 'content-encoding': 'gzip' })
    zeros(100_000_000, (bytes) => {
      unpacked = bytes
    })
      .pipe(createGzip())
      .pipe(response)
  })
  const result = await fetcherFor(t, [server], { limits: { decodedBytes: 1_000_000 } }).fetchDocument({
    url: server.url,
  })
  t.match(result, { outcome: 'failed', reason: 'too-large', detail: /unpacked/ })
  t.ok(unpacked < 100_000_000, `the server was stopped at ${unpacked}`)
})

t.test('a body without end is cut at the limit, on the wire and for this request alone', async (t) => {
  const server = await serve(t, (_request, response) => void createReadStream('/dev/zero').pipe(response))
  const fetcher = fetcherFor(t, [server], { limits: { wireBytes: 300_000 } })
  const large = { outcome: 'failed', reason: 'too-large', detail: /on the wire/ }
  t.match(await fetcher.fetchDocument({ url: server.url }), large)
  t.match(await fetcher.fetchDocument({ url: server.url, limits: { wireBytes: 10 } }), large)
  t.match(await fetcher.fetchDocument({ url: server.url, limits: { wireBytes: undefined } }), large)
})

t.test('a body of exactly the limit passes, one byte more does not', async (t) => {
  const server = await serve(t, (_request, response) => response.end('x'.repeat(1_000)))
  const fetcher = fetcherFor(t, [server])
  const fetchWith = (wireBytes: number) => fetcher.fetchDocument({ url: server.url, limits: { wireBytes } })
  t.match(await fetchWith(1_000), { outcome: 'document' })
  t.match(await fetchWith(999), { outcome: 'failed', reason: 'too-large' })
})

function zeros(total: number, count: (bytes: number) => void): Readable {
  const block = Buffer.alloc(100_000)
  let sent = 0
  return new Readable({
    read() {
      if (sent >= total) return void this.push(null)
      sent += block.length
      count(sent)
      this.push(block)
    },
  })
}
