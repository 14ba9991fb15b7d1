import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { createImportHere } from '../../domain/import-organisations.ts'
import { closeDb, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { takeUpImports } from '../../workers/import-organisations.ts'
import type { Jobs } from '../../workers/queues.ts'
import { testDatabase } from '../database.ts'

const command = join(import.meta.dirname, '../../workers/organisations-command.ts')

t.test('a person at the machine imports a file, registers, closes and opens again', async (t) => {
  const { url } = await testDatabase(t)
  const keys = newVaultKey('test')
  const db = openDb({ url, vaultKeys: keys, max: 4, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  const run = (...args: string[]): Promise<Ended> =>
    ended(args, { DATABASE_URL: url, ENCRYPTION_KEYS: keys, PATH: process.env.PATH ?? '' })
  const file = join(t.testdir(), 'organisations.csv')
  await writeFile(
    file,
    'code,name,kind,parent\nQA101,Site (invented),site,QA1\nQA1,Trust (invented),trust,\nQA9,?,ship,\n',
  )
  const registered = async () =>
    (await rows<{ code: string }>(db.pool, 'select code from organisations order by code')).map(
      ({ code }) => code,
    )

  const dry = await run('import', file, '--dry-run')
  t.equal(dry.code, 0, dry.error)
  t.match(dry.said, /^line 4 +QA9 +refused +The column "kind" must have one of trust, /m)
  t.match(
    dry.said,
    /^3 rows: 2 created, 0 changed, 0 unchanged, 0 skipped, 1 refused\.\nA dry run: nothing has changed\.$/m,
  )
  t.same(await registered(), [])

  t.match((await run('import', file)).said, /^3 rows: 2 created/m)
  t.same(await registered(), ['QA1', 'QA101'])
  const told = await rows(db.pool, `select distinct client_id, acting_user from organisation_imports`)
  t.same(told, [{ client_id: null, acting_user: 'npm run organisations' }])

  t.match(await run('create', 'qa2', '--name', 'Other (invented)', '--kind', 'trust'), {
    code: 0,
    said: 'QA2  Other (invented), trust: open\n',
  })
  t.match(await run('close', 'QA1', '--successor', 'QA2', '--on', '2026-04-01'), {
    code: 0,
    said: 'QA1  Trust (invented), trust: closed since 2026-04-01, succeeded by Other (invented) (QA2)\n',
  })
  t.match(await run('reopen', 'QA1'), { code: 0, said: 'QA1  Trust (invented), trust: open\n' })

  t.match(await run('close', 'QA7'), { code: 1, error: 'There is no organisation with the code "QA7".\n' })
  t.match(await run('create', 'QA2', '--name', 'x', '--kind', 'trust'), { code: 1, error: /code of Other/ })
  t.match(await run('import', file, '--layout', 'theirs'), { code: 1, error: /no layout "theirs"/ })
  t.match(await run('remove', 'QA1'), { code: 1, error: /npm run organisations -- import <file>/ })
})

t.test('a worker is told of imports one by one, the oldest first', async (t) => {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 2, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  const now = new Date()
  const told: Jobs['import-organisations'][] = []
  const look = () =>
    takeUpImports({ db, now: () => now }, async (_name, job) => {
      told.push(job as Jobs['import-organisations'])
    })
  await look()
  const file = { bytes: Buffer.from('code\n'), layout: 'own', update: false, dryRun: false } as const
  const first = await createImportHere(db, file, now)
  await createImportHere(db, file, now)
  await look()
  t.same(told, [{ importId: first }])
})

type Ended = { code: number | null; said: string; error: string }

async function ended(args: readonly string[], env: Record<string, string>): Promise<Ended> {
  const child = spawn(process.execPath, [command, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [said, error] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await exited, said, error }
}
