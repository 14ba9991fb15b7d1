import type { DocumentFailure, Entry } from '../domain/items.ts'
import type { FetchedDocument, Reading, ReadOptions } from './connector.ts'
import { createPool, type PoolBounds } from './reader-pool.ts'
import type { ReadAnswer, Thread } from './reader-thread.ts'

/** A reading whose entries come batch by batch, so that no more than one batch is held here at a time. */
export type BatchedReading = Omit<Reading, 'entries'> & {
  /** Entries in all. */
  count: number
  /** Walked through once; a walk that is left early gives its thread back. */
  batches: () => AsyncIterable<Entry[]>
}

/** Reads documents in threads, so that none of them holds up the process, whatever is in it. */
export type Reader = {
  /**
   * As the connector of that name reads. The bytes move to the thread: here they are gone. What takes too long or too
   * much memory is a failure, and so is what a connector throws at.
   */
  read: (
    connector: string,
    document: FetchedDocument,
    settings: unknown,
    options?: ReadOptions,
  ) => Promise<BatchedReading | DocumentFailure>
  /** The entries that raw texts hold, in their order; rejects when one of them stops its connector. */
  readAgain: (connector: string, raws: readonly string[], settings: unknown) => Promise<Entry[]>
  close: () => Promise<void>
}

/** For one document so many milliseconds, and so many megabytes of a thread's heap. */
export type ReaderBounds = PoolBounds & {
  /** Entries in a batch, at most. */
  size: number
  /** For how long, in milliseconds, what was read waits for somebody to fetch it. */
  patience: number
}

const readerBounds: ReaderBounds = {
  threads: 2,
  held: 4,
  milliseconds: 30_000,
  megabytes: 512,
  size: 500,
  patience: 300_000,
}

/** Makes a reader; its threads start when they are needed, stay for the next document, and hold up no process that ends. */
export function createReader(own: Partial<ReaderBounds> = {}): Reader {
  const bounds = { ...readerBounds, ...own }
  const { size, patience } = bounds
  const pool = createPool(bounds)
  const held: Held = new Set()
  return {
    async read(connector, document, settings, options = {}) {
      const thread = await pool.take()
      const retire = document.bytes.byteLength > RETIRE_AFTER
      try {
        const bytes = ownBytes(document.bytes)
        const { contentType, status, url } = document
        const answer = await thread.ask(
          { do: 'read', connector, document: { bytes, contentType, status, url }, settings, options, size },
          [bytes.buffer],
        )
        if ('failure' in answer) {
          pool.giveBack(thread, retire)
          return answer
        }
        const hold = () => pool.hold(thread)
        const done = () => pool.giveBack(thread, retire)
        return batched(answer as ReadAnswer, { thread, size, patience, held, hold, done })
      } catch (error) {
        pool.giveBack(thread)
        throw error
      }
    },
    async readAgain(connector, raws, settings) {
      const entries: Entry[] = []
      for (const some of portionsOf(raws)) {
        const thread = await pool.take()
        try {
          const answer = await thread.ask({ do: 'read-again', connector, raws: some, settings })
          if ('failure' in answer)
            throw new Error(`${some.length} texts were not read again: ${answer.detail}`)
          entries.push(...answer.entries)
        } finally {
          pool.giveBack(thread)
        }
      }
      return entries
    },
    async close() {
      for (const letGo of held) letGo()
      await pool.close()
    },
  }
}

// A thread that has read more ends, so that its memory goes back.
const RETIRE_AFTER = 4_000_000

/** Bytes whose buffer is theirs alone, so that it can move; small Buffers share theirs with others. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes
  const isAlone = buffer instanceof ArrayBuffer && buffer.byteLength === byteLength
  return isAlone ? new Uint8Array(buffer) : Uint8Array.from(bytes)
}

/** How each thread is let go that holds entries which nobody has fetched yet. */
type Held = Set<() => void>

type Batching = {
  thread: Thread
  size: number
  patience: number
  held: Held
  hold: () => void
  done: () => void
}

/** Most documents come whole with the first answer, and their thread is free at once. */
function batched({ head, count, entries }: ReadAnswer, batching: Batching): BatchedReading {
  const isWhole = entries.length === count
  if (isWhole) batching.done()
  else batching.hold()
  const batches = isWhole ? inline(entries) : heldBatches(count, entries, batching)
  return { ...head, count, batches: () => ({ [Symbol.asyncIterator]: () => batches }) }
}

async function* inline(entries: Entry[]): AsyncGenerator<Entry[]> {
  if (entries.length > 0) yield entries
}

/** Fetches batch after batch; what nobody fetches in time is let go, so that the thread can read for others. */
function heldBatches(count: number, first: Entry[], batching: Batching): AsyncIterator<Entry[]> {
  const { thread, size, patience, held, done } = batching
  let next: Entry[] | null = first
  let seen = 0
  let over = false
  let timer: NodeJS.Timeout | undefined
  const letGo = () => {
    clearTimeout(timer)
    if (over) return
    over = true
    held.delete(letGo)
    // What it has still to give goes with it.
    if (seen < count) void thread.end()
    done()
  }
  const wait = () => {
    timer = setTimeout(letGo, patience)
  }
  held.add(letGo)
  wait()
  return {
    async next() {
      if (seen === count) return { done: true, value: undefined }
      clearTimeout(timer)
      try {
        if (over) throw new Error('nobody has fetched the entries in time, or all of them were left')
        const value = next ?? (await fetchedFrom(thread, size))
        next = null
        seen += value.length
        if (seen === count) letGo()
        else wait()
        return { done: false, value }
      } catch (error) {
        letGo()
        throw error
      }
    },
    async return() {
      letGo()
      return { done: true, value: undefined }
    },
  }
}

async function fetchedFrom(thread: Thread, size: number): Promise<Entry[]> {
  const answer = await thread.ask({ do: 'next', size })
  if ('failure' in answer) throw new Error(`the rest of a document could not be fetched: ${answer.failure}`)
  return answer.entries
}

// What goes to a thread at one go is copied in this one, which is not to be long about it.
const CHARACTERS_AT_ONCE = 2_000_000

function portionsOf(raws: readonly string[]): string[][] {
  const portions: string[][] = []
  let characters = Number.POSITIVE_INFINITY
  for (const raw of raws) {
    characters += raw.length
    if (characters <= CHARACTERS_AT_ONCE) portions.at(-1)?.push(raw)
    else {
      portions.push([raw])
      characters = raw.length
    }
  }
  return portions
}
