import { monitorEventLoopDelay } from 'node:perf_hooks'
import t, { type Test } from 'tap'
import type { FetchedDocument } from '../../connectors/connector.ts'
import { type BatchedReading, createReader, type Reader, type ReaderBounds } from '../../connectors/reader.ts'
import type { Entry } from '../../domain/items.ts'
import { bytesOf, read as readHere, rss } from './documents.ts'

const everything = { limits: { entries: Number.POSITIVE_INFINITY } }

t.test('a document is read as its connector reads it, and its bytes have moved to the thread', async (t) => {
  const reader = readerOf(t)
  const bytes = bytesOf('rss2/georss-stories.rss.xml')
  const asked = { url: 'https://feedback.example/feed' }
  const { entries, ...head } = readHere('rss2/georss-stories.rss.xml', asked)
  const { batches, count, ...readHead } = whole(await reader.read('feed', document(bytes, asked), {}))
  t.same(readHead, head)
  t.same(await all({ batches }), entries)
  t.equal(count, entries.length)
})

t.test(
  'the buffer of a large document moves, and that of a small one, which others share, stays',
  async (t) => {
    const reader = readerOf(t)
    const large = Buffer.from(stories(2_000))
    const small = Buffer.from(stories(1))
    await reader.read('feed', document(large), {})
    await reader.read('feed', document(small), {})
    t.equal(large.length, 0)
    t.equal(small.toString(), stories(1))
  },
)

t.test('many entries come in batches, one at a time, in their order', async (t) => {
  const reader = readerOf(t, { threads: 1, size: 100 })
  const reading = whole(await reader.read('feed', document(stories(250)), {}))
  t.equal(reading.count, 250)
  const sizes: number[] = []
  const ids: string[] = []
  for await (const batch of reading.batches()) {
    sizes.push(batch.length)
    ids.push(...batch.map(idOf))
  }
  t.same(sizes, [100, 100, 50])
  t.same(
    ids,
    Array.from({ length: 250 }, (_, n) => `s${n}`),
  )
})

t.test('entries with very long texts come in smaller batches', async (t) => {
  const reader = readerOf(t)
  const long = '<item><guid>a</guid><x>'.padEnd(1_500_000, 'words ')
  const reading = whole(await reader.read('feed', document(rss(`${long}</x></item>`.repeat(5))), {}))
  const sizes: number[] = []
  for await (const batch of reading.batches()) sizes.push(batch.length)
  t.same(sizes, [2, 2, 1])
})

t.test(
  'an entry that is longer than two million characters is none, and only its beginning is kept',
  async (t) => {
    const reader = readerOf(t)
    const long = (guid: string, length: number) =>
      `<item><guid>${guid}</guid><x>${'w'.repeat(length)}</x></item>`
    const bytes = rss(long('a', 2_000_000) + long('b', 1_000_000))
    const [first, second] = await all(whole(await reader.read('feed', document(bytes), {})))
    t.match(first, { problem: /longer than 2000000/, place: 'entry 1', externalId: 'a' })
    t.equal(first?.raw.length, 10_000)
    t.match(second, { item: { externalId: 'b' } })
    t.match(await reader.readAgain('feed', [first?.raw ?? ''], {}), [{ problem: String }])
  },
)

t.test('batches that are left early, or never fetched, hold up nobody', async (t) => {
  const reader = readerOf(t, { threads: 1, held: 0, size: 10, patience: 50 })
  const left = whole(await reader.read('feed', document(stories(100)), {}))
  for await (const _ of left.batches()) break
  await t.rejects(all(left), /in time/, 'what was left is not there any more')
  const never = whole(await reader.read('feed', document(stories(100)), {}))
  const other = whole(await reader.read('feed', document(stories(3)), {}))
  t.equal((await all(other)).length, 3)
  await t.rejects(all(never), /in time/)
})

t.test('while a long document is taken, others are read', async (t) => {
  const reader = readerOf(t, { threads: 1, held: 1, size: 10 })
  const long = whole(await reader.read('feed', document(stories(100)), {}))
  const batches = long.batches()[Symbol.asyncIterator]()
  await batches.next()
  t.equal((await all(whole(await reader.read('feed', document(stories(3)), {})))).length, 3)
  let taken = 10
  for (let batch = await batches.next(); !batch.done; batch = await batches.next())
    taken += batch.value.length
  t.equal(taken, 100)
  t.equal((await all(whole(await reader.read('feed', document(stories(3)), {})))).length, 3)
})

t.test('a document that takes too long is a failure, and the next one is read', async (t) => {
  const reader = readerOf(t, { threads: 1, milliseconds: 300 })
  const slow = document(stories(200_000))
  t.match(await reader.read('feed', slow, {}, everything), { failure: 'too-slow', detail: /300 ms/ })
  t.equal(whole(await reader.read('feed', document(stories(1)), {})).count, 1)
})

t.test('a document that takes too much memory is a failure, and the next one is read', async (t) => {
  const reader = readerOf(t, { threads: 1, megabytes: 24 })
  const large = document(stories(60_000))
  t.match(await reader.read('feed', large, {}, everything), { failure: 'too-much-memory' })
  t.equal(whole(await reader.read('feed', document(stories(1)), {})).count, 1)
})

t.test('a document whose connector throws is a failure without a word of it', async (t) => {
  const reader = readerOf(t)
  const failure = await reader.read('feed', document(stories(1)), { nonsense: 1 })
  t.same(failure, { failure: 'malformed', detail: 'the connector "feed" stopped with a TypeError' })
  t.match(await reader.read('nobody', document(stories(1)), {}), {
    failure: 'malformed',
    detail: /no connector/,
  })
})

t.test('more documents than threads are read one after the other', async (t) => {
  const reader = readerOf(t, { threads: 2, size: 10 })
  const counts = await Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      const reading = whole(await reader.read('feed', document(stories(n * 5)), {}))
      return (await all(reading)).length
    }),
  )
  t.same(counts, [0, 5, 10, 15, 20, 25, 30, 35])
})

t.test('raw texts are read again in their order, however many and long they are', async (t) => {
  const reader = readerOf(t, { threads: 1 })
  const entries = await all(whole(await reader.read('feed', document(stories(1_200)), {})))
  const raws = entries.map(({ raw }) => raw)
  t.same(await reader.readAgain('feed', raws, {}), entries)
  t.same(await reader.readAgain('feed', [], {}), [])
  await t.rejects(reader.readAgain('feed', raws.slice(0, 2), { nonsense: 1 }), /2 texts were not read again/)
})

t.test('what waits when a reader is closed is told so', async (t) => {
  const reader = createReader({ threads: 1, held: 0, size: 10 })
  const held = whole(await reader.read('feed', document(stories(100)), {}))
  const waiting = reader.read('feed', document(stories(1)), {})
  const rejected = t.rejects(waiting, /closed/)
  await reader.close()
  await rejected
  await t.rejects(reader.read('feed', document(stories(1)), {}), /closed/)
  await t.rejects(all(held))
})

t.test('the process is not held up by a document of 50,000 entries', async (t) => {
  const reader = readerOf(t, { threads: 1 })
  const large = document(stories(50_000))
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const reading = whole(await reader.read('feed', large, {}, everything))
  for await (const _ of reading.batches());
  delay.disable()
  t.equal(reading.count, 50_000)
  t.ok(delay.percentile(99) < 100e6, `the longest but 1 %: ${Math.round(delay.percentile(99) / 1e6)} ms`)
})

function readerOf(t: Test, bounds: Partial<ReaderBounds> = {}): Reader {
  const reader = createReader(bounds)
  t.teardown(reader.close)
  return reader
}

function document(bytes: string | Buffer, { url = 'https://feedback.example/feed' } = {}): FetchedDocument {
  return {
    bytes: typeof bytes === 'string' ? Buffer.from(bytes) : bytes,
    contentType: null,
    status: 200,
    url,
  }
}

function whole(reading: Awaited<ReturnType<Reader['read']>>): BatchedReading {
  if ('failure' in reading) throw new Error(`${reading.failure}: ${reading.detail}`)
  return reading
}

async function all({ batches }: Pick<BatchedReading, 'batches'>): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const batch of batches()) entries.push(...batch)
  return entries
}

function idOf(entry: Entry): string {
  return 'item' in entry ? entry.item.externalId : ''
}

function stories(count: number): string {
  const one = (n: number) =>
    `<item><guid isPermaLink="false">s${n}</guid><title>Story ${n}</title><description>Words. (Invented.)</description></item>`
  return rss(Array.from({ length: count }, (_, n) => one(n)).join(''))
}
