import { mkdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { type Config, readConfig } from '../config.ts'
import { applyLedger } from '../domain/apply-ledger.ts'
import { openFileLedger } from '../ledger/file-ledger.ts'
import { closeDb, openDb } from './client.ts'
import { startEmbedded } from './embedded.ts'
import { applyMigrations, diagnose, migrationLock, prismaFolder, schemaDrift } from './engine.ts'

const root = join(prismaFolder, '..')

try {
  const [command, ...words] = process.argv.slice(2)
  if (command === undefined) await migrate(process.env.DATABASE_URL)
  else if (command === 'make') await make(words.join(' '), new Date())
  else if (command === 'check') await check()
  else throw new Error(`Unknown command "${command}". There is: nothing (apply), make <name>, check.`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function migrate(databaseUrl: string | undefined): Promise<void> {
  if (!databaseUrl) {
    throw new Error(
      'DATABASE_URL is not set: name the PostgreSQL to migrate, as in\n' +
        '  DATABASE_URL=postgresql://user:password@host:5432/care_connect npm run migrate\n' +
        '(`npm start` without it uses the embedded PostgreSQL and migrates that by itself.)',
    )
  }
  const applied = await applyMigrations(databaseUrl)
  for (const name of applied) console.log(`applied ${name}`)
  if (applied.length === 0) console.log('The database is up to date.')
  const { editedMigrationNames } = await diagnose(databaseUrl)
  for (const name of editedMigrationNames) {
    console.error(`warning: ${name} was edited after it was applied here; the edit is not in this database.`)
  }
  await applyErasures(databaseUrl, readConfig(process.env))
}

// Also what was erased after the backup was made that this may be.
async function applyErasures(url: string, { encryptionKeys, erasureLedger }: Config): Promise<void> {
  if (erasureLedger === undefined || encryptionKeys === undefined) {
    console.log(
      'The ledger of erasures is applied when the API or a worker starts: ERASURE_LEDGER and ENCRYPTION_KEYS are not set here.',
    )
    return
  }
  const db = openDb({ url, vaultKeys: encryptionKeys, max: 2, applicationName: 'care-connect migrate' })
  try {
    const { cases, items } = await applyLedger(db, openFileLedger(erasureLedger, db.vault), new Date())
    console.log(`The ledger of erasures is applied: ${cases} cases and ${items} things of sources are gone.`)
  } finally {
    await closeDb(db, 3_000)
  }
}

async function make(words: string, now: Date): Promise<void> {
  const name = words
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^_|_$/g, '')
  if (!name) throw new Error('Give the migration a name: npm run migrate:make -- add phone to clients')
  const sql = await onEmptyDatabase(schemaDrift)
  const stamp = now.toISOString().replace(/\D/g, '').slice(0, 14)
  const folder = join(prismaFolder, 'migrations', `${stamp}_${name}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(prismaFolder, 'migrations', 'migration_lock.toml'), migrationLock)
  writeFileSync(join(folder, 'migration.sql'), `${sql || '-- By hand: the schema says nothing new.'}\n`)
  console.log(
    `Drafted ${relative(root, folder)}/migration.sql: read it, add what is written by hand, commit it.`,
  )
}

async function check(): Promise<void> {
  const sql = await onEmptyDatabase(schemaDrift)
  if (!sql) {
    console.log('schema.prisma and the migrations agree.')
    return
  }
  console.log(`${sql}\n`)
  throw new Error(
    'schema.prisma and the migrations differ by the SQL above. Draft it: npm run migrate:make -- <name>',
  )
}

async function onEmptyDatabase(work: (url: string) => Promise<string>): Promise<string> {
  const server = await startEmbedded({ folder: root, purpose: 'test' })
  try {
    return await work(server.url)
  } finally {
    await server.stop()
  }
}
