import { type Db, row, rows, type Tx } from '../prisma/client.ts'

/** A document as it was sent, with the Content-Type that it came with. */
export type SentDocument = { bytes: Uint8Array; contentType: string }

/** Keeps the document of a run that waits for a worker, sealed, in the caller's transaction; it goes when the run ends. */
export async function keepDocument(
  tx: Tx,
  runId: number,
  { bytes, contentType }: SentDocument,
): Promise<void> {
  await rows(tx, 'insert into run_documents (run_id, content_type, sealed) values ($1, $2, $3)', [
    runId,
    contentType,
    tx.vault.seal(placeOf(runId), Buffer.from(bytes).toString('base64')),
  ])
}

/** The document of a run; null when it has none, or none any more. */
export async function openDocument(db: Db, runId: number): Promise<SentDocument | null> {
  const kept = await row<{ contentType: string; sealed: string }>(
    db.pool,
    'select content_type as "contentType", sealed from run_documents where run_id = $1',
    [runId],
    'open-run-document',
  )
  if (kept === undefined) return null
  const { contentType, sealed } = kept
  return { bytes: Buffer.from(db.vault.open(placeOf(runId), sealed), 'base64'), contentType }
}

function placeOf(runId: number): string {
  return `run_documents.sealed:${runId}`
}
