import { type Db, rows, type Sql, type Tx } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { type Page, pageOf, readCursor } from './cursors.ts'
import type { ItemResult } from './ingest.ts'
import { findRun } from './runs.ts'
import { visibleSource } from './source-access.ts'

/** What a run has made of one entry; `number` is its place among the entries of the run, from 1. */
export type RunResultRow = ItemResult & { number: number }

/** Keeps what has become of entries, in the caller's transaction; one that is there already is written over. */
export async function keepRunResults(tx: Tx, runId: number, results: readonly RunResultRow[]): Promise<void> {
  if (results.length === 0) return
  await rows(
    tx,
    `insert into run_results (run_id, number, external_id, outcome, case_id, fields, reason, detail)
     select $1, r.number, r.external_id, r.outcome, c.id, r.fields, r.reason, r.detail
     from json_to_recordset($2::json) as r(number int, external_id text, outcome text, case_reference text, fields text[], reason text, detail text)
     left join cases c on c.reference = r.case_reference
     on conflict (run_id, number) do update set external_id = excluded.external_id, outcome = excluded.outcome,
       case_id = excluded.case_id, fields = excluded.fields, reason = excluded.reason, detail = excluded.detail`,
    [
      runId,
      JSON.stringify(
        results.map(({ number, externalId, outcome, caseReference, fields, reason, detail }) => ({
          number,
          external_id: externalId,
          outcome,
          case_reference: caseReference,
          fields,
          reason,
          detail,
        })),
      ),
    ],
    'keep-run-results',
  )
}

/** A page of what a run has made of its entries, in their order; throws `not_found`, and as `getSource` does. */
export async function listRunResults(
  db: Db,
  client: ClientCaller,
  { name, run }: { name: string; run: string },
  { after, limit }: { after?: string | undefined; limit: number },
): Promise<Page<RunResultRow>> {
  const source = await visibleSource(db.pool, client, name)
  const { id } = await findRun(db.pool, source, run)
  const cursor = readCursor(after, ['number'])
  const found = await resultsAfter(db.pool, id, cursor?.[0] ?? 0, limit + 1)
  return pageOf(found, limit, (last) => [last.number])
}

/** What a run has made of its entries, in their order, behind the one with the number `after`. */
export async function resultsAfter(
  sql: Sql,
  runId: number,
  after: number,
  limit: number,
): Promise<RunResultRow[]> {
  return rows<RunResultRow>(
    sql,
    `select r.number, r.external_id as "externalId", r.outcome, c.reference as "caseReference", r.fields, r.reason, r.detail
     from run_results r left join cases c on c.id = r.case_id
     where r.run_id = $1 and r.number > $2 order by r.number limit $3`,
    [runId, after, limit],
    'list-run-results',
  )
}
