import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { indexCases } from '../../domain/case-index.ts'
import { placeEvents } from '../../domain/change-log.ts'
import { closeDb, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { createCase, publishedCase, staff, startHarness } from '../api/harness.ts'
import { testDatabase } from '../database.ts'

const run = promisify(execFile)
const page = readFileSync(new URL('../../docs/deployment.md', import.meta.url), 'utf8')
const section = page.split('\n## From the embedded store to your own\n')[1]?.split('\n## ')[0] ?? ''
const [, script = ''] = /```sh\n([\s\S]*?)```/.exec(section) ?? []
const moved = (/TABLES="([^"]+)"/.exec(script)?.[1] ?? '').split(/\s+/)

// Derived, made anew by itself, or good for minutes.
const LEFT_BEHIND = ['case_claims', 'idempotency_records', 'name_words', 'organisation_words', 'vault_probe']

t.test('docs/deployment.md moves every table to a store of your own, or says which not', async (t) => {
  const schema = readFileSync(new URL('../../prisma/schema.prisma', import.meta.url), 'utf8')
  const tables = [...schema.matchAll(/^ {2}@@map\("(\w+)"\)\n\}/gm)].map(([, table = '']) => table)
  const models = new Set(
    [...schema.matchAll(/^model \w+ \{[\s\S]*?@@map\("(\w+)"\)\n\}/gm)].map(([, name = '']) => name),
  )
  t.same(tables.filter((table) => models.has(table) && !moved.includes(table)).sort(), LEFT_BEHIND)
})

const psql = existsSync('/usr/bin/psql')
t.test(
  'its commands move a store, and the change log goes on there',
  { skip: !psql && 'there is no psql' },
  async (t) => {
    const harness = await startHarness(t)
    const { db } = harness
    const { reference, version } = await publishedCase(harness)
    await harness.call({
      method: 'POST',
      url: `/v1/cases/${reference}/responses`,
      key: harness.keys.provider,
      headers: staff(version),
      body: { text: 'We are sorry. (Invented.)' },
    })
    await createCase(harness)
    await indexCases(db)
    const [from] = await rows<{ name: string; placed: number }>(
      db.pool,
      'select current_database() as name, placed from log_state',
    )
    const { url } = await testDatabase(t)
    const old = new URL(url)
    old.pathname = `/${from?.name}`
    const folder = mkdtempSync(join(tmpdir(), 'care-connect-moving-'))
    t.teardown(async () => rmSync(folder, { recursive: true, force: true }))
    const commands = script.split('\n').filter((line) => !/^(DATA|FROM)=/.test(line))
    await run('bash', ['-euc', commands.join('\n')], {
      cwd: folder,
      env: { ...process.env, FROM: old.href, DATABASE_URL: url },
    })

    const next = openDb({ url, vaultKeys: newVaultKey('test'), max: 2, applicationName: 'test' })
    t.teardown(() => closeDb(next))
    for (const table of moved) {
      const count = async (of: typeof db) => rows(of.pool, `select count(*) as n from ${table}`)
      t.same(await count(next), await count(db), table)
    }
    await rows(next.pool, `insert into events (type) values ('policy.changed')`)
    t.equal(await placeEvents(next), 1)
    t.match(await rows(next.pool, 'select placed from log_state'), [{ placed: Number(from?.placed) + 1 }])
  },
)
