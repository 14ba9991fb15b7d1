import { type Db, rows } from '../prisma/client.ts'
import { type Page, pageOf, readCursor, unknownCursor } from './cursors.ts'
import type { OrganisationName } from './organisations.ts'
import { conditionsFrom, limitTo } from './sql-conditions.ts'
import { addMembers, type StatisticsFilter, scopeOf, windowOf } from './statistics-scope.ts'

/** How many cases of a week the public does not see, at an organisation or in the nation (null). */
export type Withheld = { organisation: OrganisationName | null; monday: string; cases: number }

export type WithheldAsked = Pick<StatisticsFilter, 'organisation' | 'from' | 'to'> & {
  after?: string | undefined
  limit: number
  now: Date
}

/** A page of the weeks that lie wholly in the days asked for, the newest first; without small numbers, for everybody. */
export async function listWithheld(db: Db, asked: WithheldAsked): Promise<Page<Withheld>> {
  const { after, limit, now } = asked
  const { from, to } = windowOf({ window: 'all', from: asked.from, to: asked.to }, now)
  const { conditions, add } = conditionsFrom(1)
  addMembers(await scopeOf(db, { organisation: asked.organisation }), 'w.organisation_id', add)
  if (from !== null) add((p) => `w.week >= ${p}::date`, from)
  if (to !== null) add((p) => `w.week + 6 <= ${p}::date`, to)
  const last = readCursor(after, ['string', 'string'] as const)
  if (last !== undefined && !DAY.test(last[0])) throw unknownCursor()
  if (last !== undefined) {
    const [monday, code] = last
    add(
      (p, q) => `(w.week < ${p}::date or w.week = ${p}::date and coalesce(o.code, '') > ${q})`,
      monday,
      code,
    )
  }
  const found = await rows<Withheld>(
    db.pool,
    `select case when o.id is not null then json_build_object('code', o.code, 'name', o.name) end as organisation,
       w.week::text as monday, w.cases
     from withheld_counts w left join organisations o on o.id = w.organisation_id
     where ${['true', ...conditions.sql].join(' and ')}
     order by w.week desc, coalesce(o.code, '') ${limitTo(limit + 1)}`,
    conditions.values,
  )
  return pageOf(found, limit, ({ monday, organisation }) => [monday, organisation?.code ?? ''])
}

const DAY = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d)$/
