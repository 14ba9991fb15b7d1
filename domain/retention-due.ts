import { row, rows, type Sql } from '../prisma/client.ts'
import { HELD_ORGANISATIONS, IS_HELD } from './legal-holds.ts'

/** A case whose time is over, by which policy, and what becomes of it unless a legal hold keeps it. */
export type DueCase = { id: number; policy: number; action: 'anonymise' | 'delete'; held: boolean }

/** When a case goes; null for never, or not while it is open. `held`: not while a legal hold runs. */
export type RetentionDates = {
  caseId: number
  anonymiseAt: string | null
  deleteAt: string | null
  held: boolean
}

/** The cases between two keys, the first not included, whose time is over. */
export async function dueCases(sql: Sql, { after, last }: KeySpan, now: Date): Promise<DueCase[]> {
  const span = 'c.id > $2::bigint and c.id <= $3::bigint'
  return rows<DueCase>(sql, dueWhere(span), [now, after, last], 'due-cases')
}

/** Of these cases those whose time is over. */
export async function dueAmong(sql: Sql, caseIds: readonly number[], now: Date): Promise<DueCase[]> {
  return rows<DueCase>(sql, dueWhere('c.id = any($2::bigint[])'), [now, caseIds], 'due-among')
}

/** Keys of rows: after the one, up to the other. */
export type KeySpan = { after: number; last: number }

/** The next so many keys of a table after one; null when there are no more. */
export async function nextSpan(
  sql: Sql,
  table: 'cases' | 'items' | 'quarantined_items',
  after: number,
  many: number,
): Promise<KeySpan | null> {
  const found = await row<{ last: number | null }>(
    sql,
    `select max(id) as last from (select id from ${table} where id > $1 order by id limit $2) as next`,
    [after, many],
    `next-span-of-${table}`,
  )
  const last = found?.last ?? null
  return last === null ? null : { after, last }
}

/** When these cases are anonymised and deleted, as the policies are now. */
export async function retentionDates(sql: Sql, caseIds: readonly number[]): Promise<RetentionDates[]> {
  const closed = `c.status not in ('open', 'in_progress')`
  const at = (days: string) => `case when ${closed} then ended.at + make_interval(days => p.${days}) end`
  return rows<RetentionDates>(
    sql,
    `with ${HELD_ORGANISATIONS}
     select c.id as "caseId", utc(${at('delete_after_days')}) as "deleteAt", ${IS_HELD} as held,
       case when c.anonymised_at is null then utc(${at('anonymise_after_days')}) end as "anonymiseAt"
     from cases c ${POLICY_OF_CASE} ${ENDED} where c.id = any($1::bigint[]) order by c.id`,
    [caseIds],
    'retention-dates',
  )
}

/** SQL for the most exact policy `p` for what is of a kind and from a source: it is left out where that has none. */
export function policyOf(kind: string, source: string): string {
  return `cross join lateral (
      select * from retention_policies one
      where (one.kind is null or one.kind = ${kind}) and (one.source_id is null or one.source_id = ${source})
      order by one.source_id is null, one.kind is null limit 1) p`
}

const POLICY_OF_CASE = policyOf('c.kind', 'c.source_id')

/** Since when: a source's case without clocks was never closed here. */
const FIRST_ENDED = 'coalesce(c.closed_at, c.reported_at)'

// `closed_at` is the first time; a case that was opened again since has its last in the change log.
const ENDED = `cross join lateral (
      select greatest(${FIRST_ENDED}, (select max(e.at) from events e where e.case_id = c.id and 'status' = any(e.fields))) as at
    ) ended`

const before = (days: string) => `$1::timestamptz - make_interval(days => ${days})`

/** What was changed after it was anonymised may have something personal again. */
const NOT_ANONYMISED = '(c.anonymised_at is null or c.updated_at > c.anonymised_at)'

// Cheap things first: only of what may be due by its first closing the last one is looked for.
function dueWhere(which: string): string {
  return `
    with ${HELD_ORGANISATIONS}, least_days as materialized (
      select min(least(anonymise_after_days, delete_after_days)) as days from retention_policies),
    maybe as materialized (
      select c.id, p.id as policy, p.anonymise_after_days, p.delete_after_days
      from cases c ${POLICY_OF_CASE}
      where ${which} and c.status not in ('open', 'in_progress')
        and ${FIRST_ENDED} <= ${before('(select days from least_days)')}
        and (${FIRST_ENDED} <= ${before('p.delete_after_days')}
          or ${NOT_ANONYMISED} and ${FIRST_ENDED} <= ${before('p.anonymise_after_days')})),
    due as materialized (
      select c.id, m.policy, ended.at <= ${before('m.delete_after_days')} as deletes,
        ${NOT_ANONYMISED} and ended.at <= ${before('m.anonymise_after_days')} as anonymises
      from maybe m join cases c on c.id = m.id ${ENDED})
    select d.id, d.policy, case when d.deletes then 'delete' else 'anonymise' end as action, ${IS_HELD} as held
    from due d join cases c on c.id = d.id where d.deletes or d.anonymises order by d.id`
}
