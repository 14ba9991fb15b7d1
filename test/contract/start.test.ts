import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createApp } from '../../api/app.ts'
import { type Contract, readContract } from '../../api/contract/contract.ts'
import { handlers } from '../../api/handlers/index.ts'
import { closeDb, openDb } from '../../prisma/client.ts'
import { newVaultKey } from '../../prisma/vault.ts'
import { SERVICE } from '../api/harness.ts'

const root = join(import.meta.dirname, '../..')
const contract = readContract()

t.test('the API starts with the contract as it is', async (t) => {
  await t.resolves(start(t, contract))
})

t.test('an operation without a handler stops the start by name', async (t) => {
  const [first] = contract.operations
  const extra = { ...contract, operations: [...contract.operations, { ...first, id: 'createWeather' }] }
  await t.rejects(start(t, extra as Contract), /createWeather has no handler/)
})

t.test('a handler without an operation stops the start by name', async (t) => {
  const operations = contract.operations.filter(({ id }) => id !== 'getGeoFeed')
  await t.rejects(start(t, { ...contract, operations }), /the handler getGeoFeed has no operation/)
})

t.test('an operation that is there twice stops the start by name', async (t) => {
  const twice = contract.operations.filter(({ id }) => id === 'getCase')
  const operations = [...contract.operations, ...twice]
  await t.rejects(start(t, { ...contract, operations }), /two operations getCase/)
})

t.test('the handlers are the operations', async (t) => {
  t.same(Object.keys(handlers).sort(), contract.operations.map(({ id }) => id).sort())
  for (const [name, handler] of Object.entries(handlers)) t.equal(handler.name, name)
})

t.test('an operation without a security rule or a name is refused', async (t) => {
  const folder = t.testdir({
    'open.yaml': 'paths: { /v1/x: { get: { operationId: getX, responses: {} } } }\ncomponents: {}',
    'nameless.yaml': 'paths: { /v1/x: { get: { security: [], responses: {} } } }\ncomponents: {}',
  })
  t.throws(() => readContract(new URL(`file://${folder}/open.yaml`)), /gives getX no security/)
  t.throws(() => readContract(new URL(`file://${folder}/nameless.yaml`)), /get \/v1\/x no operationId/)
})

t.test('the generated types are those of the contract', async (t) => {
  t.doesNotThrow(() => execFileSync('npm', ['run', 'check:generated'], { cwd: root, stdio: 'pipe' }))
})

// The store is opened, but nothing asks it.
async function start(t: Test, contract: Contract): Promise<void> {
  const db = openDb({
    url: 'postgresql://nobody@127.0.0.1:9/none',
    vaultKeys: newVaultKey('test'),
    max: 1,
    applicationName: 'test',
  })
  t.teardown(() => closeDb(db))
  const app = await createApp({
    db,
    publicUrl: 'https://api.test.example',
    logger: false,
    requestsPerMinute: 10,
    intakePerMinute: 1_000,
    service: SERVICE,
    contract,
  })
  await app.close()
}
