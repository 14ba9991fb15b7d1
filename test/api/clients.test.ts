import type { FastifyRequest } from 'fastify'
import t from 'tap'
import { createAuthenticate } from '../../api/auth.ts'
import { type Operation, readContract } from '../../api/contract/contract.ts'
import { catalogue, type DoorError } from '../../api/problems.ts'
import { roleScopes } from '../../domain/callers.ts'
import type { Role } from '../../prisma/client.ts'
import { refused } from './answers.ts'
import { type Answer, createCase, draft, ORIGIN, PUBLIC_URL, startHarness } from './harness.ts'

const admin = { 'acting-user': 'person-1' }

t.test('API clients', async (t) => {
  let clock = new Date()
  const aSecondPasses = () => {
    clock = new Date(clock.getTime() + 1_000)
  }
  const harness = await startHarness(t, { now: () => clock })
  const { call, db, keys } = harness
  let names = 0
  const ask = (
    method: 'GET' | 'POST' | 'PATCH' | 'DELETE',
    path: string,
    body?: unknown,
    { key = keys.administrator, ...headers }: Record<string, string> = admin,
  ): Promise<Answer> =>
    call({ method, url: `/v1/clients${path}`, key, headers, ...(body !== undefined && { body }) })
  const create = (draft: Record<string, unknown>): Promise<Answer> =>
    ask('POST', '', { name: `client-${++names}`, ...draft })
  const made = async (draft: Record<string, unknown> = { role: 'supplier' }) => {
    const { body, status, text } = await create(draft)
    if (status !== 201) throw new Error(text)
    return { ...body.client, key: body.key as string, path: `/${body.client.client}` }
  }
  const change = (path: string, body: unknown, version: number): Promise<Answer> =>
    ask('PATCH', path, body, { ...admin, 'if-match': `"${version}"` })
  const prefixOf = (key: string): string => key.split('_')[2] as string
  const events = async (about: number) =>
    (await db.prisma.event.findMany({ where: { aboutClientId: about }, orderBy: { id: 'asc' } })).map(
      ({ type, actingUser, fields }) => ({ type, actingUser, fields }),
    )
  const status = async (key: string): Promise<number> => (await call({ url: '/v1/categories', key })).status
  const administrator = await db.prisma.apiClient.findUniqueOrThrow({ where: { name: 'administrator' } })

  await t.test('a client of each role is created, bound, and works at once with its key', async (t) => {
    const bindings: Partial<Record<Role, object>> = {
      form: { origins: [ORIGIN], brand: 'choices' },
      provider: { organisations: ['old1', 't02'] },
      commissioner: { organisations: ['xcm-01'] },
      feed_provider: { source: 'elsewhere' },
    }
    for (const role of Object.keys(roleScopes) as Role[]) {
      const { body, status: answered, headers } = await create({ role, ...bindings[role] })
      t.equal(answered, 201, role)
      t.equal(headers.location, `${PUBLIC_URL}/v1/clients/${body.client.client}`)
      t.match(headers.etag, /^"1-/)
      t.match(body.client, { role, scopes: [...roleScopes[role]], version: 1, revokedAt: null, test: false })
      t.match(body.key, role === 'form' ? /^cc_pk_/ : /^cc_sk_/)
      t.match(body.client.keys, [{ prefix: prefixOf(body.key), lastUsedAt: null, expiresAt: null }])
      if (role !== 'form') t.equal(await status(body.key), 200, `${role}'s key works`)
    }
    const provider = await made({ role: 'provider', organisations: ['t01', 'OLD1', 'T01'] })
    t.same(
      provider.organisations,
      [{ code: 'T01', name: 'Example Trust One' }],
      'each once, former codes too',
    )
    const mine = await createCase(harness)
    t.equal((await call({ url: `/v1/cases/${mine.reference}`, key: provider.key })).body.view, 'staff')
    const form = await made({ role: 'form', origins: [ORIGIN], brand: 'choices' })
    const sent = await call({ method: 'POST', url: '/v1/cases', key: form.key, body: draft() })
    t.equal(sent.status, 201)
    t.equal(
      (await call({ url: `/v1/cases/${sent.body.reference}`, key: keys.case_handler })).body.brand,
      'choices',
    )
  })

  await t.test('a role is bound to what it needs, and to nothing else', async (t) => {
    for (const [draft, fields] of [
      [{ role: 'form' }, ['/origins missing']],
      [{ role: 'form', origins: [] }, ['/origins missing']],
      [{ role: 'provider' }, ['/organisations missing']],
      [{ role: 'commissioner', origins: [ORIGIN] }, ['/origins not_for_this_role', '/organisations missing']],
      [
        { role: 'feed_provider', organisations: ['T01'] },
        ['/organisations not_for_this_role', '/source missing'],
      ],
      [{ role: 'supplier', source: 'pushed' }, ['/source not_for_this_role']],
      [{ role: 'provider', organisations: ['T01', 'NONE'] }, ['/organisations/1 unknown_organisation']],
      [{ role: 'provider', organisations: ['XCM01'] }, ['/organisations/0 wrong_organisation_kind']],
      [{ role: 'commissioner', organisations: ['T01'] }, ['/organisations/0 wrong_organisation_kind']],
      [{ role: 'feed_provider', source: 'nothing' }, ['/source unknown_source']],
      [
        { role: 'integrator', surveyUrl: 'https://www.example.org/survey' },
        ['/surveyUrl placeholder_missing'],
      ],
      [{ role: 'supplier', digestUrl: 'https://www.example.org/digest' }, ['/digestUrl placeholder_missing']],
      [{ role: 'caretaker' }, ['/role unknown_value']],
      [{ role: 'supplier', scopes: [] }, ['/scopes unknown_field']],
      [{ role: 'form', origins: ['https://www.example.org/path'] }, ['/origins/0 wrong_format']],
      [{ role: 'supplier', name: '' }, ['/name too_short', '/name wrong_format']],
    ] as Array<[object, string[]]>)
      refused(
        t,
        await create(draft as never),
        400,
        'validation_failed',
        fields.map((field) => `body ${field}`),
      )
    t.equal(await db.prisma.apiClient.count({ where: { name: `client-${names}` } }), 0, 'nothing was kept')
  })

  await t.test("a name is one client's, also of two that arrive at once", async (t) => {
    const first = await made()
    const second = await create({ role: 'supplier', name: first.name })
    refused(t, second, 409, 'name_taken')
    t.match(second.body.detail, /\/name/)
    const both = await Promise.all([1, 2].map(() => ask('POST', '', { name: 'twin', role: 'supplier' })))
    t.same(both.map(({ status }) => status).sort(), [201, 409])
    const third = await made()
    refused(t, await change(third.path, { name: first.name }, 1), 409, 'name_taken')
    t.equal(
      (await change(third.path, { name: third.name, brand: 'x' }, 1)).status,
      200,
      'its own name is its own',
    )
  })

  await t.test('a client is read and listed with its keys, without what makes them work', async (t) => {
    const client = await made({
      role: 'integrator',
      brand: 'x',
      followUrl: 'https://www.example.org/{reference}',
    })
    const { body, headers, text } = await ask('GET', client.path)
    t.match(body, { name: client.name, brand: 'x', followUrl: 'https://www.example.org/{reference}' })
    t.notOk(text.includes(client.key.slice(-43)))
    const again = await ask('GET', client.path, undefined, {
      ...admin,
      'if-none-match': headers.etag as string,
    })
    t.equal(again.status, 304)

    const seen: number[] = []
    for (let after = ''; ; ) {
      const page = await ask('GET', `?limit=7${after && `&after=${after}`}`)
      seen.push(...page.body.items.map((item: { client: number }) => item.client))
      if (page.body.next === null) break
      t.match(page.headers.link, /rel="next"/)
      after = page.body.next
    }
    t.same(
      seen,
      [...seen].sort((a, b) => a - b),
      'oldest first',
    )
    t.equal(seen.length, await db.prisma.apiClient.count(), 'all of them')
    refused(t, await ask('GET', '?after=nonsense'), 400, 'validation_failed', ['query /after unknown_cursor'])
  })

  await t.test('a client changes: absent leaves, null clears, with the version that was read', async (t) => {
    const client = await made({ role: 'provider', organisations: ['T01'], brand: 'x' })
    const { body, headers } = await change(
      client.path,
      { organisations: ['T02'], followUrl: 'https://a.example' },
      1,
    )
    t.match(body, {
      brand: 'x',
      version: 2,
      organisations: [{ code: 'T02' }],
      followUrl: 'https://a.example',
    })
    t.match(headers.etag, /^"2-/)
    t.match((await change(client.path, { brand: null, followUrl: null }, 2)).body, {
      brand: null,
      followUrl: null,
    })
    const stale = await change(client.path, { brand: 'y' }, 2)
    refused(t, stale, 412, 'version_stale')
    t.equal(stale.body.currentVersion, 3)
    refused(t, await ask('PATCH', client.path, { brand: 'y' }), 428, 'version_required')
    refused(t, await change(client.path, {}, 3), 400, 'validation_failed', ['body  too_few'])
    refused(t, await change(client.path, { role: 'supplier' }, 3), 400, 'validation_failed', [
      'body /role unknown_field',
    ])
    refused(t, await change(client.path, { organisations: [] }, 3), 400, 'validation_failed', [
      'body /organisations missing',
    ])
    refused(t, await change(client.path, { origins: [ORIGIN] }, 3), 400, 'validation_failed', [
      'body /origins not_for_this_role',
    ])
    refused(t, await change('/999999', { brand: 'y' }, 1), 404, 'not_found')
    const two = await Promise.all([
      change(client.path, { brand: 'a' }, 3),
      change(client.path, { brand: 'b' }, 3),
    ])
    t.same(two.map(({ status }) => status).sort(), [200, 412], 'of two changes one is made')
  })

  await t.test('a changed binding counts within a second', async (t) => {
    const client = await made({ role: 'provider', organisations: ['T02'] })
    const { reference } = await createCase(harness)
    const view = async () => (await call({ url: `/v1/cases/${reference}`, key: client.key })).body.view
    t.not(await view(), 'staff')
    await change(client.path, { organisations: ['T01'] }, 1)
    aSecondPasses()
    t.equal(await view(), 'staff')
  })

  await t.test('two keys work at a time, so that one replaces the other without a gap', async (t) => {
    const client = await made()
    const second = await ask('POST', `${client.path}/keys`, {})
    t.equal(second.status, 201)
    t.equal(second.body.prefix, prefixOf(second.body.key))
    t.same([await status(client.key), await status(second.body.key)], [200, 200])
    refused(t, await ask('POST', `${client.path}/keys`, {}), 409, 'too_many_keys')
    t.equal((await ask('DELETE', `${client.path}/keys/${prefixOf(client.key)}`)).status, 204)
    const many = await Promise.all([1, 2, 3].map(() => ask('POST', `${client.path}/keys`, {})))
    t.same(many.map(({ status }) => status).sort(), [201, 409, 409], 'of three at once one is made')
    const form = await made({ role: 'form', origins: [ORIGIN] })
    t.match((await ask('POST', `${form.path}/keys`, {})).body.key, /^cc_pk_/)
    refused(t, await ask('POST', '/999999/keys', {}), 404, 'not_found')
  })

  await t.test('a key may have fewer scopes than its role, and an end', async (t) => {
    const client = await made({ role: 'integrator' })
    const keysOf = `${client.path}/keys`
    refused(
      t,
      await ask('POST', keysOf, { scopes: ['cases:read', 'clients:manage'] }),
      400,
      'validation_failed',
      ['body /scopes/1 scope_not_in_role'],
    )
    const past = new Date(clock.getTime() - 1).toISOString()
    refused(t, await ask('POST', keysOf, { expiresAt: past }), 400, 'validation_failed', [
      'body /expiresAt not_in_future',
    ])
    refused(t, await ask('POST', keysOf, { scopes: [] }), 400, 'validation_failed', ['body /scopes too_few'])
    const expiresAt = new Date(Date.now() + 3600_000).toISOString()
    const { body } = await ask('POST', keysOf, { scopes: ['cases:create', 'cases:create'], expiresAt })
    const { keys: known } = (await ask('GET', client.path)).body
    t.match(known[1], { prefix: body.prefix, scopes: ['cases:create'], expiresAt, revokedAt: null })
    t.equal((await call({ method: 'POST', url: '/v1/cases', key: body.key, body: draft() })).status, 201)
    refused(t, await call({ url: '/v1/cases?view=mine', key: body.key }), 400, 'validation_failed')
    await db.pool.query(`update api_keys set expires_at = now() where prefix = $1`, [body.prefix])
    t.equal((await ask('POST', keysOf, {})).status, 201, 'one that has ended does not count')
  })

  await t.test('a revoked key stops within a second on every process', async (t) => {
    const elsewhere = createAuthenticate(db, { clock: () => clock.getTime() })
    const reads = readContract().operations.find(({ id }) => id === 'listCategories') as Operation
    const client = await made()
    const both = async () => {
      const request = { headers: { authorization: `Bearer ${client.key}` } } as FastifyRequest
      const there = await elsewhere(reads, request).then(
        () => 200,
        (error: DoorError) => catalogue[error.code].status,
      )
      return [await status(client.key), there]
    }
    t.same(await both(), [200, 200])
    const path = `${client.path}/keys/${prefixOf(client.key)}`
    const answer = await ask('DELETE', path)
    t.equal(answer.status, 204)
    t.equal(answer.text, '')
    aSecondPasses()
    t.same(await both(), [401, 401])
    t.equal((await ask('DELETE', path)).status, 204, 'a second time says the same')
    t.same(
      (await events(client.client)).map(({ type }) => type),
      ['client.created', 'key.revoked'],
      'and does nothing',
    )
  })

  await t.test('a revoked client is listed, but no key of it works, and it gets no other', async (t) => {
    const client = await made()
    const second = (await ask('POST', `${client.path}/keys`, {})).body.key
    t.equal((await ask('DELETE', client.path)).status, 204)
    aSecondPasses()
    t.same([await status(client.key), await status(second)], [401, 401])
    const { body } = await ask('GET', client.path)
    t.match(body, { version: 2, revokedAt: String })
    t.ok(body.keys.every((key: { revokedAt: string | null }) => key.revokedAt === body.revokedAt))
    t.equal((await ask('DELETE', client.path)).status, 204)
    refused(t, await ask('POST', `${client.path}/keys`, {}), 400, 'validation_failed', [
      'path /client client_revoked',
    ])
    refused(t, await ask('DELETE', '/999999'), 404, 'not_found')
    t.same(
      (await events(client.client)).map(({ type }) => type),
      ['client.created', 'key.created', 'client.revoked'],
    )
  })

  await t.test('nobody shuts themselves out', async (t) => {
    const own = `/${administrator.id}`
    refused(t, await ask('DELETE', own), 400, 'validation_failed', ['path /client own_client'])
    const last = `${own}/keys/${prefixOf(keys.administrator)}`
    refused(t, await ask('DELETE', last), 400, 'validation_failed', ['path /key last_key'])
    const lesser = (await ask('POST', `${own}/keys`, { scopes: ['sources:read'] })).body
    refused(t, await ask('DELETE', last), 400, 'validation_failed', ['path /key last_key'])
    t.equal((await ask('DELETE', `${own}/keys/${lesser.prefix}`)).status, 204)
    t.equal((await ask('POST', `${own}/keys`, {})).status, 201)
    const another = await made({ role: 'administrator' })
    t.equal((await ask('DELETE', another.path)).status, 204, 'another administrator may go')
  })

  await t.test('a key is found under its own client only', async (t) => {
    const [one, two] = [await made(), await made()]
    refused(t, await ask('DELETE', `${one.path}/keys/${prefixOf(two.key)}`), 404, 'not_found')
    refused(t, await ask('DELETE', `${one.path}/keys/nothing`), 404, 'not_found')
    refused(t, await ask('DELETE', `/999999/keys/${prefixOf(two.key)}`), 404, 'not_found')
    t.equal(await status(two.key), 200)
  })

  await t.test('when a key was used last is seen to the minute', async (t) => {
    const client = await made()
    await status(client.key)
    const [{ lastUsedAt }] = (await ask('GET', client.path)).body.keys
    t.match(lastUsedAt, /:00(\.000)?Z$/)
    t.ok(Math.abs(Date.now() - Date.parse(lastUsedAt)) < 120_000)
  })

  await t.test('a client that tries things out is marked, and stays so', async (t) => {
    const client = await made({ role: 'integrator', test: true })
    t.equal(client.test, true)
    refused(t, await change(client.path, { test: false }, 1), 400, 'validation_failed', [
      'body /test unknown_field',
    ])
  })

  await t.test('nobody pushes or administers for a trial: what they do is real', async (t) => {
    for (const role of [{ role: 'feed_provider', source: 'elsewhere' }, { role: 'administrator' }]) {
      const answer = await create({ ...role, test: true })
      refused(t, answer, 400, 'validation_failed', ['body /test not_for_this_role'])
    }
  })

  await t.test('every change is an event with who did it, naming fields and no values', async (t) => {
    const client = await made({ role: 'integrator' })
    await change(client.path, { brand: 'secretbrand', followUrl: 'https://a.example' }, 1)
    const { prefix } = (await ask('POST', `${client.path}/keys`, {})).body
    await ask('DELETE', `${client.path}/keys/${prefix}`)
    await ask('DELETE', client.path)
    const who = { actingUser: 'person-1' }
    t.same(await events(client.client), [
      { type: 'client.created', ...who, fields: [] },
      { type: 'client.changed', ...who, fields: ['brand', 'followUrl'] },
      { type: 'key.created', ...who, fields: [] },
      { type: 'key.revoked', ...who, fields: [] },
      { type: 'client.revoked', ...who, fields: [] },
    ])
    const by = await db.prisma.event.findMany({ where: { aboutClientId: client.client } })
    t.ok(by.every(({ clientId }) => clientId === administrator.id))
  })

  await t.test('a key is shown once: neither the log nor the store has it', async (t) => {
    const client = await made()
    const { key } = (await ask('POST', `${client.path}/keys`, {})).body
    const secrets = [client.key, key].map((one) => one.slice(-43))
    for (const secret of secrets) t.notOk(harness.logged().includes(secret))
    for (const table of ['api_keys', 'api_clients', 'events', 'idempotency_records', 'accesses']) {
      const { rows } = await db.pool.query<{ text: string }>(`select t::text as text from ${table} t`)
      for (const secret of secrets)
        t.notOk(
          rows.some(({ text }) => text.includes(secret)),
          table,
        )
    }
  })

  await t.test('only an administrator looks after clients, and says who acts', async (t) => {
    const client = await made()
    const key = `${client.path}/keys/${prefixOf(client.key)}`
    const requests = [
      ['GET', ''],
      ['POST', '', { name: 'another', role: 'supplier' }],
      ['GET', client.path],
      ['PATCH', client.path, { brand: 'x' }],
      ['DELETE', client.path],
      ['POST', `${client.path}/keys`, {}],
      ['DELETE', key],
    ] as const
    for (const [method, path, body] of requests) {
      const url = `/v1/clients${path}`
      refused(t, await call({ method, url, ...(body && { body }) }), 401, 'key_missing')
      for (const role of ['case_handler', 'provider', 'supplier', 'feed_provider', 'integrator'] as const)
        refused(t, await ask(method, path, body, { ...admin, key: keys[role] }), 403, 'scope_missing')
      if (method === 'GET') continue
      const nobody = await call({
        method,
        url,
        key: keys.administrator,
        headers: { 'if-match': '"1"' },
        ...(body && { body }),
      })
      refused(t, nobody, 400, 'validation_failed', ['header /Acting-User missing'])
    }
    t.match((await ask('GET', client.path)).body, { version: 1, revokedAt: null })
  })
})
