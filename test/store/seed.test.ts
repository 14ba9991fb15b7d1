import t from 'tap'
import { findClient } from '../../domain/clients.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { isSeeded, pointExampleSources, seedDemonstration } from '../../prisma/seed.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { testDatabase } from '../database.ts'

const provider = { url: 'http://127.0.0.1:9', organisations: [{ choicesId: 70_001, ods: 'RYJ' }] }
const now = new Date('2026-11-22T12:00:00Z')

t.test('a seed that was cut off goes on, and one that is repeated doubles nothing', async (t) => {
  const { url } = await testDatabase(t)
  const db = openDb({ url, vaultKeys: newVaultKey('test'), max: 4, applicationName: 'test' })
  t.teardown(() => closeDb(db))
  await db.prisma.organisation.create({
    data: { code: 'RYJ', name: 'Cut off after the first', kind: 'trust' },
  })
  await db.prisma.apiClient.create({ data: { name: 'demo administrator', role: 'administrator' } })
  t.notOk(await isSeeded(db))

  const first = await seedDemonstration(db, provider, now)
  const counted = async () => ({
    organisations: await db.prisma.organisation.count(),
    sources: await db.prisma.source.count(),
    clients: await db.prisma.apiClient.count(),
    services: await db.prisma.service.count(),
    mappings: await db.prisma.categoryMapping.count(),
  })
  const before = await counted()
  t.match(before, { organisations: 49, sources: 3, clients: 9, mappings: 14 })
  t.ok(await isSeeded(db))

  const second = await seedDemonstration(db, provider, now)
  t.same(await counted(), before)
  t.same(Object.keys(second).sort(), Object.keys(first).sort())
  t.equal(await findClient(db, first.provider ?? ''), null, 'the old key has ended')
  t.match(await findClient(db, second.provider ?? ''), { role: 'provider' })
  await pointExampleSources(db, { ...provider, url: 'http://127.0.0.1:10' })
})
