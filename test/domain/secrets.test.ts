import t, { type Test } from 'tap'
import { secretOf } from '../../domain/secrets.ts'
import { closeDb, inTransaction, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

t.test('a secret is made once and is the same on every process', async (t) => {
  const { open } = await store(t)
  const [one, two] = [open(), open()]
  const found = await Promise.all([one, two, one, two].map((db) => secretOf(db.pool, db.vault, 'receipt')))
  for (const secret of found) t.same(secret, found[0])
  t.equal(found[0]?.length, 32)
  t.notSame(await secretOf(one.pool, one.vault, 'survey'), found[0])
})

t.test('a secret that was undone with its transaction is not remembered', async (t) => {
  const { open } = await store(t)
  const [one, two] = [open(), open()]
  const undone = new Error('undone')
  await t.rejects(
    inTransaction(one, async (tx) => {
      await secretOf(tx, tx.vault, 'receipt')
      await secretOf(tx, tx.vault, 'receipt')
      throw undone
    }),
    undone,
  )
  t.same(await secretOf(one.pool, one.vault, 'receipt'), await secretOf(two.pool, two.vault, 'receipt'))
})

async function store(t: Test) {
  const { url } = await testDatabase(t)
  const vaultKeys = newVaultKey('test')
  const open = () => {
    const db = openDb({ url, vaultKeys, max: 2, applicationName: 'test' })
    t.teardown(() => closeDb(db))
    return db
  }
  return { open }
}
