import { rows, type Sql } from '../prisma/client.ts'
import type { ClientCaller } from './callers.ts'
import { isSucceeded, nextUp } from './succession.ts'

/** Who commissions an organisation. */
export type Commissioner = { id: number; primary: boolean; active: boolean }

/**
 * Who commissions an organisation, what came after it, or what it belongs to, the nearest first. What came after a
 * commissioner commissions in its stead, and stands before it.
 */
export async function commissionersOf(sql: Sql, organisationId: number): Promise<Commissioner[]> {
  return rows<Commissioner>(
    sql,
    `with recursive up as (
       select o.*, 0 as depth from organisations o where o.id = $1
       union all
       select o.*, up.depth + 1 from organisations o join up on o.id = ${nextUp('up')}
     ), commissions as (
       select m.commissioner_id as id, m.primary, up.depth, 0 as after
       from commissioning m join up on up.id = m.organisation_id
       union all
       select o.succeeded_by_id, c.primary, c.depth, c.after + 1
       from commissions c join organisations o using (id) where ${isSucceeded('o')}
     )
     select c.id, bool_or(c.primary) as "primary", o.active from commissions c join organisations o using (id)
     group by c.id, o.active order by min(c.depth), max(c.after) desc, c.id`,
    [organisationId],
    'commissioners-of',
  )
}

/** The nearest primary commissioner that is not closed, or null. */
export function primaryOf(commissioners: readonly Commissioner[]): number | null {
  return commissioners.find(({ primary, active }) => primary && active)?.id ?? null
}

/** Which commissioners a client is: those that it is bound to, and what they came after. */
export async function commissionersBehind(sql: Sql, { clientId }: ClientCaller): Promise<number[]> {
  const found = await rows<{ id: number }>(
    sql,
    `with recursive named(id) as (
       select organisation_id from api_client_organisations where client_id = $1
       union
       select o.id from organisations o join named on o.succeeded_by_id = named.id
     )
     select id from named`,
    [clientId],
    'commissioners-behind',
  )
  return found.map(({ id }) => id)
}
