import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { needOwnStore, readConfig } from '../config.ts'

const root = join(import.meta.dirname, '..')
const KEY = `k1:${Buffer.alloc(32).toString('base64')}`

t.test('without any setting there are defaults, and they cannot be changed', async (t) => {
  const config = readConfig({})
  t.match(config, { production: false, host: '127.0.0.1', requestsPerMinute: 600, allowPrivate: [] })
  t.throws(() => Object.assign(config, { host: '0.0.0.0' }), TypeError)
})

t.test('everything that is wrong is said at once', async (t) => {
  const wrong = {
    DATABASE_URL: 'mysql://x',
    REDIS_URL: 'nonsense',
    PUBLIC_URL: 'api.example.org',
    PORT: '70000',
    TRUST_PROXY: 'everybody',
    LOG_LEVEL: 'loud',
    ENCRYPTION_KEYS: 'short',
    POLL_EVERY_SECONDS: '0',
    GEOCODER_URL: 'https://postcodes.example.org/postcodes/',
    ALLOW_PRIVATE: 'localhost',
  }
  try {
    readConfig(wrong)
    t.fail('it was taken')
  } catch (error) {
    for (const name of Object.keys(wrong)) t.match((error as Error).message, new RegExp(`${name} must be`))
  }
})

t.test('the geocoder is an address with a place for the postcode', async (t) => {
  const address = 'https://postcodes.example.org/postcodes/{postcode}?key=a'
  t.equal(readConfig({ GEOCODER_URL: address }).geocoderUrl, address)
  t.equal(readConfig({}).geocoderUrl, undefined)
  for (const wrong of [
    '{postcode}',
    'ftp://postcodes.example.org/{postcode}',
    'https://postcodes.example.org/',
  ])
    t.throws(() => readConfig({ GEOCODER_URL: wrong }), { message: /GEOCODER_URL must be/ })
})

t.test('a value is never repeated in what is said about it', async (t) => {
  t.throws(() => readConfig({ ENCRYPTION_KEYS: 'secret-material' }), {
    message: /^(?![\s\S]*secret-material)/,
  })
})

t.test('a deployment without a store of its own is told all that it lacks', async (t) => {
  t.throws(() => needOwnStore(readConfig({})), { message: /DATABASE_URL[\s\S]*ENCRYPTION_KEYS/ })
  t.throws(() => needOwnStore(readConfig({ DATABASE_URL: 'postgresql://x/y' })), {
    message: /ENCRYPTION_KEYS/,
  })
  t.same(needOwnStore(readConfig({ DATABASE_URL: 'postgresql://x/y', ENCRYPTION_KEYS: KEY })), {
    databaseUrl: 'postgresql://x/y',
    encryptionKeys: KEY,
  })
})

t.test('.env.example names every setting', async (t) => {
  const source = readFileSync(join(root, 'config.ts'), 'utf8')
  const settings = [...source.matchAll(/setting\(\s*'([A-Z_]+)'/g)].map(([, name]) => name as string)
  const described = [...readFileSync(join(root, '.env.example'), 'utf8').matchAll(/^#([A-Z_]+)=/gm)].map(
    ([, name]) => name as string,
  )
  t.same(described.sort(), settings.sort())
  t.ok(settings.length > 10)
})

for (const entry of [
  'api/server.ts',
  'workers/main.ts',
  'prisma/migrate.ts',
  'prisma/create-client.ts',
  'start.ts',
]) {
  t.test(`${entry} refuses to start in production without a database of one's own`, async (t) => {
    const args = entry === 'prisma/create-client.ts' ? [entry, '--role', 'admin'] : [entry]
    const { status, stderr } = spawnSync(process.execPath, args, {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH, NODE_ENV: 'production' },
    })
    t.equal(status, 1)
    t.match(stderr, /DATABASE_URL/)
    t.notMatch(stderr, /\n {4}at /)
  })
}
