import { Worker } from 'node:worker_threads'
import type { DocumentFailure, Entry } from '../domain/items.ts'
import type { FetchedDocument, Reading, ReadOptions } from './connector.ts'

/** What a thread is asked; it answers each in turn. */
export type ReaderAsk =
  | {
      do: 'read'
      connector: string
      document: FetchedDocument
      settings: unknown
      options: ReadOptions
      size: number
    }
  | { do: 'next'; size: number }
  | { do: 'read-again'; connector: string; raws: readonly string[]; settings: unknown }

export type ReadAnswer = { head: Omit<Reading, 'entries'>; count: number; entries: Entry[] }

export type ReaderAnswer = { ready: true } | ReadAnswer | { entries: Entry[] } | DocumentFailure

/** A thread that reads; it is asked one thing at a time. */
export type Thread = {
  /** The answer, or why there is none; rejects when the thread could not start or was ended. */
  ask: (ask: ReaderAsk, transfer?: ArrayBuffer[]) => Promise<Exclude<ReaderAnswer, { ready: true }>>
  isAlive: () => boolean
  end: () => Promise<unknown>
}

export type ThreadBounds = {
  /** For one answer. */
  milliseconds: number
  /** Of its heap. */
  megabytes: number
}

/** Starts a thread; one that takes too long or too much memory ends, and the process goes on. */
export function startThread({ milliseconds, megabytes }: ThreadBounds): Thread {
  const worker = new Worker(new URL('./reader-worker.ts', import.meta.url), {
    execArgv: [],
    env: {},
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: megabytes, maxYoungGenerationSizeMb: YOUNG_MEGABYTES },
  })
  const ready = Promise.withResolvers<void>()
  let ended: DocumentFailure | Error | null = null
  let waiting: PromiseWithResolvers<ReaderAnswer> | null = null

  const end = async (why: DocumentFailure | Error) => {
    ended ??= why
    ready.resolve()
    settle(ended)
    await worker.terminate()
  }
  const settle = (answer: ReaderAnswer | Error) => {
    if (answer instanceof Error) waiting?.reject(answer)
    else waiting?.resolve(answer)
    waiting = null
  }
  worker.on('message', (answer: ReaderAnswer) => ('ready' in answer ? ready.resolve() : settle(answer)))
  worker.on('error', (error) => void end(isOutOfMemory(error) ? tooMuchMemory : noThread(error)))
  worker.on('exit', () => void end(new Error('a reading thread was ended')))
  worker.unref()

  return {
    async ask(ask, transfer = []) {
      worker.ref()
      await ready.promise
      const asked = Promise.withResolvers<ReaderAnswer>()
      waiting = asked
      const timer = setTimeout(() => void end(tooSlow(milliseconds)), milliseconds)
      try {
        if (ended !== null) settle(ended)
        else worker.postMessage(ask, transfer)
        return (await asked.promise) as Exclude<ReaderAnswer, { ready: true }>
      } finally {
        clearTimeout(timer)
        worker.unref()
      }
    },
    isAlive: () => ended === null,
    end: () => end(new Error('a reading thread was ended')),
  }
}

const YOUNG_MEGABYTES = 16

const tooMuchMemory: DocumentFailure = {
  failure: 'too-much-memory',
  detail: 'It takes more memory to read than a document may.',
}

function tooSlow(milliseconds: number): DocumentFailure {
  return { failure: 'too-slow', detail: `It could not be read within ${milliseconds} ms.` }
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY'
}

// What stops a thread outside of a connector is ours, not the document's.
function noThread(cause: unknown): Error {
  return new Error('a reading thread stopped', { cause })
}
