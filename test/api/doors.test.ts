import t from 'tap'
import { readContract } from '../../api/contract/contract.ts'
import { roleScopes } from '../../domain/callers.ts'
import { createKey } from '../../domain/clients.ts'
import { refused } from './answers.ts'
import { type Call, createCase, ORIGIN, startHarness } from './harness.ts'

const { operations } = readContract()
// What only a receipt or a secret link opens is in receipt.test.ts and surveys.test.ts.
const underV1 = operations.filter(
  ({ path, security }) =>
    path.startsWith('/v1/') && security.some((choice) => choice.secretKey ?? choice.publishableKey),
)

// Those whose body would otherwise be refused before their address is looked up.
const BODIES: Readonly<Record<string, object>> = { updatePolicy: { workingDays: 3 } }

t.test('who may come in', async (t) => {
  const harness = await startHarness(t)
  const { call, db, keys } = harness
  const { reference } = await createCase(harness)
  const values: Record<string, string> = { reference, code: 'T01', source: 'pushed', client: '1' }
  const request = ({ method, path }: (typeof operations)[number], headers = {}): Call => ({
    method: method.toUpperCase() as 'GET',
    url: path.replaceAll(/\{(\w+)\}/g, (_, name: string) => values[name] as string),
    headers,
    // A body that is wrong in every way: who asks is decided before it is read.
    ...(method !== 'get' && { body: { unknown: true } }),
  })
  const client = await db.prisma.apiClient.findUniqueOrThrow({ where: { name: 'integrator' } })
  const expired = await createKey(db, client.id, 'integrator', new Date(Date.now() - 1_000))
  const revoked = await createKey(db, client.id, 'integrator')
  await db.prisma.apiKey.updateMany({
    where: { prefix: revoked.slice(6, 18) },
    data: { revokedAt: new Date() },
  })
  const gone = await harness.addClient({ name: 'gone', role: 'integrator' })
  await db.prisma.apiClient.update({ where: { name: 'gone' }, data: { revokedAt: new Date() } })
  const good = keys.integrator

  for (const operation of underV1) {
    const open = operation.security.some((choice) => Object.keys(choice).length === 0)

    await t.test(`${operation.id}: a key that does not work is 401, whatever else is wrong`, async (t) => {
      const bad = {
        unknown: `cc_sk_000000000000_${'x'.repeat(43)}`,
        'with another secret': `${good.slice(0, -4)}AAAA`,
        'with another kind': good.replace('cc_sk_', 'cc_pk_'),
        malformed: 'cc_sk_nothing',
        empty: '',
        expired,
        revoked,
        'of a client that is gone': gone,
      }
      for (const [name, key] of Object.entries(bad)) {
        const answer = await call(request(operation, { authorization: `Bearer ${key}` }))
        refused(t, answer, 401, 'key_invalid')
        t.match(answer.headers['www-authenticate'], /^Bearer/, name)
      }
      refused(t, await call(request(operation, { authorization: 'Basic YTpi' })), 401, 'key_invalid')
    })

    if (!open)
      await t.test(`${operation.id}: without a key it is 401 before the body is read`, async (t) => {
        refused(t, await call(request(operation)), 401, 'key_missing')
        const raw = await harness.app.inject({
          method: operation.method.toUpperCase() as 'POST',
          url: request(operation).url,
          headers: { 'content-type': 'text/plain' },
          ...(operation.method !== 'get' && { payload: '{ broken' }),
        })
        t.equal(raw.statusCode, 401)
      })

    await t.test(`${operation.id}: a key without the scope is 403 before the body is read`, async (t) => {
      const needed = operation.security.flatMap((choice) => choice.secretKey ?? [])
      if (!open) {
        t.ok(needed.length > 0)
        // Of what a supplier may do, a form's key is refused below.
        if (!needed.every((scope) => (roleScopes.supplier as readonly string[]).includes(scope)))
          refused(t, await call({ ...request(operation), key: keys.supplier }), 403, 'scope_missing')
      }
      if (operation.security.every((choice) => choice.publishableKey === undefined))
        refused(
          t,
          await call({ ...request(operation, { origin: ORIGIN }), key: keys.form }),
          403,
          'scope_missing',
        )
    })
  }

  await t.test('a key that is revoked stops to work within two seconds', async (t) => {
    const key = await harness.addClient({ name: 'soon gone', role: 'supplier' })
    t.equal((await call({ url: '/v1/categories', key })).status, 200)
    await db.prisma.apiClient.update({ where: { name: 'soon gone' }, data: { revokedAt: new Date() } })
    const end = Date.now() + 2_000
    let status = 200
    while (status === 200 && Date.now() < end) status = (await call({ url: '/v1/categories', key })).status
    t.equal(status, 401)
  })

  await t.test('an address with a character that the store cannot hold is refused or unknown', async (t) => {
    const everyRole = [keys.administrator, keys.case_handler, keys.feed_provider]
    const headers = { 'acting-user': 'person-1', 'if-match': '"1"' }
    for (const operation of operations.filter(({ path }) => path.startsWith('/v1/') && path.includes('{')))
      for (const key of everyRole) {
        const names = [...operation.path.matchAll(/\{(\w+)\}/g)].map(([name]) => name)
        for (const name of names) {
          const { body: _, ...asked } = request({ ...operation, path: operation.path.replace(name, '%00') })
          const body = operation.method === 'get' ? {} : { body: BODIES[operation.id] ?? {} }
          const { status } = await call({ ...asked, ...body, key, headers })
          t.ok(status >= 400 && status < 500, `${operation.id} ${name} ${status}`)
        }
      }
  })

  await t.test('a key is nowhere in the store, only its hash is', async (t) => {
    const { rows } = await db.pool.query('select k::text as row from api_keys k')
    const all = JSON.stringify(rows)
    for (const key of Object.values(keys)) t.notOk(all.includes(key.slice(19)))
  })

  await t.test('no key was logged', async (t) => {
    for (const key of [...Object.values(keys), revoked]) t.notOk(harness.logged().includes(key.slice(19)))
    t.match(harness.logged(), /"operation":"listCases","status":401/)
  })
})
