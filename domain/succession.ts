import { rows, type Sql } from '../prisma/client.ts'

/** What came after an organisation, and from when on; `null` for from when on where nobody knows since when it is closed. */
export type Succession = { id: number; next: number; from: string | null }

/** SQL: an organisation `o` is closed and something came after it. What is open has nothing after it. */
export function isSucceeded(o: string): string {
  return `(not ${o}.active and ${o}.succeeded_by_id is not null)`
}

/** SQL for where one looks for what is not said of an organisation `o` itself: what came after it, else what it belongs to. */
export function nextUp(o: string): string {
  return `case when ${isSucceeded(o)} then ${o}.succeeded_by_id else ${o}.parent_id end`
}

/** What came after each of these organisations, and after that, to the end of every chain; by the one that closed. */
export async function successionsOf(sql: Sql, ids: readonly number[]): Promise<Map<number, Succession>> {
  const found = await rows<Succession>(
    sql,
    `with recursive chain(id) as (
       select unnest($1::int[])
       union
       select o.succeeded_by_id from organisations o join chain using (id) where ${isSucceeded('o')}
     )
     select o.id, o.succeeded_by_id as next, (o.closed_on::timestamp at time zone 'Europe/London') as "from"
     from organisations o join chain using (id) where ${isSucceeded('o')}`,
    [ids],
    'successions',
  )
  return new Map(found.map((one) => [one.id, one]))
}

/** Which organisation had what another one was, at a time: itself, or what came after it when it was closed by then. */
export function organisationAt(id: number, time: Date, successions: ReadonlyMap<number, Succession>): number {
  const next = successions.get(id)
  if (next === undefined) return id
  const closedLater = next.from !== null && time.getTime() < Date.parse(next.from)
  return closedLater ? id : organisationAt(next.next, time, successions)
}

/** The last of what came after an organisation; itself when nothing did. */
export async function lastSuccessor(sql: Sql, id: number): Promise<number> {
  const successions = await successionsOf(sql, [id])
  let last = id
  for (let next = successions.get(last); next !== undefined; next = successions.get(last)) last = next.next
  return last
}
