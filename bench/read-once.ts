// One reading in a process of its own, so that its memory can be told: node bench/read-once.ts <engine> <file>
import { readFileSync } from 'node:fs'
import { createReader } from '../connectors/reader.ts'
import { rssDocument } from './rss-document.ts'

const [engine, file = ''] = process.argv.slice(2)
const bytes = readFileSync(file)
const read = engine === 'ours' ? ourReader() : await theirReader()
// As in a worker that has been at it for a while.
await read(rssDocument(200, ['B00']))
const idle = process.memoryUsage.rss()
const started = performance.now()
const items = await read(bytes)
const seconds = (performance.now() - started) / 1_000
const peak = process.resourceUsage().maxRSS * 1_024
console.log(JSON.stringify({ items, seconds, extraBytes: Math.max(0, peak - idle) }))
process.exit()

/** As a worker reads: in a thread, batch by batch, none of which is kept. */
function ourReader(): (document: Buffer) => Promise<number> {
  const reader = createReader({ threads: 1, milliseconds: 60_000, megabytes: 1_024 })
  return async (document) => {
    const answer = {
      bytes: document,
      contentType: 'application/rss+xml',
      status: 200,
      url: 'https://stories.example/feed',
    }
    const limits = { entries: Number.POSITIVE_INFINITY }
    const reading = await reader.read('feed', answer, {}, { limits })
    if ('failure' in reading) throw new Error(reading.detail)
    let items = 0
    for await (const batch of reading.batches()) items += batch.length
    return items
  }
}

async function theirReader(): Promise<(document: Buffer) => Promise<number>> {
  const { default: Parser } = await import('rss-parser')
  const parser = new Parser()
  return async (document) => (await parser.parseString(document.toString('utf8'))).items.length
}
