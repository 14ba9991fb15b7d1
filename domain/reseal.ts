import { type Db, rows, type Sql, type Vault } from '../prisma/client.ts'
import { SEALED_COLUMNS, type SealedColumn } from './sealed-columns.ts'

/** How many texts of a column are sealed with which key. */
export type KeyCount = { table: string; column: string; key: string; texts: number }

/** What was done to a column: sealed anew, and what could not be opened with any key at hand. */
export type ResealedColumn = { table: string; column: string; resealed: number; unreadable: number }

export type ResealOptions = {
  /** Stops after the batch under way; what is done stays done. */
  signal?: AbortSignal
  /** Hears of each batch. */
  progress?: (column: ResealedColumn) => void
  batch?: number
}

const BATCH = 500

/** The id of the key that `vault` seals with. */
export function firstKeyOf(vault: Vault): string {
  const [, id] = vault.seal('', '').split('.')
  if (id === undefined) throw new Error('a sealed text names no key')
  return id
}

/** What is sealed with which key, column by column. */
export async function countSealed(sql: Sql): Promise<KeyCount[]> {
  const all: KeyCount[] = []
  for (const column of SEALED_COLUMNS) {
    const found = await rows<{ key: string; texts: number }>(
      sql,
      `select split_part(${textOf(column)}, '.', 2) as key, count(*) as texts from ${column.table} t
       where ${textOf(column)} is not null group by 1 order by 1`,
    )
    all.push(...found.map((one) => ({ table: column.table, column: column.column, ...one })))
  }
  return all
}

/**
 * Seals with the first key every text that is sealed with another, a batch at a time by the primary key. Whatever somebody
 * changes or holds meanwhile is left as it is, so nobody waits long and nothing is lost: ask `countSealed` afterwards, and
 * do it again. May be killed at any moment.
 */
export async function resealAll(db: Db, options: ResealOptions = {}): Promise<ResealedColumn[]> {
  const done: ResealedColumn[] = []
  for (const column of SEALED_COLUMNS) {
    if (options.signal?.aborted) break
    done.push(await resealColumn(db, column, options))
  }
  return done
}

async function resealColumn(db: Db, column: SealedColumn, options: ResealOptions): Promise<ResealedColumn> {
  const { signal, progress = () => undefined, batch = column.batch ?? BATCH } = options
  const first = firstKeyOf(db.vault)
  const done: ResealedColumn = { table: column.table, column: column.column, resealed: 0, unreadable: 0 }
  for (let after: string[] | null = null; !signal?.aborted; ) {
    const found: SealedText[] = await nextTexts(db.pool, column, { first, after, batch })
    const last = found.at(-1)
    if (last === undefined) break
    after = last.key
    const anew = found.flatMap((text) => resealed(db.vault, text) ?? [])
    done.unreadable += found.length - anew.length
    done.resealed += await keep(db.pool, column, anew)
    progress(done)
  }
  return done
}

type SealedText = { key: string[]; place: string; sealed: string }
type Resealed = SealedText & { anew: string }

async function nextTexts(
  sql: Sql,
  column: SealedColumn,
  { first, after, batch }: { first: string; after: string[] | null; batch: number },
): Promise<SealedText[]> {
  const names = Object.keys(column.key).map((name) => `t.${name}`)
  const from = Object.values(column.key).map((type, n) => `$${n + 3}::${type}`)
  const text = textOf(column)
  return rows<SealedText>(
    sql,
    `select array[${names.map((name) => `${name}::text`).join(', ')}] as key, ${column.place} as place, ${text} as sealed
     from ${column.table} t ${column.joins ?? ''}
     where ${text} not like 'v1.' || $1::text || '.%' ${after === null ? '' : `and (${names.join(', ')}) > (${from.join(', ')})`}
     order by ${names.join(', ')} limit $2`,
    [first, batch, ...(after ?? [])],
  )
}

// Undefined where no key at hand opens it.
function resealed(vault: Vault, text: SealedText): Resealed | undefined {
  try {
    return { ...text, anew: vault.seal(text.place, vault.open(text.place, text.sealed)) }
  } catch {
    return undefined
  }
}

// Waits for nobody, so that it is in nobody's way for longer than a statement, and never part of a deadlock.
async function keep(sql: Sql, column: SealedColumn, texts: readonly Resealed[]): Promise<number> {
  if (texts.length === 0) return 0
  const names = Object.keys(column.key)
  const arrays = Object.values(column.key).map((type, n) => `$${n + 3}::${type}[]`)
  const same = (a: string, b: string) => names.map((name) => `${a}.${name} = ${b}.${name}`).join(' and ')
  const written = column.json ? 'to_jsonb(n.anew)' : 'n.anew'
  const kept = await rows(
    sql,
    `with n as (
       select * from unnest($1::text[], $2::text[], ${arrays.join(', ')}) as n(sealed, anew, ${names.join(', ')})),
     held as (
       select ${names.map((name) => `t.${name}`).join(', ')}, n.anew from ${column.table} t join n on ${same('n', 't')}
       where ${textOf(column)} = n.sealed for no key update of t skip locked)
     update ${column.table} t set ${column.column} = ${written} from held n where ${same('n', 't')} returning 1`,
    [
      texts.map(({ sealed }) => sealed),
      texts.map(({ anew }) => anew),
      ...names.map((_, n) => texts.map(({ key }) => key[n])),
    ],
  )
  return kept.length
}

function textOf({ column, json }: SealedColumn): string {
  return json ? `(t.${column} #>> '{}')` : `t.${column}`
}
