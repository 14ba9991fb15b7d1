import { join } from 'node:path'
import { closeDb, type Db, openDb } from '../prisma/client.ts'
import { startEmbedded } from '../prisma/embedded.ts'
import { applyMigrations } from '../prisma/engine.ts'
import { newVaultKey } from '../prisma/vault.ts'
import { asAdministrator, createDatabase, databaseUrl, dropDatabase } from '../test/database.ts'

/** A server for a benchmark, and a migrated database on it that goes with it. */
export type Setting = {
  db: Db
  url: string
  /** What the database's vault is opened with. */
  keys: string
  stop: () => Promise<void>
}

/**
 * Starts the embedded PostgreSQL with data that go when it stops, or takes the one that `BENCH_DATABASE_URL` names (as a
 * superuser), and makes one migrated database.
 */
export async function startSetting({ connections = 8 }: { connections?: number } = {}): Promise<Setting> {
  const given = process.env.BENCH_DATABASE_URL
  const embedded =
    given === undefined
      ? await startEmbedded({
          folder: join(import.meta.dirname, '..'),
          purpose: 'test',
          database: 'administration',
        })
      : null
  const server = given ?? (embedded?.url as string)
  const name = `care_bench_${process.pid}`
  await asAdministrator(server, (client) => createDatabase(client, name))
  const url = databaseUrl(server, name)
  await applyMigrations(url)
  const keys = newVaultKey('bench')
  const db = openDb({ url, vaultKeys: keys, max: connections, applicationName: 'bench' })
  return {
    db,
    url,
    keys,
    async stop() {
      await closeDb(db)
      await asAdministrator(server, (client) => dropDatabase(client, name))
      await embedded?.stop()
    },
  }
}

/** Milliseconds of a clock that all processes of a machine share. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6
}

/** The middle of some figures. */
export function median(figures: readonly number[]): number {
  const sorted = [...figures].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const [low = Number.NaN, high = Number.NaN] = [
    sorted[sorted.length % 2 === 0 ? middle - 1 : middle],
    sorted[middle],
  ]
  return (low + high) / 2
}

/** Prints rows as a table with its columns in line. */
export function printTable(head: readonly string[], body: readonly (readonly string[])[]): void {
  const all = [head, ...body]
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  console.log(line(head))
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
  for (const row of body) console.log(line(row))
}
