import pg from 'pg'
import { SEALED_COLUMNS } from '../../domain/sealed-columns.ts'
import { closeDb, openDb, rows } from '../../prisma/client.ts'
import type { Answer, Call } from '../api/harness.ts'
import { marksAnywhere, marksIn } from './marks.ts'

/** Where something has come to light. */
export type Find = { where: string; marks: string[] }

/** Every row of every table of a database as text, as a dump has it, with what of the canaries stands there in clear. */
export async function dumped(url: string): Promise<Find[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(
      `select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where c.relkind in ('r', 'm', 'p') and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like 'pg_toast%'
       order by 1`,
    )
    const finds: Find[] = []
    for (const { name } of tables.rows) {
      const { rows } = await client.query<{ line: string }>(`select t::text as line from ${name} t`)
      add(finds, name, marksAnywhere(rows.map(({ line }) => line).join('\n')))
    }
    return finds
  } finally {
    await client.end()
  }
}

/** What of the canaries stands in the sealed texts of a database, opened. */
export async function opened(url: string, vaultKeys: string): Promise<Find[]> {
  const db = openDb({ url, vaultKeys, max: 1, applicationName: 'canaries' })
  try {
    const finds: Find[] = []
    for (const { table, column, json, place, joins = '' } of SEALED_COLUMNS) {
      const text = json ? `(t.${column} #>> '{}')` : `t.${column}`
      const sealed = await rows<{ place: string; sealed: string }>(
        db.pool,
        `select ${place} as place, ${text} as sealed from ${table} t ${joins} where ${text} <> ''`,
      )
      const texts = sealed.map((one) => db.vault.open(one.place, one.sealed))
      add(finds, `${table}.${column}`, marksAnywhere(texts.join('\n')))
    }
    return finds
  } finally {
    await closeDb(db)
  }
}

/** All that anybody may ask for without a key, and what of the canaries stands in it. */
export async function publicly(
  call: (request: Call) => Promise<Answer>,
  references: readonly string[],
): Promise<Find[]> {
  const finds: Find[] = []
  const look = async (url: string): Promise<Answer> => {
    const answer = await call({ url })
    add(
      finds,
      url,
      marksIn(`${JSON.stringify(answer.headers)}\n${answer.bytes.toString('latin1')}\n${answer.text}`),
    )
    return answer
  }
  const all = async (url: string): Promise<void> => {
    let after = ''
    do {
      const { body, status, text } = await look(`${url}${url.includes('?') ? '&' : '?'}${after}`)
      if (status !== 200) throw new Error(`${url}: ${status} ${text}`)
      after = body.next === null || body.more === false ? '' : `after=${body.next}`
    } while (after !== '')
  }
  for (const reference of references) {
    const { body, status } = await look(`/v1/cases/${reference}`)
    if (status !== 200 || body.responses === undefined || body.responses.length === 0) continue
    await look(`/v1/cases/${reference}/responses`)
    await look(`/v1/cases/${reference}/decisions`)
    await look(`/ogc/collections/cases/items/${reference}`)
  }
  for (const url of LISTS) await all(url)
  for (const url of OTHERS) await look(url)
  return finds
}

const LISTS = [
  '/v1/cases?limit=100',
  '/v1/cases?limit=100&include=organisations',
  '/v1/geo-feed?limit=100',
  '/v1/events?limit=1000',
  '/v1/organisations?limit=100',
  '/v1/statistics/organisations?level=organisation&minimum=0',
  '/v1/statistics/withheld',
]
const OTHERS = [
  '/v1/cases?limit=100&format=csv',
  '/v1/cases?q=quillby',
  '/v1/cases?q=hurts',
  '/v1/feeds/cases.atom',
  '/v1/feeds/cases.json',
  '/v1/feeds/cases.rss',
  '/v1/case-counts?by=tag',
  '/v1/clusters?zoom=10',
  '/v1/tiles/0/0/0.mvt',
  '/v1/tiles.json',
  '/v1/organisation-feed',
  '/v1/geo-feed/changes',
  '/v1/statistics',
  '/v1/statistics/figures',
  '/ogc/collections/cases/items?limit=100',
  '/healthz',
  '/readyz',
]

/** Notes where something stands, if anything does. */
export function add(finds: Find[], where: string, marks: ReadonlySet<string>): void {
  if (marks.size > 0) finds.push({ where, marks: [...marks].sort() })
}
