import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils'
import type {
  DiagnoseMigrationHistoryOutput,
  MigrationList,
  SchemaEngine,
  SchemasContainer,
} from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'
import { engineAdapter } from './engine-adapter.ts'

/** The folder that holds `schema.prisma` and `migrations`. */
export const prismaFolder: string = import.meta.dirname

/** What `migration_lock.toml` says: of which kind of database the migrations are. */
export const migrationLock = 'provider = "postgresql"\n'

/** Applies the migrations that the database does not have yet, one process at a time, and gives their names. */
export async function applyMigrations(databaseUrl: string, folder: string = prismaFolder): Promise<string[]> {
  const migrationsList = readMigrations(folder)
  return holdingLock(databaseUrl, () =>
    withEngine(databaseUrl, folder, async (engine) => {
      await forgetInterrupted(engine, migrationsList)
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters })
      return appliedMigrationNames
    }),
  ).catch(async (cause: Error) => {
    const { failedMigrationNames } = await diagnose(databaseUrl, folder)
    const name = failedMigrationNames.join(', ')
    throw name
      ? new Error(`The migration ${name} failed and changed nothing: ${cause.message}`, { cause })
      : cause
  })
}

/** Says how the database stands to the migrations folder: behind, diverged, edited afterwards, failed. */
export async function diagnose(
  databaseUrl: string,
  folder: string = prismaFolder,
): Promise<DiagnoseMigrationHistoryOutput> {
  const migrationsList = readMigrations(folder)
  return withEngine(databaseUrl, folder, (engine) =>
    engine.diagnoseMigrationHistory({ migrationsList, optInToShadowDatabase: false, filters }),
  )
}

/**
 * Writes the SQL that leads from the migrations to the schema, or '' when they agree, using up an empty database.
 *
 * The engine compares what schema.prisma can say. It does not see, and so neither drops nor reports: checks,
 * partial indexes of any kind, indexes over expressions, exclusion constraints, triggers, functions, sequences
 * that no column owns, views, domains, extensions, statistics. It does see, and would drop: every other table,
 * column, default, enum and index (GIN and whole GiST ones too), so those must stand in schema.prisma as well.
 * Indexes with INCLUDE or NULLS FIRST cannot be said there and would be dropped, unless they are partial.
 */
export async function schemaDrift(emptyDatabaseUrl: string, folder: string = prismaFolder): Promise<string> {
  return withEngine(emptyDatabaseUrl, folder, async (engine) => {
    const { stdout } = await engine.diff({
      from: { tag: 'migrations', ...readMigrations(folder) },
      to: { tag: 'schemaDatamodel', ...readSchema(folder) },
      script: true,
      exitCode: null,
      filters,
    })
    const sql = stdout?.trim() ?? ''
    return sql === '-- This is an empty migration.' ? '' : sql
  })
}

const filters = { externalTables: [], externalEnums: [] }

/**
 * PostgreSQL runs each migration whole or not at all, so one that failed, or whose process was killed, left
 * nothing behind but its line in the history: that is closed, and the migration tried anew.
 */
async function forgetInterrupted(engine: SchemaEngine, migrationsList: MigrationList): Promise<void> {
  const { failedMigrationNames } = await engine.diagnoseMigrationHistory({
    migrationsList,
    optInToShadowDatabase: false,
    filters,
  })
  for (const migrationName of failedMigrationNames) await engine.markMigrationRolledBack({ migrationName })
}

const lockKey = 'care-connect migrations'

async function holdingLock<T>(databaseUrl: string, work: () => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: databaseUrl })
  await client.connect()
  try {
    await client.query(`set lock_timeout = '10min'`)
    await client.query('select pg_advisory_lock(hashtextextended($1, 0))', [lockKey])
    return await work()
  } finally {
    await client.end()
  }
}

function readSchema(folder: string): SchemasContainer {
  const path = join(folder, 'schema.prisma')
  return { files: [{ path, content: readFileSync(path, 'utf8') }] }
}

function readMigrations(folder: string): MigrationList {
  const baseDir = join(folder, 'migrations')
  const found = existsSync(baseDir) ? readdirSync(baseDir, { withFileTypes: true }) : []
  const names = found.filter((entry) => entry.isDirectory()).map((entry) => entry.name)
  return {
    baseDir,
    lockfile: { path: 'migration_lock.toml', content: migrationLock },
    shadowDbInitScript: '',
    migrationDirectories: names.sort().map((path) => ({
      path,
      migrationFile: {
        path: 'migration.sql',
        content: { tag: 'ok', value: readFileSync(join(baseDir, path, 'migration.sql'), 'utf8') },
      },
    })),
  }
}

async function withEngine<T>(
  databaseUrl: string,
  folder: string,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  const { SchemaEngine } = await loadEngine()
  const datamodels = readSchema(folder).files.map(({ path, content }): [string, string] => [path, content])
  const adapter = engineAdapter(databaseUrl)
  try {
    const bound = bindMigrationAwareSqlAdapterFactory(adapter)
    const engine = await SchemaEngine.new({ datamodels }, () => {}, bound)
    const result = await work(engine)
    engine.free()
    return result
  } catch (cause) {
    throw new Error(adapter.failure?.message ?? withoutFrames(cause), { cause: adapter.failure ?? cause })
  } finally {
    await adapter.dispose()
  }
}

/** The engine ends its messages with a trace of its own inside. */
function withoutFrames(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replace(/\n\s+0: [\s\S]*$/, '').trim()
}

/** Node has it; the types that this project loads do not name it. */
declare const WebAssembly: {
  instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, unknown> } }>
}

type Engine = typeof import('@prisma/schema-engine-wasm/schema_engine_bg')
let loading: Promise<Engine> | undefined

function loadEngine(): Promise<Engine> {
  loading ??= instantiate()
  return loading
}

async function instantiate(): Promise<Engine> {
  const module = '@prisma/schema-engine-wasm/schema_engine_bg'
  const bindings = await import('@prisma/schema-engine-wasm/schema_engine_bg')
  const wasm = join(dirname(fileURLToPath(import.meta.resolve(module))), 'schema_engine_bg.wasm')
  const { instance } = await WebAssembly.instantiate(await readFile(wasm), {
    './schema_engine_bg.js': withoutLingering(bindings),
  })
  bindings.__wbg_set_wasm(instance.exports)
  const { __wbindgen_start: start } = instance.exports
  if (typeof start === 'function') start()
  // The engine reports a panic here before it ends; without the object the report itself would fail.
  const known = globalThis as { PRISMA_WASM_PANIC_REGISTRY?: { set_message(message: string): void } }
  known.PRISMA_WASM_PANIC_REGISTRY ??= { set_message: (message) => process.stderr.write(`${message}\n`) }
  return bindings
}

/** The engine never clears its ten-second timer for the lock: it must not keep the process alive. */
function withoutLingering(bindings: object): object {
  const unheld = (callback: () => void, milliseconds: number) => setTimeout(callback, milliseconds).unref()
  const entries = Object.entries(bindings)
  return Object.fromEntries(
    entries.map(([name, value]) => [name, name.startsWith('__wbg_setTimeout') ? unheld : value]),
  )
}
