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
    OPERATIONS_PORT: 'high',
    MOST_LOOP_DELAY_MS: '0',
    MOST_WAITING: 'few',
    DRAIN_SECONDS: '-1',
    ENCRYPTION_KEYS: 'short',
    POLL_EVERY_SECONDS: '0',
    GEOCODER_URL: 'https://postcodes.example.org/postcodes/',
    ALLOW_PRIVATE: 'localhost',
    ERASURE_LEDGER: 'erasures',
    NATIONAL_CONTACT_EMAIL: 'two@example.org, addresses@example.org',
  }
  try {
    readConfig(wrong)
    t.fail('it was taken')
  } catch (error) {
    for (const name of Object.keys(wrong)) t.match((error as Error).message, new RegExp(`${name} must be`))
  }
})

t.test('a hub is an address, and needs that of the feeds', async (t) => {
  const PUBLIC_URL = 'https://api.example.org'
  const address = 'https://hub.example.org/?key=a'
  t.equal(readConfig({ WEBSUB_HUB: address, PUBLIC_URL }).websubHub, address, 'as it is written')
  t.equal(readConfig({}).websubHub, undefined)
  t.throws(() => readConfig({ WEBSUB_HUB: address }), { message: /PUBLIC_URL must be set with WEBSUB_HUB/ })
  for (const wrong of [
    'hub',
    'ftp://hub.example.org/',
    'https://a:b@hub.example.org/',
    'https://hub.example.org/#x',
  ])
    t.throws(() => readConfig({ WEBSUB_HUB: wrong, PUBLIC_URL }), { message: /WEBSUB_HUB must be/ }, wrong)
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

t.test('mails go one way: by a server, or by GOV.UK Notify with its template', async (t) => {
  const [service, secret, template] = ['1', '2', '3'].map(
    (n) => `${n.repeat(8)}-1111-1111-1111-${n.repeat(12)}`,
  )
  const key = { NOTIFY_API_KEY: `our-key-${service}-${secret}` }
  const whole = { ...key, NOTIFY_TEMPLATE: template }
  t.match(readConfig(whole), {
    notifyTemplate: template,
    notifyUrl: 'https://api.notifications.service.gov.uk',
  })
  t.throws(() => readConfig(key), { message: /NOTIFY_TEMPLATE must be set/ })
  t.throws(() => readConfig({ ...whole, SMTP_URL: 'smtps://mail.example.org', MAIL_FROM: 'a@example.org' }), {
    message: /SMTP_URL must be left out/,
  })
  for (const wrong of ['short', `${service}-${secret}`, `our-key-${service}`])
    t.throws(() => readConfig({ NOTIFY_API_KEY: wrong }), { message: /NOTIFY_API_KEY must be/ })
  for (const name of ['NOTIFY_TEMPLATE', 'NOTIFY_REPLY_TO', 'NOTIFY_CALLBACK_TOKEN'])
    t.throws(() => readConfig({ [name]: 'short' }), { message: new RegExp(`${name} must be`) })
  const standIn = { NOTIFY_URL: 'http://127.0.0.1:4020/' }
  t.throws(() => readConfig(standIn), { message: /NOTIFY_URL must be an https address/ })
  t.equal(readConfig({ ...standIn, ALLOW_PRIVATE: '127.0.0.1:4020' }).notifyUrl, 'http://127.0.0.1:4020')
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
