import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

const command = join(import.meta.dirname, '../../workers/rebuild-index-command.ts')

t.test('a person at the machine has the index of cases made anew', async (t) => {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 2, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await db.pool.query(
    `insert into case_counts values (-2, 0, 'concern', 'delays', 'open', 7, 0, 0);
     insert into place_counts values (-2, 0, 'open', 7, 0, 0)`,
  )
  const run = spawn(process.execPath, [command], {
    env: { DATABASE_URL: url, ENCRYPTION_KEYS: newVaultKey('test'), PATH: process.env.PATH },
  })
  const ended = new Promise((resolve) => run.once('close', resolve))
  const [said, complaints] = await Promise.all([text(run.stdout), text(run.stderr)])
  t.equal(await ended, 0, complaints)
  t.match(said, 'The index of 0 cases is made anew.')
  const { rows } = await db.pool.query(
    'select (select count(*) from case_counts) + (select count(*) from place_counts) as n',
  )
  t.same(rows, [{ n: 0 }])
})
