import { Worker } from 'node:worker_threads'
import type { FetchedDocument } from './connector.ts'
import type { OtherItem } from './second-opinion.ts'

export type OtherReading = { items: OtherItem[] } | { noOpinion: string }

export type ThreadBounds = { milliseconds: number; megabytes: number }

/** A document as it came, which the thread decodes, or its text. */
export type OtherDocument = string | Pick<FetchedDocument, 'bytes' | 'contentType'>

/**
 * How rss-parser reads a document: in a thread of its own, which is ended when it takes too long or too much memory;
 * whatever goes wrong there is no opinion, never an exception here, and there is none of what is no RSS.
 */
export function readWithRssParser(
  document: OtherDocument,
  { milliseconds, megabytes }: ThreadBounds = { milliseconds: 5_000, megabytes: 256 },
): Promise<OtherReading> {
  return new Promise((resolve) => {
    const worker = new Worker(new URL('./rss-parser-worker.ts', import.meta.url), {
      workerData: document,
      execArgv: [],
      env: {},
      stdout: true,
      stderr: true,
      resourceLimits: { maxOldGenerationSizeMb: megabytes, maxYoungGenerationSizeMb: 32 },
    })
    const finish = (reading: OtherReading) => {
      clearTimeout(timer)
      resolve(reading)
      void worker.terminate()
    }
    const timer = setTimeout(() => finish({ noOpinion: `no answer in ${milliseconds} ms` }), milliseconds)
    worker.once('message', (reading: OtherReading) => finish(reading))
    worker.once('error', (error) => finish({ noOpinion: reasonOf(error) }))
    worker.once('exit', () => finish({ noOpinion: 'the thread ended without an answer' }))
  })
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : 'it cannot read the document'
}
