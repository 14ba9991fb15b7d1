import { createHash } from 'node:crypto'
import type { Db } from '../prisma/client.ts'
import { askRun } from './asked-runs.ts'
import type { ClientCaller } from './callers.ts'
import { invalid } from './errors.ts'
import { once } from './idempotency.ts'
import { holdActiveSource } from './push-items.ts'
import { keepDocument, type SentDocument } from './run-documents.ts'
import { type RunRow, runById } from './runs.ts'
import { visibleSource } from './source-access.ts'

/**
 * Keeps a pushed document for a worker, which reads and takes it; a repeat with the same key gets the same run. Throws
 * `validation_failed` for an empty one, `source_paused`, and as `getSource` does.
 */
export async function pushDocument(
  db: Db,
  client: ClientCaller,
  name: string,
  document: SentDocument,
  { key, now }: { key: string | undefined; now: Date },
): Promise<RunRow> {
  const { id: sourceId } = await visibleSource(db.pool, client, name)
  if (document.bytes.length === 0) {
    throw invalid({ pointer: '', code: 'too_short', detail: 'The body is empty: send the document.' })
  }
  const body = createHash('sha256').update(document.bytes).digest('hex')
  const { runId } = await once(db, client, { key, operation: `pushDocument ${name}`, body }, async (tx) => {
    await holdActiveSource(tx, sourceId)
    const runId = await askRun(tx, client, { sourceId, kind: 'document', now })
    await keepDocument(tx, runId, document)
    return { runId }
  })
  return runById(db.pool, name, runId)
}
