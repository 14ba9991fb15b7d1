import type { Db } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { DomainError } from './errors.ts'
import { once } from './idempotency.ts'
import { type ItemResult, ingestInto } from './ingest.ts'
import { holdSource } from './ingest-items.ts'
import type { Entry } from './items.ts'
import { finishRun, type RunRow, runById, startRun } from './runs.ts'
import { visibleSource } from './source-access.ts'

/**
 * Takes what a feedback provider pushes, in one transaction with its run; a repeat with the same key gets the same
 * answer. Throws `not_found`, `not_your_source` and `source_paused`.
 */
export async function pushItems(
  db: Db,
  client: ClientCaller,
  name: string,
  entries: readonly Entry[],
  { key, now }: { key: string | undefined; now: Date },
): Promise<{ run: RunRow; items: ItemResult[] }> {
  const { id } = await visibleSource(db.pool, client, name)
  const body = entries.map(({ raw }) => raw)
  return once(db, client, { key, operation: `pushItems ${name}`, body }, async (tx) => {
    const source = await holdSource(tx, id)
    if (source === undefined) throw new DomainError('not_found')
    if (source.paused)
      throw new DomainError('source_paused', { detail: 'An administrator can make it active again.' })

    const run = await startRun(tx, { sourceId: id, kind: 'push', clientId: client.clientId, now })
    const { results, counts } = await ingestInto(tx, source, entries, { now })
    const end = { state: 'succeeded', outcome: 'pushed', detail: null, counts, nextCheckAt: null } as const
    await finishRun(tx, run.id, end, now)
    return { run: await runById(tx, name, run.id), items: results }
  })
}
