import { spawn } from 'node:child_process'
import { join } from 'node:path'
import t from 'tap'
import { closeDb, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'
import { administrator, organisations, pushSource, storedCases } from '../domain/ingest-store.ts'
import { mapTags, push, pushed } from './normalise-setting.ts'

const command = join(import.meta.dirname, '../../workers/normalise-command.ts')

t.test('a person at the machine sees what would change, and then changes it', async (t) => {
  const { url } = await testDatabase(t)
  const keys = newVaultKey('test')
  const db = openDb({ url, vaultKeys: keys, max: 4, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await organisations(db)
  const source = await pushSource(db)
  const run = (...args: string[]): Promise<Ended> =>
    ended(args, { DATABASE_URL: url, ENCRYPTION_KEYS: keys, PATH: process.env.PATH ?? '' })
  await push(db, source, [
    pushed({ externalId: 'lunch', tags: ['Lunch'] }),
    pushed({ externalId: 'lost', organisation: 'OLD1' }),
    pushed({ externalId: 'plain' }),
  ])
  await mapTags({ db, admin: await administrator(db) }, { lunch: 'food' })
  await rows(db.pool, `delete from organisation_external_ids where code = 'OLD1'`)
  const before = await storedCases(db)

  const dry = await run('invented', '--dry-run')
  t.equal(dry.code, 0, dry.error)
  t.match(dry.said, /^3 of 3 items$/m)
  t.match(dry.said, new RegExp(`^${before.lunch?.reference} +changed +category$`, 'm'))
  t.match(dry.said, /^ +quarantined +lost: No organisation is known by any of these codes: ods OLD1\.$/m)
  t.match(dry.said, /^3 items: 1 changed, 0 created, 0 deleted, 0 expired, 1 quarantined, 1 unchanged\.$/m)
  t.match(dry.said, /nothing has changed/)
  t.same(await storedCases(db), before)

  const real = await run('invented')
  t.equal(real.code, 0, real.error)
  t.notMatch(real.said, /dry run/)
  t.equal((await storedCases(db)).lunch?.category, 'food')
  const again = await run('invented')
  t.match(again.said, /^3 items: 0 changed/m)
  const asked = await rows<{ who: string }>(
    db.pool,
    `select distinct acting_user as who from runs where kind = 'normalise'`,
  )
  t.same(asked, [{ who: 'npm run normalise' }])

  t.match(await run('nothing'), { code: 1, error: 'There is no source "nothing".\n' })
  t.match(await run(), { code: 1, error: /npm run normalise -- <source>/ })
  t.match(await run('invented', '--all'), { code: 1, error: /--all/ })
})

t.test('without a store of its own the command says what it needs', async (t) => {
  t.match(await ended(['invented'], { PATH: process.env.PATH ?? '' }), {
    code: 1,
    error: /DATABASE_URL[\s\S]*ENCRYPTION_KEYS/,
  })
})

type Ended = { code: number | null; said: string; error: string }

async function ended(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let error = ''
  child.stdout.on('data', (part: Buffer) => {
    said += part
  })
  child.stderr.on('data', (part: Buffer) => {
    error += part
  })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  return { code, said, error }
}
