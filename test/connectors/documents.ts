import { readdirSync, readFileSync } from 'node:fs'
import { type Connector, connectorFor, connectorNames, type Reading } from '../../connectors/connector.ts'
import type { Subject } from '../../connectors/contract.ts'
import type { DocumentFailure, Item, Reply, Story } from '../../domain/items.ts'

type Asked = {
  connector?: string
  settings?: unknown
  contentType?: string | null
  status?: number
  url?: string
  limits?: Parameters<Connector['read']>[2]
}

/** All saved documents but the hostile ones. */
export const savedFolders = [
  'atom',
  'care-opinion',
  'encoding',
  'jsonfeed',
  'nhs-choices',
  'nhs-comments',
  'oddities',
  'rss1',
  'rss2',
]

export const feeds = new URL('../feeds/', import.meta.url)

export function bytesOf(file: string): Buffer {
  return readFileSync(new URL(file, feeds))
}

export function connectorOf(file: string): Connector {
  const named = connectorNames().find((name) => new RegExp(`(^|/)${name}`).test(file))
  const connector = connectorFor(named ?? (/(^|\/)nhs-/.test(file) ? 'nhs-choices' : 'feed'))
  if (connector === null) throw new Error(`no connector for ${file}`)
  return connector
}

/** Reads a saved document, or bytes, as a poll would. */
export function readAny(file: string, bytes: Uint8Array, asked: Asked = {}): Reading | DocumentFailure {
  const connector = asked.connector ? connectorFor(asked.connector) : connectorOf(file)
  if (!connector) throw new Error(`no connector ${asked.connector}`)
  const { contentType = null, status = 200, url = 'https://feedback.example/feed' } = asked
  return connector.read({ bytes, contentType, status, url }, asked.settings ?? {}, asked.limits)
}

export function read(file: string, asked: Asked = {}): Reading {
  const reading = readAny(file, bytesOf(file), asked)
  if ('failure' in reading) throw new Error(`${file}: ${reading.failure}, ${reading.detail}`)
  return reading
}

export function readText(text: string, asked: Asked = {}): Reading {
  const reading = readAny('text', Buffer.from(text), asked)
  if ('failure' in reading) throw new Error(`${reading.failure}, ${reading.detail}`)
  return reading
}

export function rss(items: string): string {
  return `<?xml version="1.0"?><rss version="2.0"><channel><title>T</title>${items}</channel></rss>`
}

export function itemsOf(reading: Reading): Item[] {
  return reading.entries.flatMap((entry) => ('item' in entry ? [entry.item] : []))
}

export function storiesOf(reading: Reading): Story[] {
  return itemsOf(reading).filter((item) => item.type === 'story')
}

export function repliesOf(reading: Reading): Reply[] {
  return itemsOf(reading).filter((item) => item.type === 'reply')
}

export function deletedIn(reading: Reading): string[] {
  return itemsOf(reading).flatMap((item) => (item.type === 'deletion' ? [item.externalId] : []))
}

export function storyAt(reading: Reading, index = 0): Story {
  const item = itemsOf(reading)[index]
  if (item?.type !== 'story') throw new Error(`no story at ${index}`)
  return item
}

export function replyAt(reading: Reading, index = 0): Reply {
  const item = itemsOf(reading)[index]
  if (item?.type !== 'reply') throw new Error(`no reply at ${index}`)
  return item
}

export function problemsOf(reading: Reading): string[] {
  return reading.entries.flatMap((entry) => ('problem' in entry ? [`${entry.place}: ${entry.problem}`] : []))
}

/** A saved document with the connector that reads it, for the checks of the contract. */
export function subjectOf(file: string, bytes: Uint8Array = bytesOf(file)): Subject {
  const url = 'https://feedback.example/a/feed?apikey=KEY'
  return {
    connector: connectorOf(file),
    settings: {},
    document: { bytes, contentType: null, status: 200, url },
  }
}

export function documentsIn(...folders: string[]): string[] {
  return folders.flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, feeds)).map((file) => `${folder}/${file}`),
  )
}
