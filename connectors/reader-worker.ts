import { parentPort } from 'node:worker_threads'
import type { Entry } from '../domain/items.ts'
import { type Connector, connectorFor } from './connector.ts'
import type { ReaderAnswer, ReaderAsk } from './reader-thread.ts'

/** What was read and not fetched yet. */
let entries: Entry[] = []
let fetched = 0

parentPort?.on('message', (ask: ReaderAsk) => parentPort?.postMessage(answerTo(ask)))
parentPort?.postMessage({ ready: true } satisfies ReaderAnswer)

function answerTo(ask: ReaderAsk): ReaderAnswer {
  switch (ask.do) {
    case 'read':
      return attempted(ask.connector, (connector) => {
        const reading = connector.read(ask.document, ask.settings, ask.options)
        if ('failure' in reading) return reading
        const { entries: all, ...head } = reading
        entries = all.map(bounded)
        fetched = 0
        return { head, count: all.length, entries: nextEntries(ask.size) }
      })
    case 'next':
      return { entries: nextEntries(ask.size) }
    case 'read-again':
      return attempted(ask.connector, (connector) => ({
        entries: ask.raws.map((raw) => connector.readAgain(raw, ask.settings)),
      }))
  }
}

// What is stored of an entry is its raw text, in the main thread.
const CHARACTERS_IN_AN_ENTRY = 2_000_000
const CHARACTERS_KEPT = 10_000

/** The entry, unless it is very long: then it is none, and only its beginning is kept. */
function bounded(entry: Entry, index: number): Entry {
  if (entry.raw.length <= CHARACTERS_IN_AN_ENTRY) return entry
  const raw = entry.raw.slice(0, CHARACTERS_KEPT)
  const problem = `longer than ${CHARACTERS_IN_AN_ENTRY} characters`
  if ('item' in entry) return { raw, problem, place: `entry ${index + 1}`, externalId: entry.item.externalId }
  return { ...entry, raw, problem }
}

// A batch is copied into the main thread at one go, which is not to be long about it.
const CHARACTERS_IN_A_BATCH = 4_000_000

function nextEntries(size: number): Entry[] {
  const from = fetched
  for (let characters = 0; fetched < entries.length && fetched - from < size; fetched++) {
    characters += entries[fetched]?.raw.length ?? 0
    if (characters > CHARACTERS_IN_A_BATCH && fetched > from) break
  }
  const next = entries.slice(from, fetched)
  if (fetched === entries.length) entries = []
  if (entries.length === 0) fetched = 0
  return next
}

function attempted(name: string, work: (connector: Connector) => ReaderAnswer): ReaderAnswer {
  const connector = connectorFor(name)
  if (connector === null) return { failure: 'malformed', detail: `there is no connector "${name}"` }
  try {
    return work(connector)
  } catch (error) {
    // The message of an error may hold words of the document.
    const kind = error instanceof Error ? error.name : typeof error
    return { failure: 'malformed', detail: `the connector "${name}" stopped with a ${kind}` }
  }
}
