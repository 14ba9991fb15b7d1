import t, { type Test } from 'tap'
import type { ClientCaller } from '../../domain/callers.ts'
import { createClient, findClient } from '../../domain/clients.ts'
import { forgetExpiredIdempotency, once } from '../../domain/idempotency.ts'
import { closeDb, type Db, openDb, rows } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

t.test('idempotency', async (t) => {
  const db = await store(t)
  const one = await client(db, 'one')
  const two = await client(db, 'two')
  const request = (key: string | undefined, body: unknown = { text: 'a' }) => ({
    key,
    operation: 'createCase',
    body,
  })
  const counter = () => {
    let runs = 0
    return { work: async () => ({ n: ++runs }), runs: () => runs }
  }

  await t.test('a repeat gets the first answer and does nothing', async (t) => {
    const { work, runs } = counter()
    t.same(await once(db, one, request('repeat'), work), { n: 1 })
    t.same(await once(db, one, request('repeat'), work), { n: 1 })
    t.equal(runs(), 1)
  })

  await t.test('without a key everything is done each time', async (t) => {
    const { work, runs } = counter()
    await once(db, one, request(undefined), work)
    await once(db, one, request(undefined), work)
    t.equal(runs(), 2)
  })

  await t.test('five at once are one', async (t) => {
    const { work, runs } = counter()
    const answers = await Promise.all(Array.from({ length: 5 }, () => once(db, one, request('five'), work)))
    t.same(answers, Array(5).fill({ n: 1 }))
    t.equal(runs(), 1)
  })

  await t.test('the same key with another body or another operation is refused', async (t) => {
    const { work, runs } = counter()
    await once(db, one, request('other'), work)
    await t.rejects(once(db, one, request('other', { text: 'b' }), work), { code: 'idempotency_key_reused' })
    await t.rejects(once(db, one, { ...request('other'), operation: 'createDecision x' }, work), {
      code: 'idempotency_key_reused',
    })
    t.equal(runs(), 1)
  })

  await t.test("one client's keys are nothing to another", async (t) => {
    const { work, runs } = counter()
    await once(db, one, request('shared'), work)
    await once(db, two, request('shared', { text: 'b' }), work)
    t.equal(runs(), 2)
  })

  await t.test('work that fails leaves the key free', async (t) => {
    const { work } = counter()
    const fail = async (): Promise<{ n: number }> => {
      throw new Error('invented')
    }
    await t.rejects(once(db, one, request('failing'), fail), /invented/)
    t.same(await once(db, one, request('failing', { text: 'b' }), work), { n: 1 })
  })

  await t.test('after a day a key is free, before it is swept and after', async (t) => {
    const { work, runs } = counter()
    await once(db, one, request('old'), work)
    await rows(
      db.pool,
      `update idempotency_records set expires_at = now() - interval '1 second' where key = 'old'`,
    )
    await once(db, one, request('old', { text: 'b' }), work)
    t.equal(runs(), 2)
    await rows(
      db.pool,
      `update idempotency_records set expires_at = now() - interval '1 second' where key = 'old'`,
    )
    t.ok((await forgetExpiredIdempotency(db)) >= 1)
    await once(db, one, request('old'), work)
    t.equal(runs(), 3)
  })

  await t.test('what is kept holds nothing of the body', async (t) => {
    await once(db, one, request('canary', { text: 'CANARY' }), async () => ({ caseId: 1 }))
    const kept = await rows(db.pool, `select r::text as row from idempotency_records r where key = 'canary'`)
    t.notMatch(JSON.stringify(kept), /CANARY/)
  })
})

async function store(t: Test): Promise<Db> {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 6, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  return db
}

async function client(db: Db, name: string): Promise<ClientCaller> {
  const { key } = await createClient(db, { name, role: 'integrator' })
  return (await findClient(db, key)) as ClientCaller
}
