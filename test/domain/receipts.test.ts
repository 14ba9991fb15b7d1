import fc from 'fast-check'
import t from 'tap'
import { receiptFits, receiptOf } from '../../domain/receipts.ts'
import { newReference } from '../../domain/references.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

t.test('receipts', async (t) => {
  const { url } = await testDatabase(t)
  const vaultKeys = newVaultKey('test')
  const open = () => openDb({ url, vaultKeys, max: 4, applicationName: 'test' })
  const db = open()
  t.teardown(() => closeDb(db))
  const place = { reference: newReference(), receiptGeneration: 1 }
  const fits = (receipt: string, at: typeof place | undefined = place) =>
    receiptFits(db.pool, db.vault, receipt, at)

  await t.test('a receipt is computed again, and nothing of it is stored', async (t) => {
    const receipt = await receiptOf(db.pool, db.vault, place)
    t.match(receipt, /^[\w-]{43}$/)
    t.equal(await receiptOf(db.pool, db.vault, place), receipt)
    t.ok(await fits(receipt))
    const { rows } = await db.pool.query('select s::text as row from store_secrets s')
    t.notOk(JSON.stringify(rows).includes(receipt))
  })

  await t.test('another process, and another key in front, compute the same', async (t) => {
    const receipt = await receiptOf(db.pool, db.vault, place)
    const rotated = openDb({
      url,
      vaultKeys: `${newVaultKey('newer')},${vaultKeys}`,
      max: 1,
      applicationName: 'test',
    })
    t.equal(await receiptOf(rotated.pool, rotated.vault, place), receipt)
    await closeDb(rotated)
  })

  await t.test('processes that start together make one secret between them', async (t) => {
    await db.pool.query(`delete from store_secrets where name = 'receipt'`)
    const fresh = [open(), open(), open()]
    const receipts = await Promise.all(fresh.map((one) => receiptOf(one.pool, one.vault, place)))
    t.equal(new Set(receipts).size, 1)
    await Promise.all(fresh.map(closeDb))
  })

  await t.test('it is bound to its case and its generation', async (t) => {
    const receipt = await receiptOf(db.pool, db.vault, place)
    t.notOk(await fits(receipt, { ...place, receiptGeneration: 2 }))
    t.notOk(await fits(receipt, { ...place, reference: newReference() }))
    t.notOk(await receiptFits(db.pool, db.vault, receipt, undefined))
  })

  await t.test('no other text fits, whatever its length and letters', async (t) => {
    const receipt = await receiptOf(db.pool, db.vault, place)
    const near = [
      '',
      receipt.slice(0, -1),
      `${receipt}A`,
      `${receipt} `,
      receipt.toUpperCase(),
      '\u0000'.repeat(43),
    ]
    for (const text of near) t.notOk(await fits(text), text)
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ maxLength: 100 }),
          fc.string({ unit: 'grapheme', minLength: 43, maxLength: 43 }),
        ),
        async (text) => text === receipt || !(await fits(text)),
      ),
      { numRuns: 200 },
    )
  })

  await t.test('a case that is not there has no receipt, not even the one of nothing', async (t) => {
    const nothing = await receiptOf(db.pool, db.vault, { reference: '', receiptGeneration: 0 })
    t.notOk(await receiptFits(db.pool, db.vault, nothing, undefined))
  })
})
