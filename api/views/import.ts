import type { ImportDetail } from '../../domain/import-organisations.ts'
import type { ImportRow } from '../../domain/import-rows.ts'
import type { Schemas } from '../contract/handler.ts'

/** A file of organisations on the wire, with what became of it. */
export function importView(file: ImportDetail): Schemas['Import'] {
  return {
    import: file.reference,
    layout: file.layout,
    dryRun: file.dryRun,
    update: file.update,
    // Nothing cancels an import.
    state: file.state as Schemas['Import']['state'],
    problem: file.problem,
    rows: file.rows,
    created: file.created,
    changed: file.changed,
    unchanged: file.unchanged,
    skipped: file.skipped,
    refused: file.refused,
    createdAt: file.createdAt,
    finishedAt: file.finishedAt,
  }
}

/** One row of a file on the wire. */
export function importRowView({
  line,
  code,
  outcome,
  fields,
  problem,
  detail,
}: ImportRow): Schemas['ImportRow'] {
  return { line, code, outcome, fields: [...fields], problem, detail }
}
