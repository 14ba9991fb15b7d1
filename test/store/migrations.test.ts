import { appendFileSync, cpSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { applyMigrations, diagnose, prismaFolder, schemaDrift } from '../../prisma/engine.ts'
import { asAdministrator, emptyDatabase, testDatabase } from '../database.ts'

const names = readdirSync(join(prismaFolder, 'migrations'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name)
  .sort()

t.test('an empty database takes all migrations, and a second time does nothing', async (t) => {
  const { url } = await emptyDatabase(t)
  t.same(await applyMigrations(url), names)
  t.same(await applyMigrations(url), [])
  t.match(await diagnose(url), { editedMigrationNames: [], failedMigrationNames: [], history: null })
})

t.test('two processes that migrate at once do it once', async (t) => {
  const { url } = await emptyDatabase(t)
  const applied = await Promise.all([applyMigrations(url), applyMigrations(url)])
  t.same(applied.flat(), names)
})

t.test('a test database is a migrated one', async (t) => {
  const { url } = await testDatabase(t)
  t.same(await applyMigrations(url), [])
})

t.test('schema and migrations agree', async (t) => {
  const { url } = await emptyDatabase(t)
  t.equal(await schemaDrift(url), '')
})

t.test('a field that no migration makes is drift', async (t) => {
  const folder = copyOfPrisma(t)
  appendFileSync(join(folder, 'schema.prisma'), '\nmodel Forgotten {\n  id Int @id\n}\n')
  const { url } = await emptyDatabase(t)
  t.match(await schemaDrift(url, folder), /CREATE TABLE "Forgotten"/)
})

t.test('what a migration does by hand is not drift, functions with semicolons included', async (t) => {
  const folder = copyOfPrisma(t)
  addMigration(
    folder,
    `create sequence hand_made;
      create function hand_made() returns int language plpgsql as $$ begin perform 1; return 2; end $$;
      alter table cases add constraint hand_made check (version < 1000000);
      create index hand_made_partial on cases using gist (pt) where publication = 'published';
      create index hand_made_expression on cases (lower(reference));`,
  )
  const { url } = await emptyDatabase(t)
  t.equal(await schemaDrift(url, folder), '')
})

t.test('a database in use is never taken for a comparison', async (t) => {
  const { url } = await testDatabase(t)
  await t.rejects(schemaDrift(url), { message: /needs an empty database/ })
})

t.test('a migration that fails changes nothing, says where, and runs once it is mended', async (t) => {
  const folder = copyOfPrisma(t)
  const { url } = await testDatabase(t)
  addMigration(folder, 'create table half_done (id int);\nselect nonsense;')
  await t.rejects(applyMigrations(url, folder), {
    message: /99990101000000_by_hand failed.*nonsense.*line 2/,
  })
  const { rows } = await asAdministrator(url, (client) =>
    client.query(`select to_regclass('half_done') as made`),
  )
  t.same(rows, [{ made: null }])

  addMigration(folder, 'create table half_done (id int);')
  t.same(await applyMigrations(url, folder), ['99990101000000_by_hand'])
})

function copyOfPrisma(t: Test): string {
  const folder = t.testdir()
  for (const part of ['schema.prisma', 'migrations']) {
    cpSync(join(prismaFolder, part), join(folder, part), { recursive: true })
  }
  return folder
}

function addMigration(folder: string, sql: string): void {
  const path = join(folder, 'migrations', '99990101000000_by_hand')
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'migration.sql'), sql)
}
