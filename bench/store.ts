import { createHash } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { closeDb, type Db, openDb } from '../prisma/client.ts'
import { type Embedded, startEmbedded } from '../prisma/embedded.ts'
import { applyMigrations } from '../prisma/engine.ts'
import { asAdministrator, createDatabase, databaseUrl, dropDatabase } from '../test/database.ts'

/** The server whose databases stay from one benchmark to the next, and the way to stop it. */
export type Store = {
  /** As an administrator. */
  server: string
  /** Where its data lie; null for a server that was given. */
  dataFolder: string | null
  stop: () => Promise<void>
}

/** What the benchmarks' databases are opened with: nothing in them is anybody's. */
export const BENCH_KEYS = `bench:${createHash('sha256').update('invented').digest('base64')}`

/** The server that `BENCH_DATABASE_URL` names (as a superuser), or the embedded one in `.data/bench`, begun when it is missing. */
export async function openStore(): Promise<Store> {
  const given = process.env.BENCH_DATABASE_URL
  if (given !== undefined) return { server: given, dataFolder: null, stop: async () => undefined }
  const folder = join(import.meta.dirname, '..', '.data', 'bench')
  mkdirSync(folder, { recursive: true })
  const start = () => startEmbedded({ folder, purpose: 'data', database: 'administration' })
  const first = await start()
  const embedded = first.startedFresh ? await restarted(first, start) : first
  return { server: embedded.url, dataFolder: embedded.dataFolder, stop: embedded.stop }
}

/**
 * The database of so many cases, brought up to the newest migration. Without a number, the one with most. Throws in words
 * that say how it is made.
 */
export async function findDatabase(store: Store, cases?: number): Promise<{ url: string; cases: number }> {
  const sizes = await sizesOf(store)
  const found = cases ?? Math.max(...sizes)
  if (!sizes.includes(found)) {
    throw new Error(
      `There is no database of that many cases yet. Make it first: npm run bench:data -- ${cases ?? 1_000_000}`,
    )
  }
  const url = databaseUrl(store.server, nameOf(found))
  const applied = await applyMigrations(url)
  // What a migration has written is to be read as what lay there before.
  if (applied.length > 0) await vacuum(url)
  return { url, cases: found }
}

/** Leaves the tables of a database as they are when nobody writes: without dead rows, with their figures taken. */
export async function vacuum(url: string): Promise<void> {
  // Takes longer than any statement of the service may.
  await asAdministrator(url, (client) => client.query('vacuum (freeze, analyze)'))
}

/** Whether there is one of so many cases. */
export async function hasDatabase(store: Store, cases: number): Promise<boolean> {
  return (await sizesOf(store)).includes(cases)
}

/** Makes the database of so many cases anew; it takes its name only when `fill` has done everything. */
export async function makeDatabase(
  { server }: Store,
  cases: number,
  fill: (url: string) => Promise<void>,
): Promise<string> {
  const draft = `${nameOf(cases)}_draft`
  await asAdministrator(server, async (client) => {
    await dropDatabase(client, draft)
    await createDatabase(client, draft)
  })
  await fill(databaseUrl(server, draft))
  await asAdministrator(server, async (client) => {
    await dropDatabase(client, nameOf(cases))
    await client.query(`alter database ${draft} rename to ${nameOf(cases)}`)
  })
  return databaseUrl(server, nameOf(cases))
}

/** Runs `work` on a copy of a database, for what changes it. */
export async function withCopy<T>(
  { server }: Store,
  cases: number,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const copy = `care_bench_copy_${process.pid}`
  await asAdministrator(server, (client) =>
    client.query(`create database ${copy} template ${nameOf(cases)} strategy file_copy`),
  )
  try {
    return await work(databaseUrl(server, copy))
  } finally {
    await asAdministrator(server, (client) => dropDatabase(client, copy))
  }
}

/** Opens a database of the benchmarks as the service does. */
export function openBenchDb(url: string, connections = 8): Db {
  return openDb({ url, vaultKeys: BENCH_KEYS, max: connections, applicationName: 'bench' })
}

/** Runs `work` on an opened database and closes it. */
export async function withDb<T>(url: string, work: (db: Db) => Promise<T>): Promise<T> {
  const db = openBenchDb(url)
  try {
    return await work(db)
  } finally {
    await closeDb(db)
  }
}

async function sizesOf({ server }: Store): Promise<number[]> {
  return asAdministrator(server, async (client) => {
    const { rows } = await client.query<{ datname: string }>('select datname from pg_database')
    return rows
      .map(({ datname }) => Number(/^care_bench_cases_(\d+)$/.exec(datname)?.[1]))
      .filter((size) => size > 0)
  })
}

function nameOf(cases: number): string {
  return `care_bench_cases_${cases}`
}

// As anybody would set a server for a million cases; what is not named here stays as PostgreSQL has it.
const SETTINGS = { shared_buffers: '2GB', effective_cache_size: '6GB', max_wal_size: '8GB' }

async function restarted(first: Embedded, start: () => Promise<Embedded>): Promise<Embedded> {
  const client = new pg.Client({ connectionString: first.url })
  await client.connect()
  for (const [name, value] of Object.entries(SETTINGS))
    await client.query(`alter system set ${name} = '${value}'`)
  await client.end()
  await first.stop()
  return start()
}
