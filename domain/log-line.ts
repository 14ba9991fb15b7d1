/** One line of the log for its reader. */
export type LogLine = {
  position: number
  type: string
  at: string
  caseId: number | null
  /** Of the case. */
  reference: string | null
  organisation: string | null
  source: string | null
  fields: string[]
  /** Only in the view `mine`, and not for integrators. */
  reason: string | null
  /** The case is not there for the reader, or not in the selection, any more. */
  gone: boolean
}

/** SQL for the lines of rows `e` as JSON, in their order. */
export const linesJson = (rows: string): string => `coalesce((
  select json_agg(json_build_object('position', e.position, 'type', e.type, 'at', utc(e.at), 'caseId', e.case_id,
    'reference', e.case_reference, 'organisation', o.code, 'source', src.name, 'fields', e.fields, 'reason', e.reason,
    'gone', e.gone) order by e.position)
  from ${rows} e left join organisations o on o.id = e.organisation_id left join sources src on src.id = e.source_id), '[]')`
