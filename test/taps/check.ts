import { type Db, row, rows } from '../../prisma/client.ts'
import type { Copy, Heard } from './readers.ts'
import type { Writers } from './writers.ts'

/** What the log says, in its order: what every tap must have told. */
export async function truth(db: Db): Promise<Heard[]> {
  return rows<Heard>(
    db.pool,
    `select position::text as id, type, case_reference as case, type = 'case.removed' as gone from public_events order by position`,
  )
}

/** Where the log itself does not say what the cases say, in words; empty when it does. */
export async function logProblems(db: Db, { created }: Pick<Writers, 'created'>): Promise<string[]> {
  const problems: string[] = []
  const gaps = await row<{ events: number; last: number; unplaced: number }>(
    db.pool,
    `select count(*)::int as events, max(position)::int as last, count(*) filter (where position is null)::int as unplaced from events`,
  )
  if (gaps === undefined || gaps.events !== gaps.last || gaps.unplaced > 0)
    problems.push(`positions have gaps: ${JSON.stringify(gaps)}`)
  const lost = await rows<{ reference: string; events: number }>(
    db.pool,
    `select r.reference, count(e.id)::int as events from unnest($1::text[]) as r(reference)
     left join events e on e.case_reference = r.reference and e.type = 'case.created'
     group by r.reference having count(e.id) <> 1`,
    [[...created]],
  )
  problems.push(...lost.map(({ reference, events }) => `${reference}: created ${events} times`))
  const untrue = await rows<{ reference: string; said: string | null; is: boolean }>(
    db.pool,
    `select c.reference, p.type as said, c.publication = 'published' and c.privacy <> 'private' as is
     from cases c left join lateral (
       select type from public_events where case_id = c.id order by position desc limit 1) p on true
     where (c.publication = 'published' and c.privacy <> 'private') <> (coalesce(p.type, 'case.removed') <> 'case.removed')`,
  )
  problems.push(...untrue.map(({ reference, said, is }) => `${reference}: ${said}, and public is ${is}`))
  const disordered = await rows<{ case: string }>(
    db.pool,
    `select case_reference as case from (
       select case_reference, case_version, lag(case_version) over (partition by case_id order by position) as before
       from events where case_id is not null) e where case_version < before`,
  )
  problems.push(...disordered.map((one) => `${one.case}: its events are out of order`))
  return problems
}

/** Where a tap told each line once and in the order of the log, or not, in words. */
export function orderProblems(name: string, heard: readonly Heard[], told: readonly Heard[]): string[] {
  const ids = heard.map(({ id }) => id)
  const expected = told.map(({ id }) => id)
  if (ids.length === expected.length && ids.every((id, n) => id === expected[n]))
    return sayProblems(name, heard, told)
  const at = ids.findIndex((id, n) => id !== expected[n])
  return [
    `${name}: told ${ids.length} of ${expected.length}; number ${at} is ${ids[at]}, not ${expected[at]}`,
  ]
}

/** The same for a tap that keeps the order of each case only. */
export function caseOrderProblems(name: string, heard: readonly Heard[], told: readonly Heard[]): string[] {
  const expected = new Map(told.map((line) => [line.id, line]))
  const missing = told.filter(({ id }) => !heard.some((line) => line.id === id)).map(({ id }) => id)
  const last = new Map<string, number>()
  const problems = missing.length === 0 ? [] : [`${name}: ${missing.length} are missing, like ${missing[0]}`]
  for (const { id, case: reference } of heard) {
    if (!expected.has(id)) problems.push(`${name}: ${id} is no line of the log`)
    if ((last.get(reference) ?? 0) >= Number(id))
      problems.push(`${name}: ${id} of ${reference} came late or twice`)
    last.set(reference, Number(id))
  }
  return [...problems, ...sayProblems(name, heard, told)]
}

// What is told later than it happened says `gone` of a case that has left the public meanwhile.
function sayProblems(name: string, heard: readonly Heard[], told: readonly Heard[]): string[] {
  const expected = new Map(told.map((line) => [line.id, line]))
  const lastRemoved = new Map<string, number>()
  for (const { id, case: of, gone } of told) if (gone) lastRemoved.set(of, Number(id))
  return heard.flatMap(({ id, type, case: reference, gone }) => {
    const line = expected.get(id)
    const left = gone && Number(id) < (lastRemoved.get(reference) ?? 0)
    const same = line?.type === type && line.case === reference && (line.gone === gone || left)
    return same ? [] : [`${name}: ${id} says ${type} of ${reference} (gone: ${gone})`]
  })
}

/** Where a copy is not what the public can read, in words. */
export async function copyProblems(db: Db, name: string, { cases }: Copy): Promise<string[]> {
  const open = await rows<{ reference: string }>(
    db.pool,
    `select reference from cases where publication = 'published' and privacy <> 'private'`,
  )
  const wanted = new Set(open.map(({ reference }) => reference))
  const missing = [...wanted].filter((reference) => !cases.has(reference))
  const tooMany = [...cases].filter((reference) => !wanted.has(reference))
  return [
    ...(missing.length === 0 ? [] : [`${name}: ${missing.length} cases are missing, like ${missing[0]}`]),
    ...(tooMany.length === 0 ? [] : [`${name}: ${tooMany.length} cases are gone, like ${tooMany[0]}`]),
  ]
}

/** Where somebody was not told of a case, or twice, in words; `mails` are the files of what was sent. */
export async function notificationProblems(db: Db, mails: readonly string[]): Promise<string[]> {
  const wrong = await rows<{ reference: string; n: number }>(
    db.pool,
    `select c.reference, count(n.id)::int as n from cases c
     left join notifications n on n.case_id = c.id and n.kind = 'case_for_organisation' and n.address = 1
     group by c.id having count(n.id) <> 1 + (select count(*) from events e where e.case_id = c.id and e.type = 'case.reopened_by_reporter')`,
  )
  const open = await rows<{ id: number; state: string }>(
    db.pool,
    `select id, state from notifications where state in ('waiting', 'failed')`,
  )
  const sent = await rows<{ id: number }>(db.pool, `select id from notifications where state = 'sent'`)
  const files = new Set(mails.map((name) => Number(name.split('-')[0])))
  return [
    ...wrong.map(({ reference, n }) => `${reference}: ${n} notifications`),
    ...open.map(({ id, state }) => `notification ${id} is ${state}`),
    ...sent.filter(({ id }) => !files.has(id)).map(({ id }) => `notification ${id} was not sent`),
  ]
}
