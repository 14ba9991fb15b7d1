import { parentPort, workerData } from 'node:worker_threads'
import Parser from 'rss-parser'
import { decodeDocument } from './decode.ts'
import type { OtherDocument, OtherReading } from './rss-parser-thread.ts'
import type { OtherItem } from './second-opinion.ts'
import { endOfProlog } from './xml-prolog.ts'

parentPort?.postMessage(await reading(workerData))

async function reading(document: OtherDocument): Promise<OtherReading> {
  const text =
    typeof document === 'string' ? document : decodeDocument(document.bytes, document.contentType).text
  if (!isRss(text)) return { noOpinion: 'it is no RSS' }
  const parser = new Parser<Record<string, unknown>, Record<string, unknown>>()
  const { items } = await parser.parseString(text)
  return { items: items.map(otherItem) }
}

function isRss(text: string): boolean {
  const root = endOfProlog(text)
  const name = /^<(?:[\w.-]+:)?([\w.-]+)[\s>]/.exec(text.slice(root, root + 200))?.[1]
  return name === 'rss' || name === 'RDF'
}

function otherItem(item: Record<string, unknown>): OtherItem {
  return {
    id: text(item.guid) ?? text(item['rdf:about']) ?? text(item.id),
    title: text(item.title),
    link: text(item.link),
    published: text(item.isoDate),
  }
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
