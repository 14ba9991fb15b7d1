import { type RunRow, runById } from '../../domain/runs.ts'
import { type Db, row } from '../../prisma/client.ts'
import type { Context } from '../../workers/context.ts'
import { doRun } from '../../workers/do-run.ts'

/** Does a run as a worker that finds it, and tells how it stands then. */
export async function done(context: Context, { source, reference }: RunRow): Promise<RunRow> {
  const id = await keyOf(context.db, reference)
  await doRun(context, id)
  return runById(context.db.pool, source, id)
}

/** The key of a run in the store. */
export async function keyOf(db: Db, reference: string): Promise<number> {
  const found = await row<{ id: number }>(db.pool, 'select id from runs where reference = $1', [reference])
  return (found as { id: number }).id
}

export async function eventTypes(db: Db, like: string): Promise<string[]> {
  const found = await row<{ types: string[] }>(
    db.pool,
    `select coalesce(array_agg(type order by id), '{}') as types from events where type like $1`,
    [like],
  )
  return found?.types ?? []
}
