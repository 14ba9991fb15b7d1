import t, { type Test } from 'tap'
import type { Reading } from '../../connectors/connector.ts'
import { readingFindings } from '../../connectors/contract.ts'
import { xmlLimits } from '../../connectors/xml-reader.ts'
import type { DocumentFailure } from '../../domain/items.ts'
import { bytesOf, documentsIn, readAny } from './documents.ts'
import { hostileJson } from './hostile-json.ts'
import { hostileXml } from './hostile-xml.ts'

const url = 'https://feedback.example/feed'
const size = 120_000

/** Generous, on a machine that does other work as well: quadratic work takes many times as long. */
const bound = { times: 3, atOnce: 250, most: 2_500 }

for (const { name, connectors, make } of [...hostileXml, ...hostileJson]) {
  for (const connector of connectors) {
    t.test(
      `${name}: ${connector} reads twice as much in about twice the time, within the limits`,
      async (t) => {
        const once = timed(connector, make(size))
        const twice = timed(connector, make(2 * size))
        t.ok(twice.took < bound.times * once.took + bound.atOnce, `${once.took} ms and ${twice.took} ms`)
        t.ok(twice.took < bound.most, `${twice.took} ms`)
        keepsLimits(t, twice.read)
      },
    )
  }
}

// A bomb never comes as far as this: net/body.ts refuses it at the limit (test/net/body.test.ts).
for (const file of documentsIn('attack').filter((name) => !name.endsWith('.gz'))) {
  t.test(`${file} is read or refused at once, within the limits`, async (t) => {
    const { took, read } = timed(null, bytesOf(file))
    t.ok(took < bound.most, `${took} ms`)
    keepsLimits(t, read)
  })
}

function timed(connector: string | null, document: string | Buffer) {
  const bytes = typeof document === 'string' ? Buffer.from(document) : document
  const before = process.cpuUsage()
  const read = readAny('feed', bytes, { url, ...(connector && { connector }) })
  const { user, system } = process.cpuUsage(before)
  return { read, took: Math.round((user + system) / 1_000) }
}

function keepsLimits(t: Test, read: Reading | DocumentFailure): void {
  if ('failure' in read) {
    t.not(read.detail, '')
    return
  }
  t.same(readingFindings(read, url).slice(0, 3), [])
  t.ok(read.entries.length <= xmlLimits.entries)
  t.ok(read.entries.every((entry) => lengthOfText(entry) <= xmlLimits.text))
}

function lengthOfText(entry: Reading['entries'][number]): number {
  if (!('item' in entry) || entry.item.type === 'deletion') return 0
  const title = entry.item.type === 'story' ? (entry.item.title ?? '') : ''
  return Math.max(entry.item.text.length, title.length)
}
