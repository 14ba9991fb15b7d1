import { setTimeout as sleep } from 'node:timers/promises'
import { PrismaPg } from '@prisma/adapter-pg'
import pg from 'pg'
import { PrismaClient } from './generated/client.ts'
import { openVault, type Vault } from './vault.ts'

export { Prisma } from './generated/client.ts'
export * from './generated/enums.ts'
export type { Vault } from './vault.ts'

/** The store: one pool, Prisma over the same pool, and the vault for what is personal. */
export type Db = {
  pool: pg.Pool
  prisma: PrismaClient
  vault: Vault
}

/** Where SQL runs: the pool, or the connection of the caller's transaction. */
export type Sql = {
  query<R extends pg.QueryResultRow>(
    config: pg.QueryConfig | string,
    values?: unknown[],
  ): Promise<pg.QueryResult<R>>
}

/** A transaction of `inTransaction`; it carries the vault along. */
export type Tx = Sql & { readonly vault: Vault }

export type DbOptions = {
  url: string
  /** `<id>:<base64>`, comma-separated; the first encrypts. */
  vaultKeys: string
  /** Connections at most. */
  max: number
  applicationName: string
}

/** Opens the store; nothing connects before the first query. */
export function openDb({ url, vaultKeys, max, applicationName }: DbOptions): Db {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    application_name: applicationName,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 30_000,
    // Statements here are short: compiling one takes longer than running it.
    options: '-c timezone=UTC -c max_parallel_workers_per_gather=0 -c jit=off',
    types: { getTypeParser },
  })
  // An idle connection that the server ends is replaced at the next query; without a listener it ends the process.
  pool.on('error', ignored)
  return { pool, prisma: new PrismaClient({ adapter: new PrismaPg(pool) }), vault: openVault(vaultKeys) }
}

/** Ends all connections; those that are busy when `limitMs` milliseconds are over are left to the end of the process. */
export async function closeDb(db: Db, limitMs?: number): Promise<void> {
  const ended = db.prisma.$disconnect().then(() => (db.pool.ended ? undefined : db.pool.end()))
  await Promise.race([ended, ...(limitMs === undefined ? [] : [sleep(limitMs, undefined, { ref: false })])])
}

/** Rejects, in words that say what to do, when the store is not migrated or its texts were sealed with other keys. */
export async function checkStore(db: Db): Promise<void> {
  const probe = db.vault.seal(PROBE, 'care-connect')
  const kept = await keptProbe(db, probe)
  try {
    db.vault.open(PROBE, kept)
  } catch (cause) {
    throw new Error(
      'ENCRYPTION_KEYS do not open what this store holds. Set the keys that it was begun with, the newest first.',
      { cause },
    )
  }
}

/** Runs `work` in one transaction: all of it is kept, or nothing. */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  const connection = await db.pool.connect()
  let broken: Error | undefined
  // One that the server ends fails its query too; without a listener it would end the process beside that.
  connection.on('error', ignored)
  try {
    await connection.query('begin')
    const result = await work({ query: connection.query.bind(connection) as Sql['query'], vault: db.vault })
    await connection.query('commit')
    return result
  } catch (error) {
    await connection.query('rollback').catch((rollbackError: Error) => {
      broken = rollbackError
    })
    throw error
  } finally {
    // What is broken may say so again until it is gone.
    if (broken === undefined) connection.off('error', ignored)
    connection.release(broken)
  }
}

/** The rows of one statement. A name makes it a prepared one. */
export async function rows<R extends pg.QueryResultRow>(
  sql: Sql,
  text: string,
  values: unknown[] = [],
  name?: string,
): Promise<R[]> {
  const result = await sql.query<R>(name === undefined ? { text, values } : { name, text, values })
  return result.rows
}

/** The first row of one statement, or undefined. */
export async function row<R extends pg.QueryResultRow>(
  sql: Sql,
  text: string,
  values: unknown[] = [],
  name?: string,
): Promise<R | undefined> {
  return (await rows<R>(sql, text, values, name))[0]
}

const ignored = (): void => undefined

const PROBE = 'vault_probe'
const UNDEFINED_TABLE = '42P01'

async function keptProbe(db: Db, probe: string): Promise<string> {
  try {
    await db.pool.query('insert into vault_probe (sealed) values ($1) on conflict do nothing', [probe])
    return (
      (await db.pool.query<{ sealed: string }>('select sealed from vault_probe')).rows[0]?.sealed ?? probe
    )
  } catch (error) {
    if ((error as { code?: string }).code !== UNDEFINED_TABLE) throw error
    throw new Error('The database is not migrated. Run npm run migrate first.', { cause: error })
  }
}

// Keys are below 2^53 by construction, so a bigint is a number here; times stay text: the store writes them as the wire wants them.
const INT8 = 20
const TIMESTAMPTZ = 1184

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === INT8) return Number
  if (oid === TIMESTAMPTZ)
    return (value) => new Date(value.replace(' ', 'T').replace(/\+00$/, 'Z')).toISOString()
  return pg.types.getTypeParser(oid, format ?? 'text') as (value: string) => unknown
}
