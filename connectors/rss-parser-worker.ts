import { parentPort, workerData } from 'node:worker_threads'
import Parser from 'rss-parser'
import type { OtherItem } from './second-opinion.ts'

const parser = new Parser<Record<string, unknown>, Record<string, unknown>>()
const { items } = await parser.parseString(workerData)
parentPort?.postMessage(items.map(otherItem))

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
